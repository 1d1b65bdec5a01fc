package lsp

import (
	"errors"
	"io"
	"os"
)

// Stdio is the connection over standard input and output. From then on
// standard output belongs to the protocol alone: what anything else prints
// there goes to standard error. Call it before any library is loaded, and
// once.
func Stdio() (io.ReadWriteCloser, error) {
	out, err := takeStdout()
	if err != nil {
		return nil, err
	}
	// A read of standard input cannot be interrupted, a read of a pipe can; so
	// the session may end while the client keeps its end open.
	in, feed := io.Pipe()
	go func() {
		_, err := io.Copy(feed, os.Stdin)
		feed.CloseWithError(err)
	}()
	return &stdio{PipeReader: in, out: out}, nil
}

type stdio struct {
	*io.PipeReader
	out *os.File
}

func (s *stdio) Write(p []byte) (int, error) { return s.out.Write(p) }

func (s *stdio) Close() error { return errors.Join(s.PipeReader.Close(), s.out.Close()) }
