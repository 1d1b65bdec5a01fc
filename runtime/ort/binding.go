package ort

import (
	"fmt"

	ortgo "github.com/yalue/onnxruntime_go"

	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// binding owns the tensors of one run. They wrap the memory of the call, the
// result and the caches: nothing is copied on the way in or out.
type binding struct {
	inputs, outputs []ortgo.Value
	err             error // the first one; later additions do nothing
}

func (b *binding) destroy() {
	for _, v := range b.inputs {
		_ = v.Destroy()
	}
	for _, v := range b.outputs {
		_ = v.Destroy()
	}
}

func add[T ortgo.TensorData](b *binding, list *[]ortgo.Value, name string, data []T, shape ...int64) {
	if b.err != nil {
		return
	}
	t, err := ortgo.NewTensor(shape, data)
	if err != nil {
		b.err = fmt.Errorf("tensor %s: %w", name, err)
		return
	}
	*list = append(*list, t)
}

// bind checks the lengths of call and makes the tensors of a run.
func (s *Session) bind(call *sched.Call, result *sched.Result) (*binding, error) {
	if call.Rows <= 0 || len(call.Tokens) == 0 || len(call.Tokens)%call.Rows != 0 {
		return nil, fmt.Errorf("a call with %d tokens in %d rows", len(call.Tokens), call.Rows)
	}
	perToken := s.model.TokenFloats()
	if len(call.PastA)%perToken != 0 || len(call.PastB)%perToken != 0 {
		return nil, fmt.Errorf("caches of %d and %d floats, not a multiple of %d", len(call.PastA), len(call.PastB), perToken)
	}
	if len(call.Targets) != len(call.Head) {
		return nil, fmt.Errorf("%d targets for %d rows of the head", len(call.Targets), len(call.Head))
	}
	kv := result.KV
	if kv == nil {
		kv = s.discard(len(call.Tokens) * perToken)
	}
	var (
		rows, n     = int64(call.Rows), int64(len(call.Tokens) / call.Rows)
		m, k        = int64(len(call.Head)), int64(s.model.TopK)
		layers      = int64(s.model.Layers)
		heads, size = int64(s.model.KVHeads), int64(s.model.HeadDim)
		past        = func(data []float32) []int64 {
			return []int64{int64(len(data) / perToken), layers, 2, heads, size}
		}
	)
	result.Size(int(m), int(k))

	b := &binding{}
	add(b, &b.inputs, "tokens", call.Tokens, rows, n)
	add(b, &b.inputs, "role", []int64{int64(call.Role)}, 1)
	add(b, &b.inputs, "pos_a", call.PosA, rows, n)
	add(b, &b.inputs, "pos_b", call.PosB, rows, n)
	add(b, &b.inputs, "past_a", call.PastA, past(call.PastA)...)
	add(b, &b.inputs, "past_b", call.PastB, past(call.PastB)...)
	add(b, &b.inputs, "rows", call.Head, m)
	add(b, &b.inputs, "targets", call.Targets, m)
	add(b, &b.outputs, "kv", kv, rows, n, layers, 2, heads, size)
	add(b, &b.outputs, "top_ids", result.TopIDs, m, k)
	add(b, &b.outputs, "top_logp", result.TopLogP, m, k)
	add(b, &b.outputs, "target_logp", result.TargetLogP, m)
	add(b, &b.outputs, "quality", result.Quality, m)
	if b.err != nil {
		b.destroy()
		return nil, b.err
	}
	return b, nil
}

// discard returns n floats that the next run overwrites.
func (s *Session) discard(n int) []float32 {
	if cap(s.scratch) < n {
		s.scratch = make([]float32, n)
	}
	return s.scratch[:n]
}
