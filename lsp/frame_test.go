package lsp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func TestFrames(t *testing.T) {
	const frame = "Content-Length: 2\r\n\r\n{}"
	for _, test := range []struct {
		name, wire string
		frames     int   // read before the end
		end        error // what ends it
	}{
		{"nothing", "", 0, io.EOF},
		{"one", frame, 1, io.EOF},
		{"two in one write", frame + frame, 2, io.EOF},
		{"other fields", "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n" + frame, 1, io.EOF},
		{"field in lower case", strings.ToLower(frame), 1, io.EOF},
		{"bare line feeds", "Content-Length: 2\n\n{}", 1, io.EOF},
		{"partial header", frame + "Content-Len", 1, io.ErrUnexpectedEOF},
		{"header without its blank line", "Content-Length: 2\r\n", 0, io.ErrUnexpectedEOF},
		{"truncated body", frame + "Content-Length: 9\r\n\r\n{}", 1, io.ErrUnexpectedEOF},
		{"no body at all", "Content-Length: 9\r\n\r\n", 0, io.ErrUnexpectedEOF},
		{"no length", "Content-Type: x\r\n\r\n{}", 0, errFraming},
		{"no header", "\r\n{}", 0, errFraming},
		{"no colon", "GET / HTTP/1.1\r\n\r\n", 0, errFraming},
		{"length in words", "Content-Length: two\r\n\r\n{}", 0, errFraming},
		{"length zero", "Content-Length: 0\r\n\r\n", 0, errFraming},
		{"negative length", "Content-Length: -2\r\n\r\n{}", 0, errFraming},
		{"length past 64 bits", "Content-Length: 99999999999999999999\r\n\r\n{}", 0, errFraming},
		{"length past the bound", fmt.Sprintf("Content-Length: %d\r\n\r\n{}", maxBody+1), 0, errFraming},
		{"giant field", "X: " + strings.Repeat("x", maxHeader) + "\r\n" + frame, 0, errFraming},
		{"many fields", strings.Repeat("X: x\r\n", maxHeader/5) + frame, 0, errFraming},
	} {
		t.Run(test.name, func(t *testing.T) {
			// Whole, and a byte at a time.
			for _, in := range []io.Reader{strings.NewReader(test.wire), iotest.OneByteReader(strings.NewReader(test.wire))} {
				r := frameReader{in: bufio.NewReader(in)}
				for range test.frames {
					if body, err := r.next(); err != nil || string(body) != "{}" {
						t.Fatalf("a frame is %q, %v", body, err)
					}
				}
				if body, err := r.next(); !errors.Is(err, test.end) {
					t.Errorf("it ends with %q, %v; want %v", body, err, test.end)
				}
			}
		})
	}
}

// endless is a client that never ends its header.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return copy(p, bytes.Repeat([]byte{'x'}, len(p))), nil
}

func TestAnEndlessHeaderIsGivenUp(t *testing.T) {
	in := &endless{}
	r := frameReader{in: bufio.NewReader(in)}
	if _, err := r.next(); !errors.Is(err, errFraming) {
		t.Errorf("it ends with %v", err)
	}
	if in.read > 2*maxHeader {
		t.Errorf("%d bytes were read", in.read)
	}
}

func TestALengthThatIsOnlyAnnouncedCostsNothing(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := frameReader{in: bufio.NewReader(strings.NewReader(fmt.Sprintf("Content-Length: %d\r\n\r\n{}", maxBody)))}
	if _, err := r.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("it ends with %v", err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes were allocated for a body of two", grown)
	}
}

// FuzzFrames reads any bytes twice, whole and a byte at a time: the frames and
// the end must be the same.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("Content-Length: 2\r\n\r\n{}Content-Length: 3\n\n[1]"))
	f.Add([]byte("content-length:2\r\nX: y\r\n\r\n{"))
	f.Add([]byte("Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		read := func(in io.Reader) (frames []string, end string) {
			r := frameReader{in: bufio.NewReader(in)}
			for {
				body, err := r.next()
				if err != nil {
					return frames, err.Error()
				}
				frames = append(frames, string(body))
			}
		}
		whole, end := read(bytes.NewReader(wire))
		bytewise, bytewiseEnd := read(iotest.OneByteReader(bytes.NewReader(wire)))
		if fmt.Sprint(whole) != fmt.Sprint(bytewise) || end != bytewiseEnd {
			t.Errorf("whole: %q, %s; a byte at a time: %q, %s", whole, end, bytewise, bytewiseEnd)
		}
	})
}
