package ort

import (
	"bytes"
	"context"
	"errors"
	"os"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/lacuna-dev/lacuna/models"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openDefault opens the embedded model with the library of this machine.
func openDefault(t testing.TB) *Session {
	t.Helper()
	session, err := Open(defaultConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	})
	return session
}

func defaultConfig(t testing.TB) Config {
	t.Helper()
	lib, err := Find(Options{})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := models.Default()
	if err != nil {
		t.Fatal(err)
	}
	return Config{Library: lib, Graph: bundle.Graph, TokenizerSHA256: bundle.TokenizerSHA256(), Threads: 1}
}

// canvasCall asks for all slots of one canvas between two empty streams.
func canvasCall(tokens ...int64) *sched.Call {
	n := len(tokens)
	call := &sched.Call{Role: sched.RoleCanvas, Rows: 1, Tokens: tokens, Targets: tokens}
	for j := range n {
		call.PosA = append(call.PosA, int64(j))
		call.PosB = append(call.PosB, int64(n-1-j))
		call.Head = append(call.Head, int64(j))
	}
	return call
}

func TestRun(t *testing.T) {
	s := openDefault(t)
	var result sched.Result
	if err := s.Run(t.Context(), canvasCall(30, 31, 32), &result); err != nil {
		t.Fatal(err)
	}
	k := s.Model().TopK
	if len(result.TopIDs) != 3*k || len(result.TopLogP) != 3*k || len(result.TargetLogP) != 3 || len(result.Quality) != 3 {
		t.Fatalf("results of the wrong size: %+v", result)
	}
	for row := range 3 {
		ids, logp := result.TopIDs[row*k:(row+1)*k], result.TopLogP[row*k:(row+1)*k]
		for i := range ids {
			if ids[i] < 0 || ids[i] >= int64(s.Model().Vocab) || logp[i] > 0 || i > 0 && logp[i] > logp[i-1] {
				t.Errorf("row %d: candidates %v with %v", row, ids, logp)
				break
			}
		}
		if q := result.Quality[row]; q < 0 || q > 1 || result.TargetLogP[row] > logp[0] {
			t.Errorf("row %d: quality %v, target %v above the best %v", row, q, result.TargetLogP[row], logp[0])
		}
	}
}

func TestRunWritesKeysAndValuesInPlace(t *testing.T) {
	s := openDefault(t)
	call := &sched.Call{
		Role: sched.RoleLeft, Rows: 1,
		Tokens: []int64{9, 30}, PosA: []int64{0, 1}, PosB: []int64{0, 0},
	}
	perToken := s.Model().TokenFloats()
	memory := make([]float32, 3*perToken)
	if err := s.Run(t.Context(), call, &sched.Result{KV: memory[:2*perToken]}); err != nil {
		t.Fatal(err)
	}
	zero := make([]float32, perToken)
	for token, want := range []bool{true, true, false} {
		written := !cmp.Equal(zero, memory[token*perToken:(token+1)*perToken])
		if written != want {
			t.Errorf("token %d: written %v, want %v", token, written, want)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	s := openDefault(t)
	good := canvasCall(30, 31)
	tests := map[string]struct {
		change func(*sched.Call)
		want   string
	}{
		"no tokens":     {func(c *sched.Call) { c.Tokens = nil }, "0 tokens in 1 rows"},
		"ragged":        {func(c *sched.Call) { c.Rows = 3 }, "2 tokens in 3 rows"},
		"half a token":  {func(c *sched.Call) { c.PastA = make([]float32, 1) }, "not a multiple"},
		"few targets":   {func(c *sched.Call) { c.Targets = nil }, "0 targets for 2 rows"},
		"few positions": {func(c *sched.Call) { c.PosB = nil }, "tensor pos_b"},
		"no such token": {func(c *sched.Call) { c.Tokens = []int64{1 << 40, 1} }, "running network"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			call := *good
			test.change(&call)
			err := s.Run(t.Context(), &call, &sched.Result{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestRunCancelled(t *testing.T) {
	s := openDefault(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx, canvasCall(30), &sched.Result{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// A cancellation takes effect inside a run. The run is so long that it cannot
// end before the cancellation arrives.
func TestRunCancelledInside(t *testing.T) {
	s := openDefault(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- s.Run(ctx, canvasCall(slices.Repeat([]int64{30}, 2500)...), &sched.Result{})
	}()
	for s.mu.TryLock() { // until Run has it
		s.mu.Unlock()
		goruntime.Gosched()
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	// The session is as good as before.
	if err := s.Run(t.Context(), canvasCall(30), &sched.Result{}); err != nil {
		t.Error(err)
	}
}

func TestRunConcurrently(t *testing.T) {
	s := openDefault(t)
	var want sched.Result
	if err := s.Run(t.Context(), canvasCall(30, 31, 32), &want); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 5 {
				var got sched.Result
				if err := s.Run(t.Context(), canvasCall(30, 31, 32), &got); err != nil {
					t.Error(err)
				} else if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	group.Wait()
}

func TestClosedSession(t *testing.T) {
	s := openDefault(t)
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if err := s.Run(t.Context(), canvasCall(30), &sched.Result{}); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"no graph":        {func(c *Config) { c.Graph = nil }, "cannot load the model (0 bytes)"},
		"not a graph":     {func(c *Config) { c.Graph = []byte("hello") }, "cannot load the model (5 bytes)"},
		"truncated graph": {func(c *Config) { c.Graph = c.Graph[:len(c.Graph)/2] }, "cannot load the model"},
		"other tokenizer": {func(c *Config) { c.TokenizerSHA256 = "abc" }, "another tokenizer"},
		"other device":    {func(c *Config) { c.Device = "abacus" }, `unknown device "abacus"`},
		"other format": {func(c *Config) {
			c.Graph = bytes.Replace(c.Graph, []byte("lacuna.format\x12\x011"), []byte("lacuna.format\x12\x012"), 1)
		}, "format 2, this program reads format 1"},
		"other library": {func(c *Config) { c.Library.Path += ".other" }, "already loaded from"},
	}
	openDefault(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config := defaultConfig(t)
			test.change(&config)
			session, err := Open(config)
			if err == nil {
				session.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestParseMetadata(t *testing.T) {
	good := map[string]string{
		"lacuna.format": "1", "lacuna.name": "m", "lacuna.vocab_sha256": "abc",
		"lacuna.config": `{"d_model":64,"n_layer":2,"n_head":4,"n_kv":2,"head_dim":16,"ffn":96,"vocab":300,
			"top_k":8,"left_window":64,"right_window":32,"canvases":[8,16]}`,
	}
	want := sched.Model{
		Name: "m", Vocab: 300, Width: 64, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 16, FFN: 96, TopK: 8,
		LeftWindow: 64, RightWindow: 32, Canvases: []int{8, 16},
	}
	tests := map[string]struct{ key, value, want string }{
		"good":           {},
		"no room":        {"lacuna.config", strings.Replace(good["lacuna.config"], "{", `{"snippets":true,`, 1), "left_window 64 is less than 512"},
		"no name":        {"lacuna.name", "", "no metadata entry lacuna.name"},
		"no config":      {"lacuna.config", "", "no metadata entry lacuna.config"},
		"broken config":  {"lacuna.config", "{", "lacuna.config is not valid"},
		"no layers":      {"lacuna.config", `{"n_kv":2}`, "lacuna.config has no n_layer"},
		"format 2":       {"lacuna.format", "2", "format 2"},
		"other tokenzer": {"lacuna.vocab_sha256", "def", "another tokenizer"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseMetadata(func(key string) (string, bool, error) {
				value := good[key]
				if key == test.key {
					value = test.value
				}
				return value, value != "", nil
			}, "abc")
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestParseMetadataOfSnippets: models from before there were any do not mention
// them.
func TestParseMetadataOfSnippets(t *testing.T) {
	for addition, want := range map[string]bool{``: false, `,"snippets":false`: false, `,"snippets":true`: true} {
		entries := map[string]string{
			"lacuna.format": "1", "lacuna.name": "m", "lacuna.vocab_sha256": "abc",
			"lacuna.config": `{"n_layer":2,"n_kv":2,"head_dim":16,"vocab":300,"top_k":8,"left_window":512,"right_window":32,"canvases":[8]` + addition + `}`,
		}
		got, err := parseMetadata(func(key string) (string, bool, error) { return entries[key], true, nil }, "abc")
		if err != nil || got.Snippets != want {
			t.Errorf("with %q: snippets %v, %v; want %v", addition, got.Snippets, err, want)
		}
	}
}

// Nothing but LSP may be written to the standard output of a server.
func TestStandardOutputStaysClean(t *testing.T) {
	out := captureStdout(t, func() {
		config := defaultConfig(t)
		config.Graph = config.Graph[:len(config.Graph)/2]
		if _, err := Open(config); err == nil {
			t.Error("half a graph is accepted")
		}
		s := openDefault(t)
		_ = s.Run(t.Context(), canvasCall(1<<40), &sched.Result{})
	})
	if out != "" {
		t.Errorf("ONNX Runtime wrote %q", out)
	}
}

// captureStdout returns what C and Go code write to descriptor 1 during f.
func captureStdout(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "stdout")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	restore := redirectStdout(t, file)
	f()
	restore()
	data, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
