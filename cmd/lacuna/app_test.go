package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
)

// scripted is a Filler that answers by a rule.
type scripted func(context.Context, infill.Request) (infill.Result, error)

func (f scripted) Fill(ctx context.Context, r infill.Request) (infill.Result, error) {
	return f(ctx, r)
}

// fillsWith is the result of a fill that goes well.
func fillsWith(r infill.Request, text string) infill.Result {
	return infill.Result{
		Start: r.Hole.Start, End: r.Hole.End,
		Text: r.Hole.Lead + text + r.Hole.Trail, Fill: text,
		Confidence: 0.5, Parses: true, Steps: 2, Forwards: 2, Tokens: 4,
	}
}

// bytesAsTokens is a tokenizer of one token a byte.
type bytesAsTokens struct{}

func (bytesAsTokens) Encode(text string) []int32 {
	out := make([]int32, len(text))
	for i := range len(text) {
		out[i] = int32(text[i])
	}
	return out
}

func (bytesAsTokens) Decode(ids []int32) string {
	var out []byte
	for _, id := range ids {
		out = append(out, byte(id))
	}
	return string(out)
}

// engineOf is an engine around a filler.
func engineOf(filler infill.Filler, name string) *engine {
	sizes := func(multiline bool) []int {
		if multiline {
			return []int{16, 32, 64}
		}
		return []int{8, 16}
	}
	return &engine{Filler: filler, Name: name, Tokens: bytesAsTokens{}, Sizes: sizes}
}

// testApp is a world to run commands in, with a scripted engine.
type testApp struct {
	*app
	out, err *bytes.Buffer
	opened   int
}

func newTestApp(t *testing.T, filler infill.Filler) *testApp {
	t.Helper()
	a := &testApp{out: new(bytes.Buffer), err: new(bytes.Buffer)}
	a.app = &app{
		ctx: t.Context(), stdin: bytes.NewReader(nil), stdout: a.out, stderr: a.err,
		open: func(engineFlags) (*engine, error) {
			a.opened++
			return engineOf(filler, "scripted"), nil
		},
	}
	return a
}

// run runs a command line and checks its exit status.
func (a *testApp) run(t *testing.T, status int, args ...string) {
	t.Helper()
	if got := runWith(a.app, args); got != status {
		t.Fatalf("lacuna %q: exit status %d, want %d\n%s%s", args, got, status, a.out, a.err)
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func language(t *testing.T, id string) *grammars.Language {
	t.Helper()
	lang, ok := grammars.ByID(id)
	if !ok {
		t.Fatalf("no language %s", id)
	}
	return lang
}
