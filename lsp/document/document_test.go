package document_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"
	"go.uber.org/goleak"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/lsp/document"
	"github.com/lacuna-dev/lacuna/lsp/position"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(name, language, text string) *document.Document {
	id := uri.File("/w/" + name)
	return document.Open(protocol.TextDocumentItem{URI: id, LanguageID: protocol.LanguageKind(language), Version: 1, Text: text}, id)
}

func insert(line, column uint32, text string) document.Edit {
	at := protocol.Position{Line: line, Character: column}
	return document.Edit{Range: &protocol.Range{Start: at, End: at}, Text: text}
}

func change(t *testing.T, d *document.Document, edits ...document.Edit) *document.Snapshot {
	t.Helper()
	if err := d.Change(d.Head().Version+1, edits, position.UTF16); err != nil {
		t.Fatal(err)
	}
	return d.Head()
}

func TestLanguageIsFoundByIdOrElseByName(t *testing.T) {
	for _, test := range []struct{ name, id, want string }{
		{"a.go", "go", "go"},
		{"a.txt", "python", "python"},
		{"a.py", "", "python"},
		{"a.go", "golang", "go"},
		{"a.txt", "plaintext", ""},
	} {
		got := ""
		if lang := open(test.name, test.id, "").Head().Language; lang != nil {
			got = lang.ID()
		}
		if got != test.want {
			t.Errorf("%s with id %q is %q, want %q", test.name, test.id, got, test.want)
		}
	}
}

func TestSnapshotsDoNotChange(t *testing.T) {
	d := open("a.go", "go", "package a\n")
	old := d.Head()
	next := change(t, d, insert(0, 9, "bc"), insert(0, 11, "d"))
	if got := string(old.Text.Bytes()); got != "package a\n" || old.Version != 1 {
		t.Errorf("the old snapshot is %q, version %d", got, old.Version)
	}
	if got := string(next.Text.Bytes()); got != "package abcd\n" || next.Version != 2 {
		t.Errorf("the new snapshot is %q, version %d", got, next.Version)
	}
	if old.Current() || !next.Current() {
		t.Error("the snapshots do not know which of them is current")
	}
}

func TestFillable(t *testing.T) {
	lost := open("a.go", "go", "package a\n")
	lost.Lose()
	found := open("a.go", "go", "package a\n")
	found.Lose()
	change(t, found, document.Edit{Text: "package b\n"})
	for _, test := range []struct {
		name string
		doc  *document.Document
		says string
	}{
		{"go", open("a.go", "go", "package a\n"), ""},
		{"no grammar", open("a.txt", "plaintext", "hello"), "no grammar"},
		{"too large", open("a.go", "go", strings.Repeat("x", document.MaxFilled+1)), "more than"},
		{"not UTF-8", open("a.go", "go", "package \xff\n"), "UTF-8"},
		{"lost", lost, "could not be read"},
		{"found again", found, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.doc.Head().Fillable()
			if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("Fillable is %v, want %q", err, test.says)
			}
			if _, treeErr := test.doc.Head().Tree(); (treeErr == nil) != (err == nil) {
				t.Errorf("Fillable is %v, but Tree says %v", err, treeErr)
			}
		})
	}
}

func TestTreeFollowsTheDocument(t *testing.T) {
	d := open("a.go", "go", "package a\n\nfunc f() {\n}\n")
	defer d.Close()
	holes := func(s *document.Snapshot) int {
		t.Helper()
		tree, err := s.Tree()
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		return len(tree.Holes())
	}
	first := d.Head()
	if got := holes(first); got != 1 {
		t.Errorf("%d holes in %q", got, first.Text.Bytes())
	}
	change(t, d, insert(2, 10, "\n\tpri"), insert(3, 4, "ntln()"))
	last := change(t, d, insert(5, 0, "\nfunc g() {\n}\n\nfunc h() {\n}\n"))
	if got := holes(last); got != 2 {
		t.Errorf("%d holes in %q", got, last.Text.Bytes())
	}
	if _, err := first.Tree(); !errors.Is(err, document.ErrModified) {
		t.Errorf("the tree of an old snapshot: %v, want ErrModified", err)
	}
	whole := change(t, d, document.Edit{Text: "package b\n"}, insert(0, 9, "\nfunc f() {}"))
	if got := holes(whole); got != 1 {
		t.Errorf("%d holes in %q", got, whole.Text.Bytes())
	}
}

func TestAClosedDocumentHasNoTree(t *testing.T) {
	d := open("a.go", "go", "package a\n")
	tree, err := d.Head().Tree()
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	if got := string(tree.Source()); got != "package a\n" {
		t.Errorf("a tree handed out before reads %q", got)
	}
	tree.Close()
	if _, err := d.Head().Tree(); !errors.Is(err, document.ErrClosed) {
		t.Errorf("Tree says %v, want ErrClosed", err)
	}
	if d.Head().Current() {
		t.Error("a closed document's snapshot is current")
	}
}

// Requests parse while the read loop edits and closes: -race looks on.
func TestTreesWhileTyping(t *testing.T) {
	d := open("a.go", "go", "package a\n\nfunc f() {\n}\n")
	var readers sync.WaitGroup
	for range 300 {
		s := change(t, d, insert(3, 0, "\tx()\n"))
		readers.Go(func() {
			tree, err := s.Tree()
			if err != nil {
				if !errors.Is(err, document.ErrModified) && !errors.Is(err, document.ErrClosed) {
					t.Error(err)
				}
				return
			}
			defer tree.Close()
			if string(tree.Source()) != string(s.Text.Bytes()) {
				t.Error("the tree is of another text")
			}
		})
	}
	d.Close()
	readers.Wait()
}

// More edits than are remembered cost a parse from scratch, not the truth.
func TestTreeAfterMoreEditsThanAreRemembered(t *testing.T) {
	d := open("a.go", "go", "package a\n\nfunc f() {\n}\n")
	defer d.Close()
	for range 2 {
		for range 600 {
			change(t, d, insert(1, 0, "//\n"))
		}
		checkTree(t, d.Head())
	}
}

// checkTree compares the incremental tree with one made from scratch.
func checkTree(t *testing.T, s *document.Snapshot) {
	t.Helper()
	got, err := s.Tree()
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	want, err := grammars.Parse(s.Language, s.Text.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	if string(got.Source()) != string(want.Source()) || len(got.Holes()) != len(want.Holes()) {
		t.Fatalf("%q: the incremental tree has holes %+v, one from scratch %+v", s.Text.Bytes(), got.Holes(), want.Holes())
	}
}

// oracle applies an edit to a text in the plainest way: lines, then units.
func oracle(text string, e document.Edit, encoding position.Encoding) string {
	if e.Range == nil {
		return e.Text
	}
	start, end := oracleOffset(text, e.Range.Start, encoding), oracleOffset(text, e.Range.End, encoding)
	return text[:min(start, end)] + e.Text + text[max(start, end):]
}

func oracleOffset(text string, p protocol.Position, encoding position.Encoding) int {
	line, offset := 0, 0
	for line < int(p.Line) && offset < len(text) {
		switch {
		case strings.HasPrefix(text[offset:], "\r\n"):
			offset += 2
			line++
		case text[offset] == '\n' || text[offset] == '\r':
			offset++
			line++
		default:
			offset++
		}
	}
	if line < int(p.Line) {
		return len(text)
	}
	column := 0
	for i, r := range text[offset:] {
		width := map[position.Encoding]int{position.UTF8: len(string(r)), position.UTF16: utf16.RuneLen(r), position.UTF32: 1}[encoding]
		if r == '\n' || r == '\r' || column+width > int(p.Character) {
			return offset + i
		}
		column += width
	}
	return len(text)
}

func TestEditsEqualAPlainOracle(t *testing.T) {
	alphabet := []string{"a", "ä", "🙂", "\n", "\r\n", "\r", "\t", "\u2028", "{", "}", "func f() {}", "e\u0301", ""}
	for _, encoding := range []position.Encoding{position.UTF8, position.UTF16, position.UTF32} {
		t.Run(string(encoding.Kind()), func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, uint64(encoding)))
			d := open("a.go", "go", "package a\n")
			defer d.Close()
			want := "package a\n"
			for round := range 700 {
				var edits []document.Edit
				for range 1 + random.IntN(3) {
					e := document.Edit{Text: alphabet[random.IntN(len(alphabet))] + alphabet[random.IntN(len(alphabet))]}
					if random.IntN(40) > 0 {
						e.Range = &protocol.Range{Start: somewhere(random), End: somewhere(random)}
						if random.IntN(2) == 0 {
							e.Range.End = e.Range.Start
						}
					}
					edits = append(edits, e)
					want = oracle(want, e, encoding)
				}
				if err := d.Change(int32(round+2), edits, encoding); err != nil {
					t.Fatal(err)
				}
				if got := string(d.Head().Text.Bytes()); got != want {
					t.Fatalf("after %+v the text is\n%q, want\n%q", edits, got, want)
				}
				if round%10 == 0 {
					checkTree(t, d.Head())
				}
			}
		})
	}
}

func somewhere(random *rand.Rand) protocol.Position {
	return protocol.Position{Line: random.Uint32N(12), Character: random.Uint32N(12)}
}

func FuzzEdit(f *testing.F) {
	f.Add("a🙂\r\nb", "x\r", uint32(0), uint32(2), uint32(1), uint32(1), uint8(1))
	f.Add("\r\r\n", "\n", uint32(1), uint32(0), uint32(0), uint32(9), uint8(0))
	f.Fuzz(func(t *testing.T, text, with string, line, column, endLine, endColumn uint32, kind uint8) {
		encoding := position.Encoding(kind % 3)
		// JSON cannot carry other text than UTF-8, and a huge line number makes
		// the oracle slow.
		text, with = strings.ToValidUTF8(text, "?"), strings.ToValidUTF8(with, "?")
		e := document.Edit{Text: with, Range: &protocol.Range{
			Start: protocol.Position{Line: line % 1000, Character: column},
			End:   protocol.Position{Line: endLine % 1000, Character: endColumn},
		}}
		d := open("a.go", "go", text)
		defer d.Close()
		if err := d.Change(2, []document.Edit{e}, encoding); err != nil {
			t.Fatal(err)
		}
		if got, want := string(d.Head().Text.Bytes()), oracle(text, e, encoding); got != want {
			t.Fatalf("%q after %+v is %q, want %q", text, e, got, want)
		}
	})
}
