// Package context lays out what the model sees of a document: a header with
// what its neighbours declare, the text before the hole, the text after it, cut
// to the model's windows. docs/context.md specifies the layout, and
// models/train/layout.py is its other implementation; a test in cmd/lacuna
// compares them.
//
// It must never know how tokens are predicted, nor where the text comes from.
package context

import "bytes"

// Encoder turns text into token ids. Each call stands for itself: text on the
// two sides of a hole is encoded apart.
type Encoder interface {
	Encode(text string) []int32
}

// Special holds the ids the layout places by itself.
type Special struct {
	Code, Cut, EOF, Snippet int32
}

const (
	// maxPath is how many tokens of the path are kept, from its end.
	maxPath = 32
	// stride is the distance in bytes between places a window may begin or
	// end. A window that must give way jumps to the next one, so that the cache
	// is invalidated once in some hundred bytes of typing and not at each key.
	stride = 512
	// widest is more bytes than a token ever stands for on average in code; it
	// bounds the text that is encoded only to be cut off.
	widest = 6
)

// Streams are the two token streams of one hole. Right is reversed: Right[0] is
// the end of the window.
type Streams struct {
	Left, Right []int32
}

// Layout builds streams for one model. It is immutable and safe for concurrent
// use if its Encoder is.
type Layout struct {
	Encoder     Encoder
	Special     Special
	LeftWindow  int // tokens, header included
	RightWindow int // tokens, the end mark included
	// Snippets is whether the model was trained with them. If not, a document's
	// neighbours are passed over. The left window must have room for them.
	Snippets bool
}

// Document is what a hole is in.
type Document struct {
	Language   int32 // header token
	Path       string
	Source     []byte
	Neighbours []Neighbour // nearest first
}

// Streams lays out the text before start with lead behind it, and the text after
// end with trail in front of it.
func (l Layout) Streams(d Document, start, end int, lead, trail string) Streams {
	return Streams{
		Left:  l.left(d, d.Source[:start], lead),
		Right: l.right(trail, d.Source[end:]),
	}
}

// header is what the left stream begins with.
func (l Layout) header(d Document) []int32 {
	out := append(make([]int32, 0, l.LeftWindow), d.Language)
	name := l.Encoder.Encode(d.Path)
	out = append(out, name[max(0, len(name)-maxPath):]...)
	if l.Snippets {
		out = append(out, l.snippets(d.Neighbours)...)
	}
	return append(out, l.Special.Code)
}

func (l Layout) left(d Document, before []byte, lead string) []int32 {
	out := l.header(d)
	room := l.LeftWindow - len(out) - 1 // 1: Cut

	for from := max(0, len(before)-room*widest); ; {
		from = leftAnchor(before, from)
		ids := l.Encoder.Encode(string(before[from:]) + lead)
		if over := len(ids) - room; over > 0 && from < len(before) {
			// At least over tokens must go; a token is at least a byte.
			from += max(over, 1)
			continue
		} else if over > 0 { // one endless line: no anchor helps
			ids = ids[over:]
		}
		if from > 0 {
			out = append(out, l.Special.Cut)
		}
		return append(out, ids...)
	}
}

// leftAnchor is the first line start at or after the first multiple of stride
// at or after from; 0 is one. Without a line start left it is the multiple.
func leftAnchor(text []byte, from int) int {
	if from == 0 {
		return 0
	}
	at := (from + stride - 1) / stride * stride
	if at >= len(text) {
		return len(text)
	}
	if nl := bytes.IndexByte(text[at:], '\n'); nl >= 0 && at+nl+1 < len(text) {
		return at + nl + 1
	}
	return runeStart(text, at)
}

func (l Layout) right(trail string, after []byte) []int32 {
	room := l.RightWindow - 1
	// Measured from the end of the file, so that edits before it move nothing.
	for back := max(0, len(after)-room*widest); ; {
		back = rightAnchor(after, back)
		ids := l.Encoder.Encode(trail + string(after[:len(after)-back]))
		if over := len(ids) - room; over > 0 && back < len(after) {
			back += max(over, 1)
			continue
		} else if over > 0 {
			ids = ids[:room]
		}
		mark := l.Special.EOF
		if back > 0 {
			mark = l.Special.Cut
		}
		out := append(make([]int32, 0, len(ids)+1), mark)
		for i := len(ids) - 1; i >= 0; i-- {
			out = append(out, ids[i])
		}
		return out
	}
}

// rightAnchor is leftAnchor's mirror: distances from the end at which the text
// before ends with a line break.
func rightAnchor(text []byte, back int) int {
	if back == 0 {
		return 0
	}
	at := (back + stride - 1) / stride * stride
	if at >= len(text) {
		return len(text)
	}
	head := text[:len(text)-at]
	if nl := bytes.LastIndexByte(head, '\n'); nl >= 0 {
		return len(text) - nl - 1
	}
	return len(text) - runeStart(text, len(head))
}

// runeStart moves at forward to a UTF-8 boundary.
func runeStart(text []byte, at int) int {
	for at < len(text) && text[at]&0xC0 == 0x80 {
		at++
	}
	return at
}
