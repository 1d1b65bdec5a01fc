package lsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/uri"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp/beside"
	"github.com/lacuna-dev/lacuna/lsp/document"
	"github.com/lacuna-dev/lacuna/lsp/exclude"
)

// ErrNoShutdown is what Serve returns when the session ended without the
// client's shutdown request. The process should exit with code 1.
var ErrNoShutdown = errors.New("the session ended without a shutdown request")

// closeGrace is how long Serve waits for what it cancelled. A forward pass of
// the model ends well within it; a stuck one must not keep a process alive
// whose editor is gone.
const closeGrace = 2 * time.Second

// parentPoll is how often the editor's process is looked for.
const parentPoll = 3 * time.Second

// Options configures a Server.
type Options struct {
	// Filler loads the engine. It is called once, after the client's
	// initialized, off the read loop, and may take its time. Its error is shown
	// to the user and should say what to do.
	Filler func(ctx context.Context) (infill.Filler, error)
	// Log receives everything; warnings also go to the client. Nil discards.
	Log *slog.Logger
	// ControlDir is where the server makes its control socket (package control);
	// empty makes none.
	ControlDir string
	// Name and Version are reported to the client.
	Name, Version string
}

// Server serves one client over one connection.
type Server struct {
	options Options
	log     *slog.Logger
	conn    jsonrpc2.Conn
	stream  jsonrpc2.Stream
	ctx     context.Context // ends with the session; parent of every request's context
	outbox  chan outgoing
	loader  loader
	beside  *beside.Reader
	exclude *exclude.Reader
	disk    *disk

	calls     inflight
	journal   journal
	hints     hintBook
	notebooks sync.Once // refused
	local     local
	began     time.Time
	lenses    atomic.Bool // the client knows of code lenses
	offers    offers
	progress  progressBook
	settings  atomic.Pointer[Settings]
	lively    atomic.Bool // the client may be sent notifications

	background sync.WaitGroup
	finished   sync.Once
	verdict    error         // why the session ends; set before over closes
	over       chan struct{} // closed when the session is to end
	parentPoll time.Duration

	phase     phase                          // read loop only
	client    client                         // read loop only until initialized, then constant
	base      Settings                       // read loop only: defaults and initializationOptions
	documents map[uri.URI]*document.Document // read loop only
	working   map[uri.URI]*work              // read loop only
}

// New makes a server that has not started.
func New(options Options) *Server {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		options:    options,
		outbox:     make(chan outgoing, 256),
		loader:     loader{load: options.Filler, done: make(chan struct{})},
		over:       make(chan struct{}),
		parentPoll: parentPoll,
		began:      time.Now(),
		base:       DefaultSettings(),
		documents:  map[uri.URI]*document.Document{},
		working:    map[uri.URI]*work{},
	}
	s.log = slog.New(teeHandler{Handler: options.Log.Handler(), server: s})
	s.beside = beside.New(s.log)
	s.exclude = exclude.New()
	s.disk = newDisk()
	s.useSettings(s.base)
	return s
}

// Serve runs the session until the client ends it, the connection breaks, the
// client's process dies or ctx ends. It returns nil when the client shut the
// session down properly (exit code 0) and an error otherwise (exit code 1). It
// closes rwc, but does not depend on that ending a Read of it. A Server serves
// once.
func (s *Server) Serve(ctx context.Context, rwc io.ReadWriteCloser) error {
	if s.conn != nil {
		return errors.New("lsp: a Server serves one connection; make another")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.ctx = ctx
	s.stream = newTolerantStream(newInterruptible(rwc), s)
	s.conn = jsonrpc2.NewConn(s.stream, jsonrpc2.WithCodec(codec{}))
	s.background.Go(s.sendOutgoing)
	// The connection's own context never ends, so that every request can still
	// be answered while the session winds down.
	s.conn.Go(context.WithValue(context.WithoutCancel(ctx), answering{}, true), s.handle)

	select {
	case <-s.over:
	case <-ctx.Done():
		s.finish(context.Cause(ctx))
	}
	cancel(errServerStopping)
	s.windDown()
	return s.verdict
}

// finish ends the session for the first reason it is given.
func (s *Server) finish(verdict error) {
	s.finished.Do(func() {
		s.verdict = verdict
		close(s.over)
	})
}

// windDown waits for what was cancelled, but not for ever.
func (s *Server) windDown() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		// A closing connection drops replies, so they come first. Once it is
		// closed no message can start anything new.
		<-s.calls.allAnswered()
		if err := s.conn.Close(); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			s.options.Log.Debug("closing the connection", "error", err)
		}
		s.keepStatistics()
		s.closeLocally()
		s.background.Wait()
		for id, doc := range s.documents {
			s.unhint(id)
			doc.Close()
		}
	}()
	select {
	case <-done:
	case <-time.After(closeGrace):
		s.options.Log.Warn("some requests did not stop in time", "waited", closeGrace)
	}
}

// ended is the verdict on a connection that broke off.
func (s *Server) ended(err error) error {
	switch {
	case s.phase == stopped:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe):
		return fmt.Errorf("%w: the client closed the connection", ErrNoShutdown)
	default:
		return fmt.Errorf("%w: %w", ErrNoShutdown, err)
	}
}
