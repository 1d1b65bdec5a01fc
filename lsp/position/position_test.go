package position_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.lsp.dev/protocol"

	"github.com/lacuna-dev/lacuna/lsp/position"
)

var encodings = []position.Encoding{position.UTF16, position.UTF8, position.UTF32}

func at(line, column uint32) protocol.Position {
	return protocol.Position{Line: line, Character: column}
}

func TestNegotiateTakesTheClientsFirstKnownChoice(t *testing.T) {
	const utf8, utf16, utf32 = protocol.PositionEncodingKindUTF8, protocol.PositionEncodingKindUTF16, protocol.PositionEncodingKindUTF32
	for _, test := range []struct {
		name    string
		offered []protocol.PositionEncodingKind
		want    position.Encoding
	}{
		{"nothing offered", nil, position.UTF16},
		{"vs code", []protocol.PositionEncodingKind{utf16}, position.UTF16},
		{"helix", []protocol.PositionEncodingKind{utf8, utf32, utf16}, position.UTF8},
		{"client order wins", []protocol.PositionEncodingKind{utf32, utf8}, position.UTF32},
		{"unknown ones are skipped", []protocol.PositionEncodingKind{"utf-7", utf8}, position.UTF8},
		{"only unknown ones", []protocol.PositionEncodingKind{"utf-7"}, position.UTF16},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := position.Negotiate(test.offered); got != test.want {
				t.Errorf("Negotiate(%v) = %v, want %v", test.offered, got.Kind(), test.want.Kind())
			}
		})
	}
}

func TestOffset(t *testing.T) {
	for _, test := range []struct {
		name                string
		text                string
		at                  protocol.Position
		utf8, utf16, utf32_ int
	}{
		{"start", "ab\ncd", at(0, 0), 0, 0, 0},
		{"second line", "ab\ncd", at(1, 1), 4, 4, 4},
		{"end of text", "ab\ncd", at(1, 2), 5, 5, 5},
		{"column past the end of a line", "ab\ncd", at(0, 99), 2, 2, 2},
		{"column past the end, CRLF", "ab\r\ncd", at(0, 99), 2, 2, 2},
		{"line past the end", "ab\ncd", at(7, 0), 5, 5, 5},
		{"huge numbers", "ab\ncd", at(1<<31, 1<<31), 5, 5, 5},
		{"lone CR ends a line", "ab\rcd", at(1, 1), 4, 4, 4},
		{"CRLF ends one line", "ab\r\ncd", at(1, 1), 5, 5, 5},
		{"LF CR ends two", "ab\n\rcd", at(2, 1), 5, 5, 5},
		{"U+2028 does not end a line", "a\u2028b", at(1, 0), 5, 5, 5},
		{"vertical tab and form feed do not", "a\vb\fc", at(0, 4), 4, 4, 4},
		{"tab is one column", "\tx", at(0, 1), 1, 1, 1},
		{"two-byte letter", "äx", at(0, 1), 0, 2, 2},
		{"after an emoji", "🙂x", at(0, 2), 0, 4, 5},
		{"inside a surrogate pair", "🙂x", at(0, 1), 0, 0, 4},
		{"after an emoji, bytes", "🙂x", at(0, 4), 4, 5, 5},
		{"inside a UTF-8 sequence", "a🙂x", at(0, 3), 1, 5, 6},
		{"combining marks are their own columns", "e\u0301x", at(0, 2), 1, 3, 3},
		{"empty text", "", at(0, 3), 0, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := position.New([]byte(test.text))
			for encoding, want := range map[position.Encoding]int{
				position.UTF8: test.utf8, position.UTF16: test.utf16, position.UTF32: test.utf32_,
			} {
				if got := text.Offset(test.at, encoding); got != want {
					t.Errorf("%s: Offset(%v) = %d, want %d", encoding.Kind(), test.at, got, want)
				}
			}
		})
	}
}

func TestPositionOfWhatIsInsideGoesToItsStart(t *testing.T) {
	for _, test := range []struct {
		name   string
		text   string
		offset int
		want   protocol.Position
	}{
		{"between CR and LF", "ab\r\ncd", 3, at(0, 2)},
		{"inside an emoji", "a🙂", 3, at(0, 1)},
		{"before the text", "ab", -4, at(0, 0)},
		{"after the text", "ab\n", 99, at(1, 0)},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, encoding := range encodings {
				if got := position.New([]byte(test.text)).Position(test.offset, encoding); got != test.want {
					t.Errorf("%s: Position(%d) = %v, want %v", encoding.Kind(), test.offset, got, test.want)
				}
			}
		})
	}
}

func TestSpanTurnsSwappedEndsAround(t *testing.T) {
	text := position.New([]byte("hello"))
	start, end := text.Span(protocol.Range{Start: at(0, 4), End: at(0, 1)}, position.UTF16)
	if start != 1 || end != 4 {
		t.Errorf("Span = %d, %d, want 1, 4", start, end)
	}
}

// Every offset that starts a character and does not cut a CRLF survives the
// way there and back.
func checkRoundTrip(t *testing.T, src []byte) {
	text := position.New(src)
	for offset := 0; offset <= len(src); {
		insideCRLF := offset > 0 && offset < len(src) && src[offset-1] == '\r' && src[offset] == '\n'
		for _, encoding := range encodings {
			p := text.Position(offset, encoding)
			if got := text.Offset(p, encoding); got != offset && !insideCRLF {
				t.Fatalf("%s: %q: offset %d -> %v -> %d", encoding.Kind(), src, offset, p, got)
			}
		}
		if offset == len(src) {
			return
		}
		_, size := utf8.DecodeRune(src[offset:])
		offset += size
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("a\r\nb\rc\n\n🙂ä\xff\xc3"))
	f.Add([]byte("\r\n\r\r\n"))
	f.Fuzz(checkRoundTrip)
}

// The incremental line index must equal the one made from scratch.
func FuzzSplice(f *testing.F) {
	f.Add([]byte("a\r\nb\rc"), 1, 2, []byte("\n"))
	f.Add([]byte("\r\n"), 1, 0, []byte("x"))
	f.Add([]byte("a\r"), 2, 0, []byte("\n"))
	f.Fuzz(func(t *testing.T, src []byte, start, length int, with []byte) {
		start = max(0, min(start, len(src)))
		end := start + max(0, min(length, len(src)-start))
		got := position.New(src).Splice(start, end, with)
		want := position.New(slices.Concat(src[:start], with, src[end:]))
		compare(t, got, want)
	})
}

func TestSpliceEqualsIndexFromScratch(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"\r", "\n", "\r\n", "a", "🙂", "\u2028", ""}
	text := position.New(nil)
	for range 3000 {
		var with strings.Builder
		for range random.IntN(4) {
			with.WriteString(pieces[random.IntN(len(pieces))])
		}
		start := random.IntN(text.Len() + 1)
		end := start + random.IntN(min(6, text.Len()-start)+1)
		text = text.Splice(start, end, []byte(with.String()))
		compare(t, text, position.New(text.Bytes()))
	}
}

func compare(t *testing.T, got, want *position.Text) {
	t.Helper()
	if !bytes.Equal(got.Bytes(), want.Bytes()) || got.Lines() != want.Lines() {
		t.Fatalf("got %q in %d lines, want %q in %d", got.Bytes(), got.Lines(), want.Bytes(), want.Lines())
	}
	for line := range got.Lines() {
		gotStart, gotEnd := got.Line(line)
		wantStart, wantEnd := want.Line(line)
		if gotStart != wantStart || gotEnd != wantEnd {
			t.Fatalf("%q: line %d is %d-%d, want %d-%d", got.Bytes(), line, gotStart, gotEnd, wantStart, wantEnd)
		}
	}
}

func BenchmarkKeystroke(b *testing.B) {
	text := position.New(bytes.Repeat([]byte("\tx := compute(y, z) // ä\n"), 40_000))
	middle := text.Len() / 2
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		next := text.Splice(middle, middle, []byte("x"))
		next.Offset(next.Position(middle, position.UTF16), position.UTF16)
	}
}
