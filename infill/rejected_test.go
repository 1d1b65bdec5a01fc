package infill

import (
	"slices"
	"testing"
)

// TestRejected: what was turned down gives way to the next best, wherever that comes
// from.
func TestRejected(t *testing.T) {
	twice := "package a\n\nfunc f(a, b int) int {\n\tx := one(a)\n\treturn b\n}\n\nfunc g(a, b int) int {\n\tx := one(a)\n\treturn b\n}\n\nfunc h(a, b int) int {\n\tx := one(a)\n\treturn «»\n}\n"
	lines := "package a\n\nfunc f(a int) int {«»}\n"
	for _, test := range []struct {
		name     string
		source   string
		model    Denoiser
		change   func(*Request)
		rejected []string
		want     Result // Fill, Reason, Precedent and Forwards are compared
	}{
		{"nothing", function, &scripted{answer: "a + b"}, nil, nil, Result{Fill: "a + b", Forwards: 1}},
		{"all there is", function, &scripted{answer: "a + b"}, nil, []string{"a + b"}, Result{Reason: ReasonRejected, Forwards: 1}},
		{"something else", function, &scripted{answer: "a + b"}, nil, []string{"a"}, Result{Fill: "a + b", Forwards: 1}},
		{"the best canvas", body, &lengthy{answer: "return a + a", short: "return a"}, nil, []string{"return a + a"}, Result{Fill: "return a", Forwards: 1}},
		{"an answer of several blocks", body, &lengthy{answer: statements(80), short: "return a"}, several, []string{statements(80)}, Result{Fill: "return a", Forwards: 2}},
		{"a precedent: the model answers", twice, &scripted{answer: "a"}, nil, []string{"b"}, Result{Fill: "a", Forwards: 1}},
		{"the model: the precedent was more likely anyway", twice, &scripted{answer: "a"}, nil, []string{"a"}, Result{Fill: "b", Precedent: true}},
		{"both", twice, &scripted{answer: "a"}, nil, []string{"a", "b"}, Result{Reason: ReasonRejected, Forwards: 1}},
		{"a precedent, and the model has nothing to say", twice, &scripted{answer: ""}, nil, []string{"b"}, Result{Reason: ReasonRejected, Forwards: 1}},
		{
			"with what stands around it", lines, &scripted{answer: "return a"},
			func(r *Request) { r.Hole.Lead, r.Hole.Trail, r.Hole.Multiline = "\n\t", "\n", true },
			[]string{"\n\treturn a\n"}, Result{Reason: ReasonRejected, Forwards: 1},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := fillAt(t, test.model, test.source, Options{Line: []int{8, 32}, Block: []int{32, 64}}, func(r *Request) {
				r.Precedents = true
				if test.change != nil {
					test.change(r)
				}
				hole := r.Hole
				r.Rejected = func(start, end int, text string) bool {
					if start != hole.Start || end != hole.End {
						t.Errorf("asked of the bytes %d to %d, the hole is %d to %d", start, end, hole.Start, hole.End)
					}
					return slices.Contains(test.rejected, text)
				}
			})
			if err != nil || got.Fill != test.want.Fill || got.Reason != test.want.Reason || got.Precedent != test.want.Precedent || got.Forwards != test.want.Forwards {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
			if (got.Reason != "") != (got.Text == "") {
				t.Errorf("the reason %q with the text %q", got.Reason, got.Text)
			}
		})
	}
}
