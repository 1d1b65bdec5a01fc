package fused

// Tensor is one input or output of the fused contract (docs/model.md). Ints or
// Floats holds its numbers, row after row, and is shared with the Call or Result.
type Tensor struct {
	Name   string
	Shape  []int64
	Ints   []int64
	Floats []float32
}

// Input describes an input: its name, whether it holds floats, and its shape
// behind the requests, -1 for what differs from call to call.
type Input struct {
	Name   string
	Floats bool
	Shape  []int64
}

// Inputs lists the inputs of a graph that returns k candidates, in their order.
func Inputs(k int) []Input {
	return []Input{
		{"left", false, []int64{-1}},
		{"right", false, []int64{-1}},
		{"slots", false, []int64{-1, -1}},
		{"settled", true, []int64{-1, -1}},
		{"remasked", false, []int64{-1, -1}},
		{"banned", false, []int64{-1, -1, -1}},
		{"told", false, []int64{-1}},
		{"multiline", false, []int64{1}},
		{"threshold", true, []int64{1}},
		{"floor", true, []int64{1}},
		{"limit", false, []int64{1}},
		{"noise", true, []int64{-1, -1, -1, int64(k + 1)}},
	}
}

// Outputs lists the outputs, like Inputs.
func Outputs() []Input {
	return []Input{
		{"slots_out", false, []int64{-1, -1}},
		{"settled_out", true, []int64{-1, -1}},
		{"remasked_out", false, []int64{-1, -1}},
		{"steps_out", false, []int64{-1}},
		{"forwards_out", false, []int64{1}},
	}
}

// Tensors are the inputs of a call to a graph that returns k candidates.
func (c *Call) Tensors(k int) []Tensor {
	b, n, s := int64(c.B), int64(c.N), int64(c.C)
	return []Tensor{
		{"left", []int64{b, int64(c.P)}, c.Left, nil},
		{"right", []int64{b, int64(c.Q)}, c.Right, nil},
		{"slots", []int64{b, n, s}, c.Slots, nil},
		{"settled", []int64{b, n, s}, nil, c.Settled},
		{"remasked", []int64{b, n, s}, c.Remasked, nil},
		{"banned", []int64{b, n, s, int64(c.X)}, c.Banned, nil},
		{"told", []int64{b, n}, c.Told, nil},
		{"multiline", []int64{b, 1}, c.Multiline, nil},
		{"threshold", []int64{b, 1}, nil, c.Threshold},
		{"floor", []int64{b, 1}, nil, c.Floor},
		{"limit", []int64{b, 1}, c.Limit, nil},
		{"noise", []int64{b, int64(c.S), n, s, int64(k + 1)}, nil, c.Noise},
	}
}

// Tensors makes room for the outputs of a call and returns them.
func (r *Result) Tensors(c *Call) []Tensor {
	b, n, s := int64(c.B), int64(c.N), int64(c.C)
	slots := c.B * c.N * c.C
	r.Slots, r.Settled, r.Remasked = make([]int64, slots), make([]float32, slots), make([]int64, slots)
	r.Steps, r.Forwards = make([]int64, c.B*c.N), make([]int64, c.B)
	return []Tensor{
		{"slots_out", []int64{b, n, s}, r.Slots, nil},
		{"settled_out", []int64{b, n, s}, nil, r.Settled},
		{"remasked_out", []int64{b, n, s}, r.Remasked, nil},
		{"steps_out", []int64{b, n}, r.Steps, nil},
		{"forwards_out", []int64{b, 1}, r.Forwards, nil},
	}
}

// Empty says whether a dimension of the call is empty, which no graph takes.
func (c *Call) Empty() bool {
	return c.B <= 0 || c.N <= 0 || c.C <= 0 || c.P <= 0 || c.Q <= 0 || c.X <= 0 || c.S <= 0
}
