package baseline

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	hole infill.Token = 4
	mask infill.Token = 1
	cut  infill.Token = 7
)

var vocabulary = infill.Vocabulary{Size: 100, Pad: 0, Mask: mask, Delete: 2, Hole: hole, Cut: cut, EOF: 8}

// recorder is a graph that keeps what it was asked.
type recorder struct {
	objective sched.Objective
	calls     []sched.Call
}

func (g *recorder) Model() sched.Model {
	return sched.Model{
		Name: "recorder", Vocab: 100, Layers: 1, KVHeads: 1, HeadDim: 1, TopK: 2,
		LeftWindow: 4, RightWindow: 3, Canvases: []int{4}, Objective: g.objective,
	}
}

func (g *recorder) Run(ctx context.Context, call *sched.Call, result *sched.Result) error {
	kept := *call
	kept.Tokens, kept.PosA, kept.Head = slices.Clone(call.Tokens), slices.Clone(call.PosA), slices.Clone(call.Head)
	g.calls = append(g.calls, kept)
	result.Size(len(call.Head), 2)
	for i := range call.Head { // the first candidate tells the token
		result.TopIDs[2*i] = call.Tokens[call.Head[i]]
	}
	return ctx.Err()
}

// The streams as infill has them: right begins at the end of its window.
var (
	left  = []infill.Token{30, 31, 32}
	right = []infill.Token{cut, 42, 41}
)

func TestFIMReadsPrefixSuffixAnswer(t *testing.T) {
	g := &recorder{objective: sched.FIM}
	f := NewFIM(g, sched.Config{Vocab: vocabulary})
	defer f.Close()
	if info := f.Info(); !info.Autoregressive || info.LeftWindow != 4 || info.RightWindow != 3 {
		t.Errorf("%+v", info)
	}
	held, err := f.Prefill(t.Context(), "a", left, right)
	if err != nil {
		t.Fatal(err)
	}
	stream := []int64{30, 31, 32, int64(hole), 41, 42, int64(cut), int64(mask)}
	if diff := cmp.Diff(stream, g.calls[0].Tokens); diff != "" || g.calls[0].Role != sched.RoleLeft {
		t.Errorf("role %d, (-want +got):\n%s", g.calls[0].Role, diff)
	}
	reader := held.(infill.Reader)
	for i, token := range []infill.Token{mask, 50, 51} {
		var next []infill.Token // at first what stands last in the stream
		if i > 0 {
			next = []infill.Token{token}
		}
		p, _, err := reader.Read(t.Context(), next, 2)
		if err != nil || p.IDs[0] != token {
			t.Errorf("reading %d: %v, %v", token, p.IDs, err)
		}
		if last := g.calls[len(g.calls)-1]; last.PosA[0] != int64(7+i) || len(last.PastA) != (7+i)*2 {
			t.Errorf("token %d of the answer at %d behind %d floats", i, last.PosA[0], len(last.PastA))
		}
	}
	if _, err := held.Denoise(t.Context(), [][]infill.Token{{mask}}); err == nil {
		t.Error("it has no canvases, and denoises")
	}
	held.Release()

	// The same text again costs nothing; a key before the hole costs the suffix.
	for _, test := range []struct {
		left             []infill.Token
		reused, computed int
	}{{left, 8, 0}, {append(slices.Clone(left), 33), 3, 6}} {
		held, err := f.Prefill(t.Context(), "a", test.left, right)
		if err != nil {
			t.Fatal(err)
		}
		if s := held.Stats(); s.LeftReused != test.reused || s.LeftComputed != test.computed {
			t.Errorf("%v: %+v", test.left, s)
		}
		held.Release()
	}
}

func TestBidirectionalSeesAllOfTheText(t *testing.T) {
	g := &recorder{objective: sched.Bidirectional}
	held, err := NewBidirectional(g, vocabulary).Prefill(t.Context(), "a", left, right)
	if err != nil {
		t.Fatal(err)
	}
	got, err := held.Denoise(t.Context(), [][]infill.Token{{mask, 50}, {51, mask, 52}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int64{{30, 31, 32, 1, 50, 41, 42}, {30, 31, 32, 51, 1, 52, 41, 42}} {
		call := g.calls[i]
		positions := make([]int64, len(want))
		for j := range positions {
			positions[j] = int64(j)
		}
		if diff := cmp.Diff([][]int64{want, positions}, [][]int64{call.Tokens, call.PosA}); diff != "" || call.Role != sched.RoleCanvas || len(call.PastA)+len(call.PastB) > 0 {
			t.Errorf("canvas %d (-want +got):\n%s", i, diff)
		}
	}
	if got[0].IDs[0] != mask || got[0].IDs[2] != 50 || got[1].IDs[4] != 52 || len(got[1].Quality) != 3 {
		t.Errorf("%+v", got)
	}
	held.Release()
	if _, err := held.Denoise(t.Context(), nil); err == nil {
		t.Error("a released context denoises")
	}
}

func TestBidirectionalRefusals(t *testing.T) {
	b := NewBidirectional(&recorder{}, vocabulary)
	if _, err := b.Prefill(t.Context(), "a", make([]infill.Token, 5), right); err == nil {
		t.Error("a stream longer than the window is taken")
	}
	held, err := b.Prefill(t.Context(), "a", left, right)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.Denoise(t.Context(), [][]infill.Token{{100}}); err == nil {
		t.Error("a token outside the vocabulary is taken")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := held.Denoise(cancelled, [][]infill.Token{{mask}}); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}
