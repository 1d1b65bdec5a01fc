package lsp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Bounds of a frame. The library's reader has none for the header and trusts the
// length given in it, so that a few bytes could make it allocate a gigabyte.
const (
	maxHeader = 16 << 10  // bytes of all header fields together
	maxBody   = 256 << 20 // bytes; editors do not open files a tenth of that
	// keptBody is how large a buffer may be to be kept for the next frame.
	keptBody = 1 << 20
)

// errFraming says that what came is no frame, so that nothing after it can be
// trusted either.
var errFraming = errors.New("broken framing")

// frameReader reads the frames of the base protocol (LSP 3.18, "Base Protocol"):
// header fields that end with a blank line, then Content-Length bytes.
type frameReader struct {
	in   *bufio.Reader
	body bytes.Buffer
}

// next returns the body of the next frame, which is valid until the next call.
// The error is io.EOF between frames, io.ErrUnexpectedEOF within one, and
// errFraming where the header cannot be understood.
func (r *frameReader) next() ([]byte, error) {
	length, err := r.header()
	if err != nil {
		return nil, err
	}
	if r.body.Cap() > keptBody {
		r.body = bytes.Buffer{}
	}
	r.body.Reset()
	// The buffer grows with what arrives, not with what is announced.
	if _, err := io.CopyN(&r.body, r.in, length); err != nil {
		return nil, unexpected(err)
	}
	return r.body.Bytes(), nil
}

// header reads the header fields and returns the length of the body.
func (r *frameReader) header() (int64, error) {
	length, left := int64(-1), maxHeader
	for {
		line, err := r.line(left)
		if err != nil {
			if errors.Is(err, io.EOF) && (left < maxHeader || len(line) > 0) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		left -= len(line)
		field := strings.TrimRight(string(line), "\r\n")
		if field == "" {
			break
		}
		name, value, ok := strings.Cut(field, ":")
		if !ok {
			return 0, fmt.Errorf("%w: a header field without a colon: %.40q", errFraming, field)
		}
		if !strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 63)
		if err != nil || n == 0 || n > maxBody {
			return 0, fmt.Errorf("%w: header Content-Length is %.40q, want a number from 1 to %d", errFraming, value, maxBody)
		}
		length = int64(n)
	}
	if length < 0 {
		return 0, fmt.Errorf("%w: a header without Content-Length", errFraming)
	}
	return length, nil
}

// line reads a line of at most limit bytes, with its end.
func (r *frameReader) line(limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > limit {
			return nil, fmt.Errorf("%w: a header of more than %d bytes", errFraming, maxHeader)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
