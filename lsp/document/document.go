// Package document keeps the open documents: immutable, versioned snapshots
// that requests hold on to while the user types on, and the syntax tree that
// follows them.
//
// Snapshots are made on one goroutine, the server's read loop, which never
// waits: applying an edit copies text and updates the line index, no more.
// Parsing happens where a tree is asked for.
//
// The package must never know requests, the model or the connection.
package document

import (
	"errors"
	"fmt"
	"path"
	"sync/atomic"
	"unicode/utf8"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/lsp/position"
)

// MaxFilled is the size in bytes above which a document is tracked but not
// filled: parsing it would cost more than a suggestion is worth.
const MaxFilled = 2 << 20

var (
	// ErrModified says that the document has moved on, so that nothing can be
	// said any more about an older snapshot.
	ErrModified = errors.New("the document has changed since")
	// ErrClosed says that the document was closed.
	ErrClosed = errors.New("the document was closed")
)

// Document is one open document. Open, Change and Lose are called by one
// goroutine only; everything else by any.
type Document struct {
	wire   uri.URI // as the client spells it
	parser parser
	head   atomic.Pointer[Snapshot]
}

// Snapshot is one state of a document. It never changes.
type Snapshot struct {
	URI     uri.URI // canonical, for comparing
	Version int32   // the client's number
	// Language is nil when we have no grammar for the document.
	Language *grammars.Language
	Text     *position.Text

	doc  *Document
	seq  uint64 // ours: one more with each change, whatever the client counts
	lost bool   // an edit could not be read, the text is not the editor's
}

// Open begins a document. wire is the URI in the client's own spelling.
func Open(item protocol.TextDocumentItem, wire uri.URI) *Document {
	d := &Document{wire: wire}
	d.head.Store(&Snapshot{
		URI:      item.URI,
		Version:  item.Version,
		Language: language(item),
		Text:     position.New([]byte(item.Text)),
		doc:      d,
	})
	return d
}

// language finds the grammar by the client's language id, or else by the name
// of the file: ids differ between editors, and some send none.
func language(item protocol.TextDocumentItem) *grammars.Language {
	if lang, ok := grammars.ByID(string(item.LanguageID)); ok {
		return lang
	}
	lang, _ := grammars.ByPath(path.Base(item.URI.Path()))
	return lang
}

// Head is the latest snapshot.
func (d *Document) Head() *Snapshot { return d.head.Load() }

// Edit is one change of the text. A nil Range means all of it.
type Edit struct {
	Range *protocol.Range
	Text  string
}

// Change applies the edits of one notification in order. Positions are in
// the given encoding and clamp. A version that does not grow is reported in the
// error, but applied all the same: the text must follow the editor's.
func (d *Document) Change(version int32, edits []Edit, encoding position.Encoding) error {
	old := d.Head()
	next := *old
	next.Version = version
	next.seq++

	whole := false
	var spans []grammars.Edit
	for _, e := range edits {
		if e.Range == nil {
			next.Text = position.New([]byte(e.Text))
			next.lost = false
			whole, spans = true, nil
			continue
		}
		start, end := next.Text.Span(*e.Range, encoding)
		next.Text = next.Text.Splice(start, end, []byte(e.Text))
		spans = append(spans, grammars.Edit{Start: start, OldEnd: end, NewEnd: start + len(e.Text)})
	}
	d.parser.record(next.seq, spans, whole)
	d.head.Store(&next)
	if version <= old.Version {
		return fmt.Errorf("version %d follows version %d; the change is applied, but edits for this document may be refused by the editor", version, old.Version)
	}
	return nil
}

// Lose marks the text as no longer being the editor's, because an edit could
// not be read. Only a full change or opening the document again repairs that.
func (d *Document) Lose() {
	next := *d.Head()
	next.seq++
	next.lost = true
	d.parser.record(next.seq, nil, true)
	d.head.Store(&next)
}

// Close releases the syntax tree. Snapshots stay readable, their trees do not.
func (d *Document) Close() { d.parser.close() }

// Current tells whether the snapshot is still the document's latest.
func (s *Snapshot) Current() bool { return s.doc.Head().seq == s.seq && !s.doc.parser.closed.Load() }

// Wire is the document's URI as the client spells it, for what is sent back.
func (s *Snapshot) Wire() uri.URI { return s.doc.wire }

// Fillable says why the document is tracked but not filled, or nil.
func (s *Snapshot) Fillable() error {
	switch {
	case s.lost:
		return errors.New("an edit could not be read, so the server's text may differ from the editor's; reopen the file")
	case s.Language == nil:
		return errors.New("there is no grammar for its language")
	case s.Text.Len() > MaxFilled:
		return fmt.Errorf("it is %d bytes long, more than the %d that are filled", s.Text.Len(), MaxFilled)
	case !utf8.Valid(s.Text.Bytes()):
		return errors.New("it is not valid UTF-8; save it as UTF-8 to have it filled")
	}
	return nil
}

// Tree parses the snapshot, reusing the tree of the document's last parse, and
// returns a copy that the caller must Close. It returns ErrModified when a
// later snapshot has been parsed already, ErrClosed when the document is gone.
func (s *Snapshot) Tree() (*grammars.Tree, error) {
	if err := s.Fillable(); err != nil {
		return nil, err
	}
	return s.doc.parser.tree(s)
}
