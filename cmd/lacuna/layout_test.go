package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	layout "github.com/lacuna-dev/lacuna/infill/context"
	"github.com/lacuna-dev/lacuna/lsp/beside"
	"github.com/lacuna-dev/lacuna/models"
	"github.com/lacuna-dev/lacuna/models/tokenizer"
)

// What the model sees is laid out in Go at the editor and in Python in training
// (docs/context.md). These tests ask models/train/layout.py about files, and go
// the way of a request themselves: from the folder on disk to what the denoiser
// is given.

// pythonQuestion is one that layout.py answers, with an outline or with streams.
type pythonQuestion struct {
	Outline  []byte `json:"outline,omitempty"`
	Language string `json:"language,omitempty"`

	Root        string   `json:"root"`
	Path        string   `json:"path"`
	Extensions  []string `json:"extensions"`
	LanguageID  int32    `json:"language_id"`
	Source      []byte   `json:"source"`
	Start       int      `json:"start"`
	End         int      `json:"end"`
	Lead        string   `json:"lead"`
	Trail       string   `json:"trail"`
	LeftWindow  int      `json:"left_window"`
	RightWindow int      `json:"right_window"`
	Snippets    bool     `json:"snippets"`
}

// askPython has layout.py answer questions, in one process.
func askPython[T any](t *testing.T, questions []pythonQuestion) []T {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("tools/venv.sh needs a Unix shell")
	}
	venv := exec.CommandContext(t.Context(), "tools/venv.sh", "light", "models/train/requirements.txt")
	venv.Dir = "../.."
	python, err := venv.Output()
	if err != nil {
		t.Fatalf("this test needs the Python packages of models/train/requirements.txt: %v\n%s", err, stderrOf(err))
	}
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, q := range questions {
		if err := enc.Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), strings.TrimSpace(string(python)), "-B", "models/train/layout.py", "--tokenizer", "models/small/tokenizer.json")
	cmd.Dir, cmd.Stdin = "../..", &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("layout.py: %v\n%s", err, stderrOf(err))
	}
	answers := make([]T, len(questions))
	dec := json.NewDecoder(bytes.NewReader(out))
	for i := range answers {
		if err := dec.Decode(&answers[i]); err != nil {
			t.Fatalf("answer %d of layout.py: %v", i, err)
		}
	}
	return answers
}

func stderrOf(err error) []byte {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.Stderr
	}
	return nil
}

// listener is a denoiser that keeps what it is given, and refuses the rest.
type listener struct {
	info        infill.ModelInfo
	left, right []infill.Token
}

var errHeard = errors.New("heard enough")

func (l *listener) Info() infill.ModelInfo { return l.info }

func (l *listener) Prefill(_ context.Context, _ string, left, right []infill.Token) (infill.Context, error) {
	l.left, l.right = left, right
	return nil, errHeard
}

// parity collects holes, and what infill makes of them.
type parity struct {
	t         *testing.T
	tokens    *tokenizer.Tokenizer
	vocab     infill.Vocabulary
	reader    *beside.Reader
	questions []pythonQuestion
	heard     []listener
}

func newParity(t *testing.T) *parity {
	t.Helper()
	bundle, err := models.Default()
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := tokenizer.Load(bundle.Tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	vocab, err := vocabularyOf(tokens)
	if err != nil {
		t.Fatal(err)
	}
	for i, lang := range grammars.All() {
		if _, ok := vocab.Lang[lang.ID()]; !ok {
			vocab.Lang[lang.ID()] = infill.Token(11 + i) // the shipped tokenizer is older than the grammar
		}
	}
	return &parity{t: t, tokens: tokens, vocab: vocab, reader: beside.New(nil)}
}

// fill lays out the hole that the language finds at an offset of a file below
// root, for a model with these windows.
func (p *parity) fill(lang *grammars.Language, root, path string, at, left, right int, snippets bool) {
	p.t.Helper()
	full := filepath.Join(root, filepath.FromSlash(path))
	source, err := os.ReadFile(full)
	if err != nil {
		p.t.Fatal(err)
	}
	tree, err := grammars.Parse(lang, source)
	if err != nil {
		return // too large or too odd: nothing is filled there
	}
	defer tree.Close()
	hole := tree.HoleAt(at)
	l := listener{info: infill.ModelInfo{Vocab: p.vocab, LeftWindow: left, RightWindow: right, Canvases: []int{8}, TopK: 1, Snippets: snippets}}
	_, err = infill.New(&l, p.tokens, infill.Options{}).Fill(p.t.Context(), infill.Request{
		Document: path, Path: path, Tree: tree, Hole: hole,
		Neighbours: p.reader.Neighbours(p.t.Context(), full, lang, nil),
	})
	if !errors.Is(err, errHeard) {
		p.t.Fatalf("%s: %v", path, err)
	}
	p.heard = append(p.heard, l)
	p.questions = append(p.questions, pythonQuestion{
		Root: root, Path: path, Extensions: lang.Extensions(), LanguageID: p.vocab.Lang[lang.ID()],
		Source: source, Start: hole.Start, End: hole.End, Lead: hole.Lead, Trail: hole.Trail,
		LeftWindow: left, RightWindow: right, Snippets: snippets,
	})
}

// compare asks Python and reports what differs. It returns how many of the
// streams hold snippets.
func (p *parity) compare() (withSnippets int) {
	p.t.Helper()
	for i, want := range askPython[[2][]infill.Token](p.t, p.questions) {
		q, got := p.questions[i], p.heard[i]
		if slices.Contains(got.left, p.vocab.Snippet) {
			withSnippets++
		}
		for side, streams := range map[string][2][]infill.Token{"left": {got.left, want[0]}, "right": {got.right, want[1]}} {
			n := 0
			for n < min(len(streams[0]), len(streams[1])) && streams[0][n] == streams[1][n] {
				n++
			}
			if n < max(len(streams[0]), len(streams[1])) {
				p.t.Errorf("%s at %d, windows %d and %d: the %s streams of %d tokens (Go) and %d (Python) differ at token %d, after %q",
					q.Path, q.Start, q.LeftWindow, q.RightWindow, side, len(streams[0]), len(streams[1]), n, p.tokens.Decode(streams[0][max(0, n-16):n]))
			}
		}
		if len(got.left) > q.LeftWindow || len(got.right) > q.RightWindow {
			p.t.Errorf("%s at %d: %d and %d tokens, more than the windows %d and %d", q.Path, q.Start, len(got.left), len(got.right), q.LeftWindow, q.RightWindow)
		}
	}
	return withSnippets
}

// windows are those of a model that knows snippets, the least such, and of one
// from before there were any.
var windows = []struct {
	left, right int
	snippets    bool
}{{768, 256, true}, {512, 128, true}, {352, 224, false}}

// corpora are folders with code of a language: the standard library and the
// modules that Lacuna is built of.
func corpora(t *testing.T, lang *grammars.Language) []*corpus {
	t.Helper()
	roots := []string{""}
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "all")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderrOf(err))
	}
	roots = append(roots, strings.Fields(string(out))...)
	var found []*corpus
	for _, root := range roots {
		if c, err := openCorpus(t.Context(), lang, root); err == nil {
			found = append(found, c)
		}
	}
	return found
}

func TestPythonLaysOutTheSameStreams(t *testing.T) {
	const files, cursors = 90, 3 // of each language
	rng := rand.New(rand.NewPCG(9, 10))
	p := newParity(t)
	for _, lang := range grammars.All() {
		found := corpora(t, lang)
		for range files {
			if len(found) == 0 {
				break
			}
			c := found[0] // the standard library, or else
			if rng.IntN(2) == 0 {
				c = found[rng.IntN(len(found))]
			}
			file := c.files[rng.IntN(len(c.files))]
			text, ok := c.read(file)
			if !ok {
				continue
			}
			for range cursors {
				at := rng.IntN(len(text) + 1)
				for at < len(text) && !utf8.RuneStart(text[at]) {
					at++
				}
				w := windows[rng.IntN(len(windows))]
				p.fill(lang, c.root, file, at, w.left, w.right, w.snippets)
			}
		}
	}
	n := p.compare()
	t.Logf("%d holes, %d of them with snippets", len(p.questions), n)
	if len(p.questions) < 300 || n < len(p.questions)/3 {
		t.Errorf("%d holes, %d of them with snippets, are too few to tell anything", len(p.questions), n)
	}
}

func TestPythonLaysOutTheSameOddities(t *testing.T) {
	declarations := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "func f%d(größe int) error {\n\treturn nil\n}\n\n", i)
		}
		return b.String()
	}
	long := "package p\n\n" + declarations(400)
	p := newParity(t)
	lang := language(t, "go")
	folders := map[string]map[string]string{
		"CRLF":             {"own.go": strings.ReplaceAll(long, "\n", "\r\n"), "own_test.go": strings.ReplaceAll(declarations(3), "\n", "\r\n")},
		"old line breaks":  {"own.go": strings.ReplaceAll(long, "\n", "\r"), "own_test.go": strings.ReplaceAll(declarations(3), "\n", "\r")},
		"no last break":    {"own.go": strings.TrimSpace(long), "own_test.go": "func a() {\nfunc b() {"},
		"path not ASCII":   {"größe/ключ/own_世界.go": long, "größe/ключ/own_世.go": declarations(2), "größe/ключ/own_丗.go": declarations(2)},
		"long path":        {strings.Repeat("a1/", 40) + "own.go": long, strings.Repeat("a1/", 40) + strings.Repeat("long", 50) + ".go": declarations(2)},
		"not UTF-8":        {"own.go": long, "a.go": "func a() {\n\xff\xfe", "b.go": "func b() {\n", "c.go": "func ä() {\n" + "\xc3"},
		"name not UTF-8":   {"own.go": long, "own\xff.go": "func a() {\n", "b.go": "func b() {\n"},
		"empty":            {"own.go": "", "a.go": "", "b.go": "\n"},
		"breaks":           {"own.go": strings.Repeat("\n", 9000), "a.go": strings.Repeat("\n", 100)},
		"huge lines":       {"own.go": "package p\n\nvar x = \"" + strings.Repeat("世 a", 20_000) + "\"\n", "a.go": "func " + strings.Repeat("a", 90_000) + "\nfunc b() {\n"},
		"long lines":       {"own.go": long, "a.go": "func " + strings.Repeat("ab ", 51) + "\nfunc " + strings.Repeat("cd ", 52) + "\n"},
		"large neighbours": {"own.go": long, "a.go": declarations(9) + strings.Repeat("\n", layout.MaxNeighbour), "b.go": declarations(1)},
		"many neighbours":  {"own.go": long, "own_test.go": declarations(30), "o1.go": declarations(30), "o2.go": declarations(1), "o3.go": declarations(30), "o4.go": "", "p.go": declarations(1)},
		"affixes": {
			"test_own.go": long, "own.go": "func a() {\n", "test_owl.go": "func b() {\n", "test_ow.go": "func c() {\n", "test_o.go": "func d() {\n",
			"own.test.go": long, "own.spec.go": "func e() {\n", "ownTest.go": long, "own_test.go": long, "test_own_test.go": "func f() {\n",
		},
		"special tokens": {"own.go": "package p // <|code|><|eof|>\n", "a.go": "func a() { // <|snippet|>\n"},
	}
	for name, files := range folders {
		root := t.TempDir()
		for path, text := range files {
			full := filepath.Join(root, filepath.FromSlash(path))
			if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
				t.Skipf("%s: this file system does not take the name: %v", name, err)
			}
		}
		if err := os.Symlink("own.go", filepath.Join(root, "link.go")); err != nil {
			t.Fatal(err)
		}
		for path, text := range files {
			if !utf8.ValidString(path) || !utf8.ValidString(text) {
				continue
			}
			for i, share := range []float64{0, 0.1, 0.37, 0.5, 0.93, 1} {
				at := int(share * float64(len(text)))
				for at < len(text) && !utf8.RuneStart(text[at]) {
					at++
				}
				w := windows[i%len(windows)]
				p.fill(lang, root, path, at, w.left, w.right, w.snippets)
			}
		}
	}
	p.compare()
}

// TestPythonKnowsTheSameExtensions: each asks for the rule of its language.
func TestPythonKnowsTheSameExtensions(t *testing.T) {
	p := newParity(t)
	extensions := 0
	for _, lang := range grammars.All() {
		for _, extension := range lang.Extensions() {
			extensions++
			root := t.TempDir()
			for name, text := range map[string]string{"own": "\n", "other": "func f(a)\nclass A:\nstruct S {\nfn f(a)\npublic class A {\nlet a = b;\n"} {
				if err := os.WriteFile(filepath.Join(root, name+extension), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			p.fill(lang, root, "own"+extension, 0, 768, 256, true)
		}
	}
	if n := p.compare(); n != extensions {
		t.Errorf("of %d extensions %d have snippets", extensions, n)
	}
}

// TestPythonMakesTheSameOutlines throws together what the rules look at.
func TestPythonMakesTheSameOutlines(t *testing.T) {
	words := strings.Split("func|type|var|const|def|async|class|function|export|default|abstract|interface|enum|let|pub|pub(crate)|pub(|unsafe|fn|struct|trait|impl|impl<T>|static|public|private|protected|record|if|for|do|case|double|#define|namespace|typedef|x|世|(|)|()|{|}|:|;|=|<|\r|\t|    |  |"+strings.Repeat("long ", 30), "|")
	languages := []string{"go", "python", "typescript", "javascript", "rust", "java", "c", "cpp", "other"}
	rng := rand.New(rand.NewPCG(11, 12))
	var questions []pythonQuestion
	for i := range 900 {
		var b strings.Builder
		for range 60 {
			if rng.IntN(3) == 0 {
				b.WriteString("    ")
			}
			for range 1 + rng.IntN(6) {
				b.WriteString(words[rng.IntN(len(words))])
				if rng.IntN(4) > 0 {
					b.WriteByte(' ')
				}
			}
			b.WriteByte('\n')
		}
		if rng.IntN(20) == 0 {
			b.WriteByte(0xff)
		}
		questions = append(questions, pythonQuestion{Outline: []byte(b.String()), Language: languages[i%len(languages)]})
	}
	some := 0
	for i, want := range askPython[string](t, questions) {
		q := questions[i]
		got := layout.NewNeighbour("x", q.Outline, q.Language).Outline
		if got != want {
			t.Errorf("the outlines of this %s are\n%q (Go)\n%q (Python)\n%q", q.Language, got, want, q.Outline)
		}
		if got != "" {
			some++
		}
	}
	if some < len(questions)/2 {
		t.Errorf("only %d of %d texts have outlines", some, len(questions))
	}
}
