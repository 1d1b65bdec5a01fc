package sched

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/lacuna-dev/lacuna/infill"
)

func TestReuse(t *testing.T) {
	type request struct {
		document, left, right string
		want                  infill.PrefillStats
	}
	stats := func(leftReused, leftComputed, rightReused, rightComputed int) infill.PrefillStats {
		return infill.PrefillStats{
			LeftReused: leftReused, LeftComputed: leftComputed,
			RightReused: rightReused, RightComputed: rightComputed,
		}
	}
	tests := map[string][]request{
		"typing extends the left stream": {
			{"d", "abc", "xyz", stats(0, 3, 0, 3)},
			{"d", "abcd", "xyz", stats(3, 1, 3, 0)},
			{"d", "abcd", "xyz", stats(4, 0, 3, 0)},
		},
		"deleting cuts it back": {
			{"d", "abcdef", "xyz", stats(0, 6, 0, 3)},
			{"d", "abc", "xyz", stats(3, 0, 3, 0)},
			{"d", "abcdef", "xyz", stats(3, 3, 3, 0)},
		},
		"a change in the middle": {
			{"d", "abcdef", "xyz", stats(0, 6, 0, 3)},
			{"d", "abxdef", "xzz", stats(2, 4, 1, 2)},
		},
		"the cursor moves on": {
			{"d", "ab", "xyzw", stats(0, 2, 0, 4)},
			{"d", "abcd", "xy", stats(2, 2, 2, 0)},
		},
		"nothing on a side": {
			{"d", "", "", stats(0, 0, 0, 0)},
			{"d", "a", "", stats(0, 1, 0, 0)},
			{"d", "", "x", stats(0, 0, 0, 1)},
		},
		"documents keep their slots": {
			{"d", "abc", "xyz", stats(0, 3, 0, 3)},
			{"e", "mno", "pqr", stats(0, 3, 0, 3)},
			{"d", "abc", "xyz", stats(3, 0, 3, 0)},
			{"e", "mnop", "pqr", stats(3, 1, 3, 0)},
		},
		"a copy of a document starts from it, and leaves it whole": {
			{"d", "abcdef", "xyz", stats(0, 6, 0, 3)},
			{"e", "abcxxx", "xyz", stats(3, 3, 3, 0)},
			{"d", "abcdef", "xyz", stats(6, 0, 3, 0)},
		},
		"another document may be nearer than one's own past": {
			{"d", "abcdef", "xyz", stats(0, 6, 0, 3)},
			{"e", "m", "", stats(0, 1, 0, 0)},
			{"e", "abcdef", "x", stats(6, 0, 1, 0)},
		},
	}
	for name, requests := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScheduler(t, &fakeGraph{}, Config{Chunk: 2})
			for i, r := range requests {
				c := prefill(t, s, r.document, r.left, r.right)
				if got := c.Stats(); got != r.want {
					t.Errorf("request %d: got %+v, want %+v", i, got, r.want)
				}
				checkCold(t, c, r.left, r.right)
				c.Release()
			}
		})
	}
}

func TestOpenContextKeepsItsSlot(t *testing.T) {
	s := newScheduler(t, &fakeGraph{}, Config{})
	old := prefill(t, s, "d", "abcdef", "xyz")
	young := prefill(t, s, "d", "abcx", "xy")
	if got, want := young.Stats(), (infill.PrefillStats{LeftReused: 3, LeftComputed: 1, RightReused: 2}); got != want {
		t.Errorf("beside an open context: got %+v, want %+v", got, want)
	}
	twin := prefill(t, s, "d", "abcdef", "xyz")
	if got, want := twin.Stats(), (infill.PrefillStats{LeftReused: 6, RightReused: 3}); got != want {
		t.Errorf("the same streams twice: got %+v, want %+v", got, want)
	}
	checkCold(t, old, "abcdef", "xyz")
	checkCold(t, young, "abcx", "xy")
	old.Release()
	old.Release() // allowed, and must not undo the pin of twin
	third := prefill(t, s, "d", "abq", "x")
	checkCold(t, twin, "abcdef", "xyz")
	twin.Release()
	young.Release()
	third.Release()
	for _, sl := range s.slots {
		if sl.pins != 0 || sl.filling {
			t.Errorf("slot %+v is still held", sl)
		}
	}
}

func TestEvictsTheLongestUnused(t *testing.T) {
	// Each document takes 10 tokens and a quarter more, of 8 bytes: 96 bytes.
	s := newScheduler(t, &fakeGraph{}, Config{Memory: 3 * 96})
	computed := func(document, left string) int {
		c := prefill(t, s, document, left, "")
		defer c.Release()
		return c.Stats().LeftComputed
	}
	for i := range 3 {
		computed(fmt.Sprint(i), fmt.Sprintf("%cbcdefghij", 'p'+i))
	}
	if computed("0", "pbcdefghij") != 0 {
		t.Error("document 0 was evicted with room for it")
	}
	computed("3", "sbcdefghij")
	if computed("0", "pbcdefghij") != 0 {
		t.Error("document 0 was evicted although 1 was unused for longer")
	}
	if computed("1", "qbcdefghij") == 0 {
		t.Error("document 1 is still there: the budget does not hold")
	}
}

func TestOpenContextsExceedTheBudget(t *testing.T) {
	s := newScheduler(t, &fakeGraph{}, Config{Memory: 1})
	a := prefill(t, s, "a", "abc", "x")
	b := prefill(t, s, "b", "mno", "x")
	checkCold(t, a, "abc", "x")
	checkCold(t, b, "mno", "x")
	a.Release()
	b.Release()
	if len(s.slots) != 0 {
		t.Errorf("%d slots stay after their release", len(s.slots))
	}
}

// TestRandomEdits runs edit scripts from several goroutines over few documents
// and compares every prediction with a cold run.
func TestRandomEdits(t *testing.T) {
	s := newScheduler(t, &fakeGraph{}, Config{Chunk: 3, Memory: 1000})
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			rng := rand.New(rand.NewPCG(7, uint64(worker)))
			left, right := "", ""
			for range 60 {
				left, right = edit(rng, left, 40), edit(rng, right, 20)
				c := prefill(t, s, fmt.Sprint(rng.IntN(2)), left, right)
				checkCold(t, c, left, right)
				c.Release()
			}
		})
	}
	group.Wait()
}
