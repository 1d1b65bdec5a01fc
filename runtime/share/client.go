package share

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
)

// errLost says that the shared engine has gone, so that another is to be used.
var errLost = errors.New("the connection to the shared engine is lost")

// Config says where a shared engine is.
type Config struct {
	Network, Address string // "unix" and a path, or "tcp" and a loopback address
	Token            string
	Model            string // digest of the model
}

// connection is to a Server. It implements infill.Denoiser; its errors are errLost
// once the server has gone.
type connection struct {
	wire *wire
	info infill.ModelInfo
	over chan struct{} // closed when nothing is read any more

	mu      sync.Mutex // guards what follows
	last    uint64
	waiting map[uint64]chan *response
	lost    bool
}

// dial connects, until ctx ends. Its error says what is in the way.
func dial(ctx context.Context, config Config) (*connection, error) {
	dialer := net.Dialer{Timeout: helloTime}
	conn, err := dialer.DialContext(ctx, config.Network, config.Address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	c := &connection{wire: newWire(conn), over: make(chan struct{}), waiting: map[uint64]chan *response{}}
	var w welcome
	_ = conn.SetDeadline(time.Now().Add(helloTime))
	err = c.wire.write(&hello{Format: format, Token: config.Token, Model: config.Model})
	if err == nil {
		err = c.wire.read(&w, messageSize)
	}
	if err == nil && w.Refusal != "" {
		err = errors.New(w.Refusal)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("the engine at %s: %w", config.Address, err)
	}
	_ = conn.SetDeadline(time.Time{})
	c.info = w.Info
	go c.listen()
	return c, nil
}

// close ends the connection and waits until nothing is read any more.
func (c *connection) close() {
	c.wire.conn.Close()
	<-c.over
}

func (c *connection) listen() {
	defer close(c.over)
	for {
		r := &response{}
		err := c.wire.read(r, messageSize)
		c.mu.Lock()
		if err != nil {
			c.lost = true
			for _, waiting := range c.waiting {
				close(waiting)
			}
			c.waiting = nil
			c.mu.Unlock()
			c.wire.conn.Close()
			return
		}
		waiting := c.waiting[r.ID]
		delete(c.waiting, r.ID)
		c.mu.Unlock()
		if waiting != nil {
			waiting <- r // has room
		}
	}
}

// patience is how long a server has to answer a cancellation, which it does within
// an operator of the model. One that does not is stopped or stuck.
const patience = time.Second

// call sends a request and waits for its answer. A cancellation is passed on, and
// the server's answer to that waited for, because what was pinned must be known; a
// server that gives none is lost.
func (c *connection) call(ctx context.Context, r *request) (*response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	answer := make(chan *response, 1)
	c.mu.Lock()
	if c.lost {
		c.mu.Unlock()
		return nil, errLost
	}
	c.last++
	r.ID = c.last
	c.waiting[r.ID] = answer
	c.mu.Unlock()
	if err := c.wire.write(r); err != nil {
		c.wire.conn.Close() // listen notices
		return nil, errLost
	}
	stop := context.AfterFunc(ctx, func() { _ = c.wire.write(&request{Op: opCancel, ID: r.ID}) })
	defer stop()
	got, err := c.await(ctx, answer)
	if err != nil {
		return nil, err
	}
	if err := got.err(); err != nil {
		switch cancelled := errors.Is(err, context.Canceled); {
		case cancelled && ctx.Err() != nil:
			err = ctx.Err()
		case cancelled: // the server is stopping
			err = errLost
		}
		return nil, err
	}
	return got, nil
}

func (c *connection) await(ctx context.Context, answer chan *response) (*response, error) {
	var got *response
	var ok bool
	select {
	case got, ok = <-answer:
	case <-ctx.Done():
		stuck := time.NewTimer(patience)
		defer stuck.Stop()
		select {
		case got, ok = <-answer:
		case <-stuck.C:
			c.wire.conn.Close() // listen notices
		}
	}
	if !ok {
		return nil, errLost
	}
	return got, nil
}

func (c *connection) Prefill(ctx context.Context, document string, left, right []infill.Token) (infill.Context, error) {
	r := &request{Op: opPrefill, Document: document, Left: left, Right: right}
	got, err := c.call(ctx, r)
	if err != nil {
		return nil, err
	}
	return &pinned{connection: c, id: r.ID, stats: got.Stats}, nil
}

// pinned is a Context on the other side.
type pinned struct {
	connection *connection
	id         uint64
	stats      infill.PrefillStats
	released   bool
}

func (p *pinned) Stats() infill.PrefillStats { return p.stats }

func (p *pinned) Denoise(ctx context.Context, canvases [][]infill.Token) ([]infill.Prediction, error) {
	got, err := p.connection.call(ctx, &request{Op: opDenoise, Context: p.id, Canvases: canvases})
	if err != nil {
		return nil, err
	}
	if len(got.Predictions) != len(canvases) {
		return nil, fmt.Errorf("the shared engine answered %d canvases with %d predictions", len(canvases), len(got.Predictions))
	}
	return got.Predictions, nil
}

func (p *pinned) Release() {
	if !p.released {
		p.released = true
		_ = p.connection.wire.write(&request{Op: opRelease, Context: p.id}) // a server that is gone has released it
	}
}
