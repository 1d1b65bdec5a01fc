package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	lateLines    = 1024        // that wait to be written
	latePatience = time.Second // for them at the end
)

// lateWriter writes behind the back of who logs. A log on a disk that has stopped,
// or a standard error that an editor does not read, must not stop the server; what
// does not fit meanwhile is dropped, and the log says so.
type lateWriter struct {
	lines chan []byte
	done  chan struct{}

	mu      sync.Mutex // guards what follows
	closed  bool
	dropped int
}

// newLateWriter writes to w until it is closed. It does not close w.
func newLateWriter(w io.Writer) *lateWriter {
	l := &lateWriter{lines: make(chan []byte, lateLines), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		for line := range l.lines {
			w.Write(line) // a log that cannot be written has nobody to tell
		}
	}()
	return l
}

// Write never waits and never fails.
func (l *lateWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return len(line), nil
	}
	text := append([]byte(nil), line...)
	if l.dropped > 0 {
		text = append(fmt.Appendf(nil, "... %d lines are missing here: the log could not be written fast enough\n", l.dropped), text...)
	}
	select {
	case l.lines <- text:
		l.dropped = 0
	default:
		l.dropped++
	}
	return len(line), nil
}

// Close waits for what is still to be written, but not for ever.
func (l *lateWriter) Close() {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.lines)
	}
	l.mu.Unlock()
	select {
	case <-l.done:
	case <-time.After(latePatience):
	}
}
