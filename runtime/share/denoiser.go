package share

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
)

// retry is how long after it was found missing a shared engine is looked for again.
const retry = 2 * time.Second

// Denoiser implements infill.Denoiser with a shared engine while there is one, and
// with its own otherwise. Requests under way when the shared engine goes are done
// again with the own one.
type Denoiser struct {
	config Config
	own    func() (infill.Denoiser, error)
	lost   func(error)
	info   infill.ModelInfo

	mu     sync.Mutex // guards what follows
	shared *connection
	looked time.Time // when the shared engine was missing the last time
	closed bool
}

var _ infill.Denoiser = (*Denoiser)(nil)

// Dial connects to a shared engine. own opens, when it is first needed, what takes
// its place; lost, which may be nil, is told each time that happens. Close must be
// called. The error says why there is no shared engine.
func Dial(config Config, own func() (infill.Denoiser, error), lost func(error)) (*Denoiser, error) {
	c, err := dial(config)
	if err != nil {
		return nil, err
	}
	return &Denoiser{config: config, own: sync.OnceValues(own), lost: lost, info: c.info, shared: c}, nil
}

// Info implements infill.Denoiser.
func (d *Denoiser) Info() infill.ModelInfo { return d.info }

// Close ends the connection. What own opened is its opener's to close.
func (d *Denoiser) Close() {
	d.mu.Lock()
	c := d.shared
	d.shared, d.closed = nil, true
	d.mu.Unlock()
	if c != nil {
		c.close()
	}
}

// connection is the one there is, or a new one if it is time to look again.
func (d *Denoiser) connection() *connection {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shared == nil && !d.closed && time.Since(d.looked) > retry {
		var err error
		if d.shared, err = dial(d.config); err != nil {
			d.shared, d.looked = nil, time.Now()
		}
	}
	return d.shared
}

// lose gives a connection up.
func (d *Denoiser) lose(c *connection) {
	d.mu.Lock()
	current := d.shared == c
	if current {
		d.shared, d.looked = nil, time.Now()
	}
	told := current && !d.closed && d.lost != nil
	d.mu.Unlock()
	c.close()
	if told {
		d.lost(errLost)
	}
}

// Prefill implements infill.Denoiser.
func (d *Denoiser) Prefill(ctx context.Context, document string, left, right []infill.Token) (infill.Context, error) {
	s := &session{d: d, document: document, left: left, right: right}
	return s, s.prefill(ctx)
}

// session is a Context that moves to the own engine when the shared one goes.
type session struct {
	d           *Denoiser
	document    string
	left, right []infill.Token
	held        infill.Context
	on          *connection // nil on the own engine
}

func (s *session) prefill(ctx context.Context) error {
	if c := s.d.connection(); c != nil {
		held, err := c.Prefill(ctx, s.document, s.left, s.right)
		if !errors.Is(err, errLost) {
			s.held, s.on = held, c
			return err
		}
		s.d.lose(c)
	}
	own, err := s.d.own()
	if err != nil {
		return err
	}
	s.held, s.on = nil, nil
	s.held, err = own.Prefill(ctx, s.document, s.left, s.right)
	return err
}

// Denoise implements infill.Context.
func (s *session) Denoise(ctx context.Context, canvases [][]infill.Token) ([]infill.Prediction, error) {
	if s.held == nil {
		return nil, errors.New("denoise: the context was released")
	}
	out, err := s.held.Denoise(ctx, canvases)
	if s.on == nil || !errors.Is(err, errLost) {
		return out, err
	}
	s.d.lose(s.on)
	if err := s.prefill(ctx); err != nil {
		return nil, err
	}
	return s.Denoise(ctx, canvases)
}

// Stats implements infill.Context.
func (s *session) Stats() infill.PrefillStats { return s.held.Stats() }

// Release implements infill.Context.
func (s *session) Release() {
	if s.held != nil {
		s.held.Release()
	}
}
