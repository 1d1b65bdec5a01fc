package context

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// byteEncoder has one token a byte, shifted past the special ids.
type byteEncoder struct{}

func (byteEncoder) Encode(text string) []int32 {
	out := make([]int32, len(text))
	for i := range len(text) {
		out[i] = int32(text[i]) + 24
	}
	return out
}

func text(ids []int32) string {
	var b strings.Builder
	for _, id := range ids {
		if id >= 24 {
			b.WriteByte(byte(id - 24))
		}
	}
	return b.String()
}

const lang, snippet, code, cut, eof = 9, 5, 6, 7, 8

func newLayout(left, right int) Layout {
	return Layout{Encoder: byteEncoder{}, Special: Special{Code: code, Cut: cut, EOF: eof, Snippet: snippet}, LeftWindow: left, RightWindow: right}
}

func document(path string, source []byte) Document {
	return Document{Language: lang, Path: path, Source: source}
}

func reversed(ids []int32) []int32 {
	out := slices.Clone(ids)
	slices.Reverse(out)
	return out
}

func TestStreamsOfAShortFile(t *testing.T) {
	src := []byte("func f() {}\n")
	s := newLayout(200, 200).Streams(document("a.go", src), 10, 10, "\n\t", "\n")

	if got := text(s.Left); got != "a.go"+"func f() {"+"\n\t" {
		t.Errorf("left = %q", got)
	}
	if s.Left[0] != lang || s.Left[5] != code || slices.Contains(s.Left, cut) {
		t.Errorf("left begins %v, want the language, the path, Code and no Cut", s.Left[:7])
	}
	if got := text(reversed(s.Right)); got != "\n"+"}\n" {
		t.Errorf("right = %q", got)
	}
	if s.Right[0] != eof {
		t.Errorf("right begins with %d, want EOF", s.Right[0])
	}
}

func TestStreamsOfALongFileAreCutAtLines(t *testing.T) {
	src := []byte(strings.Repeat("0123456789abcdef\n", 500))
	at := 250 * 17
	s := newLayout(1500, 1000).Streams(document("a.go", src), at, at, "", "")

	left := s.Left[slices.Index(s.Left, code)+1:]
	if left[0] != cut || !strings.HasPrefix(text(left), "0123") {
		t.Errorf("left window begins with %d %q, want Cut and the start of a line", left[0], text(left)[:8])
	}
	right := text(reversed(s.Right))
	if s.Right[0] != cut || !strings.HasSuffix(right, "f\n") {
		t.Errorf("right window ends with %d %q, want Cut and the end of a line", s.Right[0], right[len(right)-4:])
	}
}

func TestAnEndlessLineStillFits(t *testing.T) {
	src := []byte(strings.Repeat("x", 50_000))
	s := newLayout(300, 200).Streams(document("a.go", src), 25_000, 25_000, "", "")
	if len(s.Left) > 300 || len(s.Right) > 200 {
		t.Errorf("windows are %d and %d tokens, want at most 300 and 200", len(s.Left), len(s.Right))
	}
}

// TestStreamsProperties: whatever the text and the hole, the windows hold what
// stands next to the hole and no more than their budget.
func TestStreamsProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var b strings.Builder
		for range rng.IntN(300) {
			b.WriteString(strings.Repeat("wörd ", rng.IntN(12)))
			b.WriteByte('\n')
		}
		src := b.String()
		start := rng.IntN(len(src) + 1)
		end := start + rng.IntN(len(src)-start+1)
		l := newLayout(100+rng.IntN(900), 50+rng.IntN(900))
		s := l.Streams(document("dir/file.go", []byte(src)), start, end, "<", ">")
		if len(s.Left) > l.LeftWindow || len(s.Right) > l.RightWindow {
			t.Fatalf("windows %d/%d over budget %d/%d", len(s.Left), len(s.Right), l.LeftWindow, l.RightWindow)
		}
		left := text(s.Left[slices.Index(s.Left, code)+1:])
		if !strings.HasSuffix(src[:start]+"<", left) {
			t.Fatalf("left window is not the text before the hole: %q", left)
		}
		if right := text(reversed(s.Right)); !strings.HasPrefix(">"+src[end:], right) {
			t.Fatalf("right window is not the text after the hole: %q", right)
		}
	}
}

// TestTypingRarelyMovesTheWindow is why the anchors exist: while a hundred
// lines are typed the left window must keep its beginning from key to key, but
// for the few jumps.
func TestTypingRarelyMovesTheWindow(t *testing.T) {
	l := newLayout(1200, 600)
	head := strings.Repeat("some line of code here\n", 200)
	tail := strings.Repeat("a line behind the cursor\n", 200)
	typed := strings.Repeat("typed := line(of, code)\n", 60)
	var before Streams
	jumps := 0
	for n := range len(typed) {
		src := []byte(head + typed[:n] + tail)
		at := len(head) + n
		now := l.Streams(document("a.go", src), at, at, "", "")
		if n > 0 {
			if !slices.Equal(now.Left[:len(before.Left)], before.Left) && !slices.Equal(now.Left[:40], before.Left[:40]) {
				jumps++
			}
			if !slices.Equal(now.Right, before.Right) {
				t.Fatal("typing before the right window changed it")
			}
		}
		before = now
	}
	if most := len(typed)/stride + 1; jumps > most {
		t.Errorf("%d keystrokes moved the window %d times, want at most %d", len(typed), jumps, most)
	}
}
