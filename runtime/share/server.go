package share

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
)

// DefaultQueue is the most requests that wait, of all clients together.
const DefaultQueue = 256

// Server puts a Denoiser on sockets. It does not own it.
type Server struct {
	denoiser infill.Denoiser
	model    string
	gate     gate
}

// NewServer returns a Server. model is the digest of what the denoiser runs: clients
// with another model are refused. queue bounds the requests that wait; 0 takes
// DefaultQueue.
func NewServer(denoiser infill.Denoiser, model string, queue int) *Server {
	if queue <= 0 {
		queue = DefaultQueue
	}
	return &Server{denoiser: denoiser, model: model, gate: gate{most: queue}}
}

// Serve serves who connects until ctx ends, then closes the listener and all
// connections and returns nil. Clients must show token, unless it is empty.
func (s *Server) Serve(ctx context.Context, listener net.Listener, token string) error {
	ctx, cancel := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	for {
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return nil
		case err != nil:
			listener.Close()
			return err
		}
		clients.Go(func() { s.serve(ctx, conn, token) })
	}
}

// client is one connection.
type client struct {
	server *Server
	wire   *wire
	work   sync.WaitGroup

	mu       sync.Mutex // guards what follows
	running  map[uint64]context.CancelFunc
	contexts map[uint64]*lent
	closed   bool
}

// lent is what a client has pinned. A Context is for one goroutine, and what it
// predicts lasts until it is used again, whatever the client sends meanwhile.
type lent struct {
	mu   sync.Mutex // guards held, from its use until the answer is written
	held infill.Context
}

func (l *lent) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held.Release()
}

func (s *Server) serve(ctx context.Context, conn net.Conn, token string) {
	ctx, cancel := context.WithCancel(ctx)
	c := &client{server: s, wire: newWire(conn), running: map[uint64]context.CancelFunc{}, contexts: map[uint64]*lent{}}
	defer c.end()
	defer cancel()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if !c.greet(token) {
		return
	}
	for {
		var r request
		if c.wire.read(&r, messageSize) != nil {
			return
		}
		switch r.Op {
		case opPrefill, opDenoise:
			c.begin(ctx, &r)
		case opRelease:
			c.release(r.Context)
		case opCancel:
			c.mu.Lock()
			if stop := c.running[r.ID]; stop != nil {
				stop()
			}
			c.mu.Unlock()
		default:
			return // no client of this format
		}
	}
}

// greet answers the first message. What is wrong with it is said, but not to who
// does not know the token.
func (c *client) greet(token string) bool {
	_ = c.wire.conn.SetDeadline(time.Now().Add(helloTime))
	var h hello
	if c.wire.read(&h, helloSize) != nil {
		return false
	}
	var w welcome
	switch {
	case token != "" && subtle.ConstantTimeCompare([]byte(h.Token), []byte(token)) != 1:
		w.Refusal = "the token is not the server's"
	case h.Format != format:
		w.Refusal = fmt.Sprintf("it speaks format %d, this program format %d: use the same release on both sides", format, h.Format)
	case h.Model != c.server.model:
		w.Refusal = "it runs another model"
	default:
		w.Info = c.server.denoiser.Info()
	}
	err := c.wire.write(&w)
	_ = c.wire.conn.SetDeadline(time.Time{})
	return err == nil && w.Refusal == ""
}

// begin runs a request in its own goroutine. Requests of a client are bounded as
// those of all are.
func (c *client) begin(ctx context.Context, r *request) {
	ctx, stop := context.WithCancel(ctx)
	c.mu.Lock()
	full := len(c.running) >= c.server.gate.most
	if !full {
		c.running[r.ID] = stop
	}
	c.mu.Unlock()
	c.work.Go(func() {
		defer stop()
		answer := response{ID: r.ID}
		err := ErrBusy
		if !full {
			used := c.used(r)
			if used != nil {
				used.mu.Lock()
				defer used.mu.Unlock()
			}
			err = c.run(ctx, r, used, &answer)
			c.mu.Lock()
			delete(c.running, r.ID)
			c.mu.Unlock()
		}
		if err != nil {
			answer.fail(err)
		}
		_ = c.wire.write(&answer) // who is gone is noticed by reading
	})
}

// used is the context that a request is about; nil for none.
func (c *client) used(r *request) *lent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.contexts[r.Context]
}

func (c *client) run(ctx context.Context, r *request, used *lent, answer *response) error {
	if err := c.server.gate.enter(ctx, c); err != nil {
		return err
	}
	defer c.server.gate.leave()
	if r.Op == opPrefill {
		held, err := c.server.denoiser.Prefill(ctx, r.Document, r.Left, r.Right)
		if err != nil {
			return err
		}
		answer.Stats = held.Stats()
		c.keep(r.ID, held)
		return nil
	}
	if used == nil {
		return errors.New("there is no such context")
	}
	var err error
	answer.Predictions, err = used.held.Denoise(ctx, r.Canvases)
	return err
}

func (c *client) keep(id uint64, held infill.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		held.Release()
		return
	}
	c.contexts[id] = &lent{held: held}
}

func (c *client) release(id uint64) {
	c.mu.Lock()
	one := c.contexts[id]
	delete(c.contexts, id)
	c.mu.Unlock()
	if one != nil {
		c.work.Go(one.release) // it may be in use
	}
}

// end frees what the client had.
func (c *client) end() {
	c.wire.conn.Close()
	c.work.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, one := range c.contexts {
		one.held.Release()
	}
}
