package main

import (
	"testing"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
)

func TestScore(t *testing.T) {
	src := []byte("a := b + c\n\tx()\n\ty()\n")
	rest := cut{Lang: language(t, "go"), Kind: cutRest, Source: src, Start: 5, End: 10}    // "b + c"
	block := cut{Lang: language(t, "go"), Kind: cutBlock, Source: src, Start: 12, End: 21} // "x()\n\ty()" and its break
	for _, test := range []struct {
		name      string
		cut       cut
		result    infill.Result
		fill      string
		exact     bool
		firstLine bool
		similar   float64
	}{
		{"nothing", rest, infill.Result{Reason: "empty"}, "", false, false, 0},
		{"exact", rest, infill.Result{Start: 5, End: 5, Text: "b + c"}, "b + c", true, true, 1},
		{"white space at the end", rest, infill.Result{Start: 5, End: 5, Text: "b + c \n"}, "b + c \n", true, true, 1},
		{"white space in front counts", rest, infill.Result{Start: 5, End: 5, Text: " b + c"}, " b + c", false, false, 0.8333},
		{"one character off", rest, infill.Result{Start: 5, End: 5, Text: "b - c"}, "b - c", false, false, 0.8},
		{"the surroundings re-emitted", rest, infill.Result{Start: 0, End: 6, Text: "a := b + c\n"}, "b + c", true, true, 1},
		{"first line of a block", block, infill.Result{Start: 12, End: 12, Text: "x()\n\tz()"}, "x()\n\tz()", false, true, 0.875},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := score(&test.cut, test.cut.holed(), test.result, bytesAsTokens{}, 3*time.Millisecond)
			if got.Fill != test.fill || got.Exact != test.exact || got.FirstLine != test.firstLine || got.Similarity != test.similar {
				t.Errorf("%+v", got)
			}
			if got.Shown != (test.result.Text != "") || got.Elapsed != 3 {
				t.Errorf("%+v", got)
			}
			if got.TruthTokens != len(trimEnd(got.Truth)) || got.FillTokens != len(trimEnd(test.fill)) {
				t.Errorf("%d tokens for %d", got.FillTokens, got.TruthTokens)
			}
		})
	}
}
