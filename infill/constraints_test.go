package infill

import (
	"strings"
	"testing"
)

// TestPlaces walks through an answer, a byte a token, and asks what may come next.
func TestPlaces(t *testing.T) {
	const body, call, open = "package a\n\nfunc f() {\n\t«»\n}\n", "package a\n\nfunc f() {\n\tg(«»)\n}\n", "package a\n\nfunc f() {\n\tif x {\n\t\t«»\n}\n"
	const python = "def f():\n    «»\n    return x\n"
	tests := []struct {
		name, id, src, answer string
		next                  byte
		forbids, leaves       bool
	}{
		{"what the answer opened", "go", body, "g(", ')', false, false},
		{"what nothing opened", "go", body, "g", ')', true, false},
		{"what was closed already", "go", body, "g()", ')', true, false},
		{"of the wrong kind", "go", body, "g(", ']', true, false},
		{"what the surroundings opened", "go", call, "a", ')', false, false},
		{"once", "go", call, "a)", ')', true, false},
		{"the block around", "go", body, "g()\n", '}', false, false},
		{"in a string", "go", body, "g(\"", ']', false, false},
		{"behind a string", "go", body, "g(\"]\"", ']', true, false},
		{"behind another", "python", python, "g('(', ", ']', true, false},
		{"behind an escape nothing is certain", "go", body, "g(\"\\\"", ']', false, false},
		{"nor in a comment", "go", body, "g() // ", ')', false, false},
		{"nor with quotes in quotes", "python", python, "g(\"'", ']', false, false},
		{"a line break may be followed by indentation", "go", body, "g()", '\n', false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := rules{vocab: testVocab, traits: traitsOf(testVocab.Size, letters{}), limits: limitsAt(t, tt.id, tt.src, true)}
			before := letters{}.Encode(tt.answer)
			here := r.placeOf(before, len(before))
			if token := Token(tt.next) + 24; here.forbids(token) != tt.forbids || here.leaves(token) != tt.leaves {
				t.Errorf("forbids %v, leaves %v: %+v", here.forbids(token), here.leaves(token), r.limits)
			}
			r.before = before // of blocks before
			if behind := r.placeOf(nil, 0); behind.forbids(Token(tt.next)+24) != tt.forbids {
				t.Error("behind a block it is another matter")
			}
			before[0] = testVocab.Mask
			if r.before = nil; r.placeOf(before, len(before)).known {
				t.Error("something is known behind a masked slot")
			}
		})
	}
	if got := limitsAt(t, "go", open, true); got.indent != 0 || got.missing != [kinds]int{0, 0, 1} {
		t.Errorf("a block that is to be closed: %+v", got)
	}
}

// lines is a tokenizer whose tokens are line breaks with their indentation, and bytes.
type lines struct{ letters }

var breaks = []string{"\n", "\n\t", "\n\t\t", "\n    ", "\n\n\t"}

func (l lines) Encode(text string) []int32 {
	var out []int32
	for text != "" {
		id, size := Token(text[0])+24, 1
		for n, b := range breaks {
			if strings.HasPrefix(text, b) && len(b) >= size {
				id, size = 280+Token(n), len(b)
			}
		}
		out, text = append(out, id), text[size:]
	}
	return out
}

func (l lines) Decode(ids []int32) string {
	var b strings.Builder
	for _, id := range ids {
		if id >= 280 {
			b.WriteString(breaks[id-280])
		} else {
			b.WriteString(l.letters.Decode([]int32{id}))
		}
	}
	return b.String()
}

func TestLineBreaks(t *testing.T) {
	const block = "package a\n\nfunc f() {\n\tfor {\n\t\t«»\n\t}\n}\n"
	tests := []struct {
		name, src, answer, next string
		forbids, leaves         bool
	}{
		{"the same block", block, "g()", "\n\t\t", false, false},
		{"the block around", block, "g()", "\n\t", false, true},
		{"with a bracket open", block, "g(", "\n\t", false, false},
		{"that more indentation may follow", block, "g()", "\n\n\t", false, false},
		{"spaces in a file of tabs", block, "g()", "\n    ", true, false},
		{"in a string that runs over lines", block, "g(`", "\n    ", false, false},
		{"not a line of its own", "package a\n\nfunc f() {\n\tx = «»\n}\n", "g()", "\n", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := rules{vocab: testVocab, traits: traitsOf(280+len(breaks), lines{}), limits: limitsAt(t, "go", tt.src, true)}
			before := lines{}.Encode(tt.answer)
			here, next := r.placeOf(before, len(before)), lines{}.Encode(tt.next)[0]
			if here.forbids(next) != tt.forbids || here.leaves(next) != tt.leaves {
				t.Errorf("forbids %v, leaves %v: %+v", here.forbids(next), here.leaves(next), r.limits)
			}
		})
	}
}

// TestConstraintsAtSteps: what is ruled out is not settled, neither at the front nor
// where it was settled before its turn, nor read.
func TestConstraintsAtSteps(t *testing.T) {
	model := func() *scripted {
		return &scripted{answer: "a)+ b", second: "a + b", sure: func(step, slot int) float64 {
			if step == 1 && slot == 0 {
				return 0.3 // so that it comes last
			}
			return 0.9
		}}
	}
	got, err := fillAt(t, model(), function, Options{Line: []int{8}, Constraints: AtSteps}, nil)
	if err != nil || got.Fill != "a + b" {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = fillAt(t, model(), function, Options{Line: []int{8}, Constraints: AtSteps, MaxSteps: 1}, nil)
	if err != nil || got.Fill != "a + b" {
		t.Errorf("in one step: %+v, %v", got, err)
	}
	reader := &reading{scripted: scripted{answer: ""}, text: "a)", finds: map[string]float32{"a": -1, "a)": -1}}
	got, err = fillAt(t, reader, function, Options{Decoder: Autoregressive, Constraints: AtSteps}, nil)
	if err != nil || got.Fill != "a" {
		t.Errorf("read on: %+v, %v", got, err)
	}
}
