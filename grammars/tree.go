package grammars

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	sitter "github.com/smacker/go-tree-sitter"
)

// MaxSource is the largest source that is parsed, in bytes. A full parse takes
// about 0.7 s a megabyte.
const MaxSource = 2 << 20

// parseLimit bounds one parse: input that makes the parser try endless
// readings of an error must not hold up the server.
const parseLimit = 5 * time.Second

// What Parse and Update refuse.
var (
	ErrTooLarge = fmt.Errorf("source is larger than %d MiB, holes are found in smaller files only", MaxSource>>20)
	ErrTimeout  = fmt.Errorf("parsing took longer than %v, the file is probably not source code", parseLimit)
	ErrNotUTF8  = errors.New("source is not valid UTF-8, convert the file first")
)

// Tree is a parsed source. The source it was made from must not change. A Tree
// is for one goroutine: hand others a Copy.
type Tree struct {
	language *Language
	source   []byte
	tree     *sitter.Tree
	closed   bool

	// Results that are asked for repeatedly, nil until first asked.
	holes  []Hole
	faults []Span

	sections  []section
	inherited *inheritance // until sections are asked for

	readability readability
}

// Edit says that [Start, OldEnd) was replaced by [Start, NewEnd).
type Edit struct{ Start, OldEnd, NewEnd int }

// Parse parses src and keeps it. The caller must Close the Tree. The error is
// ErrTooLarge, ErrNotUTF8 or ErrTimeout; a source with syntax errors is not an
// error.
func Parse(lang *Language, src []byte) (*Tree, error) {
	return parse(lang, nil, src, parseLimit)
}

func parse(lang *Language, old *sitter.Tree, src []byte, limit time.Duration) (*Tree, error) {
	if len(src) > MaxSource {
		return nil, ErrTooLarge
	}
	if !utf8.Valid(src) {
		return nil, ErrNotUTF8
	}
	parser := sitter.NewParser()
	defer parser.Close()
	parser.SetLanguage(lang.grammar())
	parser.SetOperationLimit(int(limit.Microseconds()))
	// A context that can be cancelled would race inside the library.
	tree, err := parser.ParseCtx(context.Background(), old, src)
	if errors.Is(err, sitter.ErrOperationLimit) {
		return nil, ErrTimeout
	}
	if err != nil {
		return nil, fmt.Errorf("parsing %s: %w", lang.name, err)
	}
	return &Tree{language: lang, source: src, tree: tree}, nil
}

// Update parses src, which is t's source after edits, reusing what they did
// not touch. Edits apply in order; the offsets of each are those of the text
// as the ones before left it. t stays valid and unchanged. Errors are those of
// Parse, and one for edits that do not lead from t's source to src.
func (t *Tree) Update(src []byte, edits ...Edit) (*Tree, error) {
	return t.update(parseLimit, src, edits)
}

func (t *Tree) update(limit time.Duration, src []byte, edits []Edit) (*Tree, error) {
	if err := checkEdits(len(t.source), len(src), edits); err != nil {
		return nil, err
	}
	old := t.tree.Copy()
	defer old.Close()
	for _, e := range edits {
		// Rows and columns stay zero: the library mangles them anyhow, they
		// only mark subtrees that are parsed again, and nothing here reads
		// them. TestUpdateEqualsParse holds this.
		old.Edit(sitter.EditInput{
			StartIndex:  uint32(e.Start),
			OldEndIndex: uint32(e.OldEnd),
			NewEndIndex: uint32(e.NewEnd),
		})
	}
	updated, err := parse(t.language, old, src, limit)
	if err == nil {
		updated.inherit(t.sections, edits)
	}
	return updated, err
}

func checkEdits(size, want int, edits []Edit) error {
	for i, e := range edits {
		if e.Start < 0 || e.OldEnd < e.Start || e.OldEnd > size || e.NewEnd < e.Start {
			return fmt.Errorf("edit %d (%+v) is outside the %d bytes of source", i, e, size)
		}
		size += e.NewEnd - e.OldEnd
	}
	if size != want {
		return fmt.Errorf("edits lead to a source of %d bytes, not of %d", size, want)
	}
	return nil
}

// Splice is Update for a source with [start, end) replaced by text.
func (t *Tree) Splice(start, end int, text string) (*Tree, error) {
	return t.splice(parseLimit, start, end, text)
}

func (t *Tree) splice(limit time.Duration, start, end int, text string) (*Tree, error) {
	if start < 0 || end < start || end > len(t.source) {
		return nil, fmt.Errorf("range %d..%d is outside the %d bytes of source", start, end, len(t.source))
	}
	src := slices.Concat(t.source[:start], []byte(text), t.source[end:])
	return t.update(limit, src, []Edit{{start, end, start + len(text)}})
}

// Copy returns the same tree for another goroutine, to be closed by itself.
func (t *Tree) Copy() *Tree {
	c := *t
	c.tree = t.tree.Copy()
	return &c
}

// Close frees the tree. Calling it twice is allowed; any other use after it is
// not.
func (t *Tree) Close() {
	if !t.closed {
		t.tree.Close()
		t.closed = true
	}
}

// Language of the source.
func (t *Tree) Language() *Language { return t.language }

// Source that was parsed. It must not be changed.
func (t *Tree) Source() []byte { return t.source }
