package main

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

func TestLateWriterWritesAll(t *testing.T) {
	var out bytes.Buffer
	l := newLateWriter(&out)
	var want strings.Builder
	for i := range 500 {
		fmt.Fprintf(io.MultiWriter(l, &want), "line %d\n", i)
	}
	l.Close()
	if out.String() != want.String() {
		t.Errorf("written is\n%s", out.String())
	}
	fmt.Fprintln(l, "too late")
	l.Close()
}

// A reader that stops: nobody waits for it, and what is missing is said when it is back.
func TestLateWriterDrops(t *testing.T) {
	r, w := io.Pipe()
	l := newLateWriter(w)
	for i := range 3 * lateLines {
		fmt.Fprintf(l, "line %d\n", i)
	}
	read := make(chan string)
	go func() {
		text, _ := io.ReadAll(r)
		read <- string(text)
	}()
	// The reader is back; whatever there is room for next says what is missing.
	for len(l.lines) == lateLines {
		runtime.Gosched()
	}
	fmt.Fprintln(l, "last")
	l.Close()
	w.Close()
	text := <-read
	if !strings.Contains(text, "lines are missing here") || !strings.HasSuffix(text, "last\n") || !strings.HasPrefix(text, "line 0\n") {
		t.Errorf("of %d lines these were written:\n%s", 3*lateLines, text)
	}
}
