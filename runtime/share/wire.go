package share

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
)

// format is the version of the messages below. Both sides must have the same.
const format = 1

const (
	// helloTime is for the first message of each side.
	helloTime = 5 * time.Second
	// helloSize bounds the first message, which comes from anybody, messageSize
	// those of who has shown the token, in bytes.
	helloSize   = 16 << 10
	messageSize = 64 << 20
)

// hello is the first message of a client.
type hello struct {
	Format int
	Token  string // where the server wants one
	Model  string // digest of the model that the client has
}

// welcome is the server's answer to it.
type welcome struct {
	Info    infill.ModelInfo
	Refusal string // why the server does not serve this client, or empty
}

// op is what a request asks for.
type op uint8

const (
	opPrefill op = iota + 1
	opDenoise
	opRelease // is not answered
	opCancel  // of the request with that ID; is not answered
)

type request struct {
	Op          op
	ID          uint64 // counts the client's requests
	Context     uint64 // what opPrefill of that ID has pinned
	Document    string
	Left, Right []infill.Token
	Canvases    [][]infill.Token
}

// failure is what kind of error a response has.
type failure uint8

const (
	failedNot failure = iota
	failedCancelled
	failedBusy
	failedOther
)

type response struct {
	ID          uint64
	Stats       infill.PrefillStats
	Predictions []infill.Prediction
	Failed      failure
	Error       string
}

// ErrBusy is returned when too many requests wait for the shared engine.
var ErrBusy = errors.New("the shared engine has too many requests waiting: try again later")

func (r *response) fail(err error) {
	r.Error = err.Error()
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		r.Failed = failedCancelled
	case errors.Is(err, ErrBusy):
		r.Failed = failedBusy
	default:
		r.Failed = failedOther
	}
}

func (r *response) err() error {
	switch r.Failed {
	case failedNot:
		return nil
	case failedCancelled:
		return context.Canceled
	case failedBusy:
		return ErrBusy
	}
	return fmt.Errorf("the shared engine: %s", r.Error)
}

// wire is a connection that carries messages.
type wire struct {
	conn net.Conn
	in   *gob.Decoder
	size io.LimitedReader // of the messages to come

	mu  sync.Mutex // guards out
	out *gob.Encoder
}

func newWire(conn net.Conn) *wire {
	w := &wire{conn: conn, out: gob.NewEncoder(conn)}
	w.size.R = conn
	w.in = gob.NewDecoder(&w.size)
	return w
}

// read reads a message of at most so many bytes, and what is there behind it.
func (w *wire) read(message any, most int64) error {
	w.size.N = most
	return w.in.Decode(message)
}

func (w *wire) write(message any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Encode(message)
}
