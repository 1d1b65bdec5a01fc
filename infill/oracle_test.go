package infill

import "testing"

func TestOracle(t *testing.T) {
	for _, test := range []struct {
		name   string
		oracle Oracle
		first  string // slots of the first canvas: _ masked, . empty
		want   string
	}{
		{
			name:  "nothing told",
			first: "________",
			want:  "a + b",
		},
		{
			name:   "the length is told",
			oracle: Oracle{Length: 5},
			first:  "_____...",
			want:   "a + b",
		},
		{
			name:   "the smallest canvas that fits",
			oracle: Oracle{Length: 9},
			first:  "_________.......",
			want:   "a + b",
		},
		{
			name:   "one canvas",
			oracle: Oracle{Canvas: 16},
			first:  "________________",
			want:   "a + b",
		},
		{
			name:   "a canvas that the model does not know",
			oracle: Oracle{Canvas: 17},
			first:  "________",
			want:   "a + b",
		},
		{
			name:   "the length goes before the canvas",
			oracle: Oracle{Length: 5, Canvas: 64},
			first:  "_____...",
			want:   "a + b",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			model := &scripted{answer: "a + b", second: "a + b"}
			if test.oracle.Length > 5 {
				model.answer = "a + b    "
			}
			got, err := fillAt(t, model, function, Options{}, func(r *Request) { r.Oracle = test.oracle })
			if err != nil {
				t.Fatal(err)
			}
			first := ""
			for _, slot := range model.seen[0] {
				first += map[Token]string{testVocab.Mask: "_", testVocab.Delete: "."}[slot]
			}
			if first != test.first || got.Fill != test.want {
				t.Errorf("canvas %s, fill %q; want %s, %q", first, got.Fill, test.first, test.want)
			}
		})
	}
}

// A model that would stop early is held to the length that is told.
func TestOracleHoldsToTheLength(t *testing.T) {
	model := &scripted{answer: "a", second: "a + b"}
	got, err := fillAt(t, model, function, Options{}, func(r *Request) { r.Oracle.Length = 5 })
	if err != nil {
		t.Fatal(err)
	}
	if got.Fill != "a + b" {
		t.Errorf("fill %q, want the second candidates %q", got.Fill, "a + b")
	}
}

func TestSizes(t *testing.T) {
	e := New(&scripted{}, letters{}, Options{Block: []int{32, 48}})
	if line, block := e.Sizes(false), e.Sizes(true); len(line) != 2 || line[0] != 8 || line[1] != 16 || len(block) != 1 || block[0] != 32 {
		t.Errorf("%v and %v, want [8 16] and [32], the sizes that the model knows", line, block)
	}
	for length, want := range map[int]int{1: 8, 8: 8, 9: 16, 33: 64, 65: 64} {
		if got := e.fitting(length); got != want {
			t.Errorf("%d tokens fit a canvas of %d, want %d", length, got, want)
		}
	}
}
