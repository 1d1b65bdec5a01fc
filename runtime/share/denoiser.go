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

	ctx      context.Context // ends with Close
	stop     context.CancelFunc
	searches sync.WaitGroup

	mu      sync.Mutex // guards what follows
	shared  *connection
	looking bool      // for a shared engine, in the background
	looked  time.Time // when the shared engine was missing the last time
}

var _ infill.Denoiser = (*Denoiser)(nil)

// Dial connects to a shared engine. own opens, when it is first needed, what takes
// its place; lost, which may be nil, is told each time that happens. Close must be
// called. The error says why there is no shared engine.
func Dial(config Config, own func() (infill.Denoiser, error), lost func(error)) (*Denoiser, error) {
	c, err := dial(context.Background(), config) // it bounds itself
	if err != nil {
		return nil, err
	}
	d := &Denoiser{config: config, own: sync.OnceValues(own), lost: lost, info: c.info, shared: c}
	d.ctx, d.stop = context.WithCancel(context.Background())
	return d, nil
}

// Info implements infill.Denoiser.
func (d *Denoiser) Info() infill.ModelInfo { return d.info }

// Close ends the connection. What own opened is its opener's to close.
func (d *Denoiser) Close() {
	d.mu.Lock()
	d.stop() // no search begins after that
	d.mu.Unlock()
	d.searches.Wait()
	d.mu.Lock()
	c := d.shared
	d.shared = nil
	d.mu.Unlock()
	if c != nil {
		c.close()
	}
}

// connection is the one there is, or nil. A new one is looked for in the background:
// a server may take connections and be stuck, and nobody is to wait for that.
func (d *Denoiser) connection() *connection {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shared == nil && !d.looking && d.ctx.Err() == nil && time.Since(d.looked) > retry {
		d.looking = true
		d.searches.Go(d.look)
	}
	return d.shared
}

func (d *Denoiser) look() {
	c, err := dial(d.ctx, d.config)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looking, d.looked = false, time.Now()
	if err == nil {
		d.shared = c
	}
}

// lose gives a connection up.
func (d *Denoiser) lose(c *connection) {
	d.mu.Lock()
	current := d.shared == c
	if current {
		d.shared, d.looked = nil, time.Now()
	}
	told := current && d.ctx.Err() == nil && d.lost != nil
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
