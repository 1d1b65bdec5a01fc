package share

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/lacuna-dev/lacuna/infill"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is an engine that predicts from what it is given, and counts.
type fake struct {
	block chan struct{} // Denoise waits for it, or for its context; nil passes
	enter chan string   // documents, as they are denoised; nil drops them

	mu     sync.Mutex
	pinned int
}

var fakeInfo = infill.ModelInfo{Name: "fake", LeftWindow: 10, RightWindow: 10, Canvases: []int{8}, TopK: 1, Vocab: infill.Vocabulary{Size: 50, Lang: map[string]infill.Token{"go": 9}}}

func (f *fake) Info() infill.ModelInfo { return fakeInfo }

func (f *fake) Prefill(ctx context.Context, document string, left, right []infill.Token) (infill.Context, error) {
	if len(left) > 10 {
		return nil, errors.New("the left stream is too long")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.pinned++
	f.mu.Unlock()
	return &fakeContext{f, document, left, right}, nil
}

type fakeContext struct {
	f           *fake
	document    string
	left, right []infill.Token
}

func (c *fakeContext) Stats() infill.PrefillStats {
	return infill.PrefillStats{LeftComputed: len(c.left), RightReused: len(c.right)}
}

func (c *fakeContext) Release() {
	c.f.mu.Lock()
	c.f.pinned--
	c.f.mu.Unlock()
}

func (c *fakeContext) Denoise(ctx context.Context, canvases [][]infill.Token) ([]infill.Prediction, error) {
	if c.f.enter != nil {
		c.f.enter <- c.document
	}
	if c.f.block != nil {
		select {
		case <-c.f.block:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var out []infill.Prediction
	for _, row := range canvases {
		p := infill.Prediction{K: 1}
		for _, t := range row {
			p.IDs = append(p.IDs, t+c.left[0]+c.right[0])
			p.LogProbs = append(p.LogProbs, -float32(len(row)))
			p.Quality = append(p.Quality, 0.5)
		}
		out = append(out, p)
	}
	return out, nil
}

// serving is a server that a test can kill.
type serving struct {
	config Config
	stop   func()
}

func serve(t *testing.T, f infill.Denoiser, socket, token string, queue int) serving {
	t.Helper()
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- NewServer(f, "digest", queue).Serve(ctx, listener, token) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return serving{Config{Network: "unix", Address: socket, Model: "digest", Token: token}, stop}
}

func socketIn(t *testing.T) string { return filepath.Join(t.TempDir(), "s") }

// use dials, with an own engine that fails the test unless one is given.
func use(t *testing.T, config Config, own infill.Denoiser) *Denoiser {
	t.Helper()
	d, err := Dial(config, func() (infill.Denoiser, error) {
		if own == nil {
			return nil, errors.New("the own engine is not to be used")
		}
		return own, nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func fill(ctx context.Context, d infill.Denoiser, document string) ([]infill.Prediction, error) {
	held, err := d.Prefill(ctx, document, []infill.Token{1, 2}, []infill.Token{3})
	if err != nil {
		return nil, err
	}
	defer held.Release()
	return held.Denoise(ctx, [][]infill.Token{{1, 1, 1}, {2}})
}

func TestSharedEqualsOwn(t *testing.T) {
	f := &fake{}
	s := serve(t, f, socketIn(t), "secret", 0)
	d := use(t, s.config, nil)
	if diff := cmp.Diff(fakeInfo, d.Info()); diff != "" {
		t.Error(diff)
	}
	want, _ := fill(t.Context(), &fake{}, "a")
	got, err := fill(t.Context(), d, "a")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	held, err := d.Prefill(t.Context(), "a", []infill.Token{1, 2}, []infill.Token{3})
	if err != nil || held.Stats() != (infill.PrefillStats{LeftComputed: 2, RightReused: 1}) {
		t.Errorf("%v, %+v", err, held.Stats())
	}
	if _, err := d.Prefill(t.Context(), "a", make([]infill.Token, 11), nil); err == nil || !strings.Contains(err.Error(), "the left stream is too long") {
		t.Errorf("got %v, want the engine's error", err)
	}
	// A client that goes leaves nothing pinned.
	d.Close()
	s.stop()
	if f.pinned != 0 {
		t.Errorf("%d contexts are pinned still", f.pinned)
	}
}

func TestRefused(t *testing.T) {
	s := serve(t, &fake{}, socketIn(t), "secret", 0)
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no server":     {func(c *Config) { c.Address += "x" }, "no such file"},
		"wrong token":   {func(c *Config) { c.Token = "guess" }, "the token is not the server's"},
		"no token":      {func(c *Config) { c.Token = "" }, "the token is not the server's"},
		"another model": {func(c *Config) { c.Model = "other" }, "another model"},
	} {
		config := s.config
		test.change(&config)
		if _, err := Dial(config, nil, nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

// TestKilledAndRestarted: who is being served when the server goes is served by the
// own engine, and by the server again when it is back.
func TestKilledAndRestarted(t *testing.T) {
	socket := socketIn(t)
	first := &fake{enter: make(chan string, 10), block: make(chan struct{})}
	s := serve(t, first, socket, "", 0)
	own := &fake{}
	d := use(t, s.config, own)
	type outcome struct {
		predictions []infill.Prediction
		err         error
	}
	done := make(chan outcome)
	go func() {
		p, err := fill(t.Context(), d, "a")
		done <- outcome{p, err}
	}()
	<-first.enter // it is being served
	s.stop()
	want, _ := fill(t.Context(), &fake{}, "a")
	if got := <-done; got.err != nil || !cmp.Equal(got.predictions, want) {
		t.Errorf("while it was killed: %+v", got)
	}
	if got, err := fill(t.Context(), d, "a"); err != nil || !cmp.Equal(got, want) {
		t.Errorf("after it was killed: %v, %v", got, err)
	}
	second := &fake{enter: make(chan string, 10)}
	serve(t, second, socket, "", 0)
	d.mu.Lock()
	d.looked = time.Time{} // as if it were some time ago
	d.mu.Unlock()
	// It is looked for in the background, while the own engine serves.
	for served := false; !served; {
		if got, err := fill(t.Context(), d, "b"); err != nil || !cmp.Equal(got, want) {
			t.Fatalf("after it was restarted: %v, %v", got, err)
		}
		select {
		case document := <-second.enter:
			if served = true; document != "b" {
				t.Errorf("it serves %q", document)
			}
		default:
		}
	}
	if own.pinned != 0 {
		t.Errorf("%d contexts of the own engine are pinned", own.pinned)
	}
}

// TestStuck: a server that takes connections and answers nothing holds up nobody who
// has given up, and the own engine serves from then on.
func TestStuck(t *testing.T) {
	listener, err := net.Listen("unix", socketIn(t))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var held sync.WaitGroup
	defer held.Wait()
	ended := make(chan struct{})
	defer close(ended)
	held.Go(func() {
		for first := true; ; first = false {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			held.Go(func() {
				defer conn.Close()
				if first {
					var h hello
					w := newWire(conn)
					if w.read(&h, helloSize) != nil || w.write(&welcome{Info: fakeInfo}) != nil {
						t.Error("it does not even greet")
					}
				}
				<-ended
			})
		}
	})
	defer listener.Close()
	own := &fake{}
	d := use(t, Config{Network: "unix", Address: listener.Addr().String(), Model: "digest"}, own)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := fill(ctx, d, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who has given up gets %v", err)
	}
	for range 2 { // the second time the server is looked for again
		if _, err := fill(t.Context(), d, "a"); err != nil {
			t.Errorf("the own engine: %v", err)
		}
		d.mu.Lock()
		d.looked = time.Time{}
		d.mu.Unlock()
	}
}

func TestCancelShared(t *testing.T) {
	f := &fake{enter: make(chan string, 10), block: make(chan struct{})}
	d := use(t, serve(t, f, socketIn(t), "", 0).config, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, err := fill(ctx, d, "a"); done <- err }()
	<-f.enter
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(f.block)
	if _, err := fill(t.Context(), d, "a"); err != nil {
		t.Errorf("after a cancellation: %v", err)
	}
}

// TestFairness: a client that asks once waits for one request of each that asks
// often, not for all. Beyond the queue requests are refused.
func TestFairness(t *testing.T) {
	g := gate{most: 4}
	enter := func(client string, order *[]string, mu *sync.Mutex) func() error {
		return func() error {
			if err := g.enter(t.Context(), client); err != nil {
				return err
			}
			mu.Lock()
			*order = append(*order, client)
			mu.Unlock()
			g.leave()
			return nil
		}
	}
	var order []string
	var mu sync.Mutex
	var group sync.WaitGroup
	if err := g.enter(t.Context(), "held"); err != nil {
		t.Fatal(err)
	}
	waiting := func() int { g.mu.Lock(); defer g.mu.Unlock(); return g.waiting }
	for i, client := range []string{"busy", "busy", "busy", "rare"} {
		one := enter(client, &order, &mu)
		group.Go(func() {
			if err := one(); err != nil {
				t.Error(err)
			}
		})
		for waiting() != i+1 {
			time.Sleep(time.Millisecond)
		}
	}
	if err := g.enter(t.Context(), "late"); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	g.leave()
	group.Wait()
	if want := []string{"busy", "rare", "busy", "busy"}; !slices.Equal(order, want) {
		t.Errorf("served %v, want %v", order, want)
	}
	if g.taken || g.waiting != 0 || len(g.queues) != 0 || len(g.turns) != 0 {
		t.Errorf("not empty afterwards: %+v", &g)
	}
}

// TestCrowd: many clients that fill, cancel and go; all end, nothing stays.
func TestCrowd(t *testing.T) {
	f := &fake{}
	s := serve(t, f, socketIn(t), "", 1000)
	var group sync.WaitGroup
	for n := range 16 {
		group.Go(func() {
			d, err := Dial(s.config, nil, nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			for i := range 20 {
				ctx, cancel := context.WithCancel(t.Context())
				if (n+i)%3 == 0 {
					time.AfterFunc(time.Duration(i)*50*time.Microsecond, cancel)
				}
				if _, err := fill(ctx, d, fmt.Sprint(n)); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	group.Wait()
	s.stop()
	if f.pinned != 0 {
		t.Errorf("%d contexts are pinned still", f.pinned)
	}
}

// TestStranger: whoever sends something else is hung up on.
func TestStranger(t *testing.T) {
	s := serve(t, &fake{}, socketIn(t), "", 0)
	conn, err := net.Dial("unix", s.config.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = conn.Write([]byte(strings.Repeat("GET / HTTP/1.1\r\n", 10000)))
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("it was answered")
	}
}
