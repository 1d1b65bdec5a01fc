package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lacuna-dev/lacuna/infill"
)

// corpusDir is a corpus of four equal files and of what must be left out.
func corpusDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"a.go", "b.go", "c/d.go", "e.go", "vendor/v.go", "testdata/t.go", ".git/g.go", "readme.md"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, benchSource, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenCorpus(t *testing.T) {
	c, err := openCorpus(t.Context(), language(t, "go"), corpusDir(t))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a.go", "b.go", "c/d.go", "e.go"}; !slices.Equal(c.files, want) {
		t.Errorf("%q, want %q", c.files, want)
	}
}

// knowing answers holes of the corpus from the file they were cut out of.
func knowing(lookUp func(file, holed string, at int) string) scripted {
	return func(_ context.Context, r infill.Request) (infill.Result, error) {
		return fillsWith(r, lookUp(r.Path, string(r.Tree.Source()), r.Hole.Start)), nil
	}
}

func truthOf(_, holed string, at int) string {
	size := len(benchSource) - len(holed)
	return string(benchSource[at : at+size])
}

func TestEvalOfAnOracle(t *testing.T) {
	a := newTestApp(t, knowing(truthOf))
	records := filepath.Join(t.TempDir(), "records.jsonl")
	a.run(t, 0, "eval", "--lang", "go", "--no-types", "--corpus", corpusDir(t), "--holes", "14", "--json", "--records", records)
	var report evalReport
	if err := json.Unmarshal(a.out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	total := report.Result.Total
	if report.Holes != 14 || total.Exact.Hits != 14 || total.FirstLine.Hits != 14 || total.Similarity.Mean != 1 || total.TokensPerForward.Mean != 2 || total.Length.Near.Hits != 14 {
		t.Errorf("%+v", report)
	}
	for _, kind := range cutKinds {
		if report.Result.Kinds[kind].Holes != 2 {
			t.Errorf("%d holes of kind %s, want 2", report.Result.Kinds[kind].Holes, kind)
		}
	}
	if lines := strings.Count(readText(t, records), "\n"); lines != 14 {
		t.Errorf("%d records, want 14", lines)
	}
}

func TestEvalChecksTypes(t *testing.T) {
	// Nothing is imported: the standard library takes its time to check.
	const source = `package area

type shape struct{ width, height int }

func (s shape) area() int {
	return s.width * s.height
}

func largest(shapes []shape) (best shape) {
	for _, s := range shapes {
		if s.area() > best.area() {
			best = s
		}
	}
	return best
}

func total(shapes []shape) (sum int) {
	for _, s := range shapes {
		sum += s.area()
	}
	return sum
}
`
	dir := filepath.Dir(writeFile(t, "area.go", source))
	truth := func(_, holed string, at int) string { return source[at : at+len(source)-len(holed)] }
	for _, test := range []struct {
		name    string
		fill    func(file, holed string, at int) string
		flags   []string
		correct int
		checked int
	}{
		{"what was cut out", truth, nil, 4, 4},
		{"what nobody declares", func(string, string, int) string { return "zzz" }, nil, 0, 4},
		{"without", truth, []string{"--no-types"}, 0, 0},
	} {
		a := newTestApp(t, knowing(test.fill))
		args := []string{"eval", "--lang", "go", "--corpus", dir, "--holes", "4", "--kinds", "expression"}
		a.run(t, 0, append(append(args, "--json"), test.flags...)...)
		var report evalReport
		if err := json.Unmarshal(a.out.Bytes(), &report); err != nil {
			t.Fatal(err)
		}
		if got := report.Result.Total.Types; got.Hits != test.correct || got.Of != test.checked {
			t.Errorf("%s: %d of %d type-check, want %d of %d", test.name, got.Hits, got.Of, test.correct, test.checked)
		}
		a.out.Reset()
		a.run(t, 0, append(args, test.flags...)...)
		if got := strings.Contains(a.out.String(), typesColumn); got != (test.checked > 0) {
			t.Errorf("%s: the column is there: %v\n%s", test.name, got, a.out)
		}
	}
}

func TestEvalIsDeterministic(t *testing.T) {
	dir := corpusDir(t)
	holes := func(args ...string) (places []string) {
		a := newTestApp(t, knowing(truthOf))
		file := filepath.Join(t.TempDir(), "records.jsonl")
		a.run(t, 0, append([]string{"eval", "--lang", "go", "--no-types", "--corpus", dir, "--records", file}, args...)...)
		for line := range strings.Lines(readText(t, file)) {
			var r evalRecord
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			places = append(places, r.File+" "+string(r.Kind)+" "+r.Truth)
		}
		return places
	}
	twelve := holes("--holes", "12", "--seed", "7")
	if again := holes("--holes", "12", "--seed", "7"); !slices.Equal(twelve, again) {
		t.Errorf("the same seed cuts\n%q and\n%q", twelve, again)
	}
	if fewer := holes("--holes", "5", "--seed", "7"); !slices.Equal(twelve[:5], fewer) {
		t.Errorf("fewer holes are\n%q, not the first of\n%q", fewer, twelve)
	}
	if other := holes("--holes", "12", "--seed", "8"); slices.Equal(twelve, other) {
		t.Error("another seed cuts the same holes")
	}
}

func TestEvalTellsOfNeighbours(t *testing.T) {
	for _, test := range []struct {
		flags string
		want  map[string]int
	}{
		{"--neighbours", map[string]int{"a.go": 2, "b.go": 2, "e.go": 2, "c/d.go": 0}},
		{"--no-neighbours", map[string]int{"a.go": 0, "b.go": 0, "e.go": 0, "c/d.go": 0}},
	} {
		got := map[string]int{}
		a := newTestApp(t, scripted(func(_ context.Context, r infill.Request) (infill.Result, error) {
			got[r.Path] = len(r.Neighbours)
			return fillsWith(r, "x"), nil
		}))
		a.run(t, 0, "eval", "--lang", "go", "--no-types", "--corpus", corpusDir(t), "--holes", "16", test.flags)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.flags, diff)
		}
	}
}

func TestEvalBaseline(t *testing.T) {
	a := newTestApp(t, nil)
	a.open = func(flags engineFlags) (*engine, error) {
		if flags.Bundle == "" {
			return engineOf(knowing(truthOf), "good"), nil
		}
		return engineOf(knowing(func(string, string, int) string { return "zzz" }), "bad"), nil
	}
	a.run(t, 0, "eval", "--lang", "go", "--no-types", "--corpus", corpusDir(t), "--holes", "4", "--baseline", "other")
	for _, want := range []string{"good (embedded)", "bad (other)", "good less bad (baseline), hole by hole", " total 4 4 0 0 0 4 0 +100.0 (+100.0..+100.0) 0.125 +"} {
		if !strings.Contains(strings.Join(strings.Fields(a.out.String()), " "), want) {
			t.Errorf("output lacks %q:\n%s", want, a.out)
		}
	}
}

func TestEvalInterruptedShowsWhatItHas(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	a := newTestApp(t, scripted(func(ctx context.Context, r infill.Request) (infill.Result, error) {
		if calls++; calls == 3 {
			cancel()
			return infill.Result{}, ctx.Err()
		}
		return fillsWith(r, "x"), nil
	}))
	a.ctx = ctx
	a.run(t, exitInterrupted, "eval", "--lang", "go", "--no-types", "--corpus", corpusDir(t), "--holes", "8")
	if want := "interrupted after 2 of 8 holes"; !strings.Contains(a.err.String(), want) {
		t.Errorf("standard error %q, want %q", a.err, want)
	}
	if want := "\n2 holes, seed 1\n"; !strings.Contains(a.out.String(), want) {
		t.Errorf("standard output %q, want %q", a.out, want)
	}
}
