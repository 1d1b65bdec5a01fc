package ort

import (
	"context"
	"errors"
	"fmt"
	"sync"

	ortgo "github.com/yalue/onnxruntime_go"

	"github.com/lacuna-dev/lacuna/runtime/fused"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// FusedFormat is the version of the fused contract that this package speaks.
const FusedFormat = "1"

// namesOf lists tensors in the order in which Run passes them.
func namesOf(tensors []fused.Input) []string {
	var out []string
	for _, t := range tensors {
		out = append(out, t.Name)
	}
	return out
}

// FusedConfig says what to open.
type FusedConfig struct {
	Config // Graph is not used
	// Graphs returns the ONNX file, in float16 or float32.
	Graphs func(half bool) ([]byte, error)
	// OnCPU opens the float32 graph where CUDA is not wanted or does not work.
	// Without it there is no session then.
	OnCPU bool
}

// Fused is a loaded fused graph. It implements fused.Graph.
type Fused struct {
	model    sched.Model
	device   Device
	fallback *Fallback

	mu      sync.Mutex // guards session: one run at a time
	session *ortgo.DynamicAdvancedSession
}

var _ fused.Graph = (*Fused)(nil)

// OpenFused loads the library, unless it is loaded already, and the fused graph.
// Where CUDA is wanted and does not work, Fallback of what it returns says why;
// without OnCPU the session itself is then nil.
func OpenFused(config FusedConfig) (*Fused, *Fallback, error) {
	want, err := ParseDevice(string(config.Device))
	if err != nil {
		return nil, nil, err
	}
	version, err := load(config.Library)
	if err != nil {
		return nil, nil, err
	}
	open := func(cuda bool) (*Fused, error) {
		if !cuda && !config.OnCPU {
			return nil, nil
		}
		graph, err := config.Graphs(cuda)
		if err != nil {
			return nil, err
		}
		of := config.Config
		of.Graph = graph
		session, err := openGraph(of, cuda, version, namesOf(fused.Inputs(0)), namesOf(fused.Outputs()))
		if err != nil {
			return nil, err
		}
		model, err := readFusedMetadata(session, config.TokenizerSHA256)
		if err != nil {
			session.Destroy()
			return nil, err
		}
		f := &Fused{model: model, session: session}
		if !cuda {
			return f, nil
		}
		// A kernel that the device lacks shows in the first run.
		if err := f.Run(context.Background(), trial(model), &fused.Result{}); err != nil {
			session.Destroy()
			return nil, fmt.Errorf("the first run: %w", err)
		}
		return f, nil
	}
	f, device, fallback, err := place(config.Library, want, open)
	if err != nil || f == nil {
		return nil, fallback, err
	}
	f.device, f.fallback = device, fallback
	return f, fallback, nil
}

// trial is the smallest call there is: one canvas, one token on each side.
func trial(model sched.Model) *fused.Call {
	c := model.Canvases[0]
	call := &fused.Call{
		B: 1, N: 1, C: c, P: 1, Q: 1, X: 1, S: 1,
		Left: []int64{int64(model.Vocab - 1)}, Right: []int64{int64(model.Vocab - 1)},
		Slots: make([]int64, c), Settled: make([]float32, c), Remasked: make([]int64, c), Banned: make([]int64, c),
		Told: []int64{0}, Multiline: []int64{0}, Threshold: []float32{0}, Floor: []float32{0}, Limit: []int64{2},
		Noise: make([]float32, c*(model.TopK+1)),
	}
	for i := range c {
		call.Slots[i], call.Banned[i] = 1, -1 // mask, none
	}
	return call
}

func readFusedMetadata(session *ortgo.DynamicAdvancedSession, tokenizerSHA256 string) (sched.Model, error) {
	metadata, err := session.GetModelMetadata()
	if err != nil {
		return sched.Model{}, fmt.Errorf("the fused graph's metadata cannot be read: %w", err)
	}
	defer metadata.Destroy()
	format, ok, err := metadata.LookupCustomMetadataMap("lacuna.fused")
	if err != nil || !ok || format != FusedFormat {
		return sched.Model{}, fmt.Errorf("the fused graph has format %q, this program reads %s: run models/train/fused.py on the bundle", format, FusedFormat)
	}
	return parseMetadata(metadata.LookupCustomMetadataMap, tokenizerSHA256)
}

// Model implements fused.Graph.
func (f *Fused) Model() sched.Model { return f.model }

// Device is where the graph runs, never Auto.
func (f *Fused) Device() Device { return f.device }

// Close frees the graph after the run in progress. The library stays loaded.
func (f *Fused) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.session == nil {
		return nil
	}
	err := f.session.Destroy()
	f.session = nil
	return err
}

// Run implements fused.Graph. A cancellation takes effect inside the run, between
// two operators.
func (f *Fused) Run(ctx context.Context, call *fused.Call, result *fused.Result) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.session == nil {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b, err := f.bind(call, result)
	if err != nil {
		return err
	}
	defer b.destroy()
	return execute(ctx, f.session, b)
}

// bind makes the tensors of a run. Their constructor checks the lengths.
func (f *Fused) bind(call *fused.Call, result *fused.Result) (*binding, error) {
	if call.Empty() {
		return nil, errors.New("a fused call with an empty dimension")
	}
	b := &binding{}
	for _, t := range call.Tensors(f.model.TopK) {
		bindTensor(b, &b.inputs, t)
	}
	for _, t := range result.Tensors(call) {
		bindTensor(b, &b.outputs, t)
	}
	if b.err != nil {
		b.destroy()
		return nil, b.err
	}
	return b, nil
}

func bindTensor(b *binding, list *[]ortgo.Value, t fused.Tensor) {
	if t.Floats != nil {
		add(b, list, t.Name, t.Floats, t.Shape...)
		return
	}
	add(b, list, t.Name, t.Ints, t.Shape...)
}
