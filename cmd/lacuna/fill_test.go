package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	layout "github.com/lacuna-dev/lacuna/infill/context"
)

const threeHoles = `package p

func one() int {
	panic("not implemented")
}

func two() int {
	return /*HOLE*/
}

func three() int {
	panic("not implemented")
}
`

// Every fill has another length, so wrong offsets would show.
var threeFills = []string{"a := 1\n\treturn a + 2 + 3 + 4", "2", "x := 3\n\treturn x"}

const threeFilled = `package p

func one() int {
	a := 1
	return a + 2 + 3 + 4
}

func two() int {
	return 2
}

func three() int {
	x := 3
	return x
}
`

// byOrder fills the holes of a file in the order in which they come.
func byOrder(fills ...string) (scripted, *[]infill.Request) {
	var seen []infill.Request
	return func(_ context.Context, r infill.Request) (infill.Result, error) {
		seen = append(seen, r)
		return fillsWith(r, fills[len(seen)-1]), nil
	}, &seen
}

func TestFillSeesEarlierFills(t *testing.T) {
	var sources []string
	filler := scripted(func(_ context.Context, r infill.Request) (infill.Result, error) {
		source := string(r.Tree.Source())
		sources = append(sources, source)
		if hole := source[r.Hole.Start:r.Hole.End]; !strings.Contains(hole, "not implemented") && hole != "/*HOLE*/" {
			t.Errorf("hole %d is %q", len(sources), hole)
		}
		scope := source[r.Hole.Scope.Start:r.Hole.Scope.End]
		if !strings.HasPrefix(scope, "func ") || !strings.HasSuffix(scope, "}") {
			t.Errorf("scope of hole %d is %q", len(sources), scope)
		}
		return fillsWith(r, threeFills[len(sources)-1]), nil
	})
	a := newTestApp(t, filler)
	path := writeFile(t, "x.go", threeHoles)
	a.run(t, 0, "fill", "--write", path)

	if got := readText(t, path); got != threeFilled {
		t.Errorf("filled:\n%s", got)
	}
	if !strings.Contains(sources[2], threeFills[0]) || !strings.Contains(sources[2], "return 2\n") {
		t.Errorf("the last fill saw\n%s", sources[2])
	}
	if before, after := sidesOf(a.out.String()); before != threeHoles || after != threeFilled {
		t.Errorf("the diff does not lead from the old file to the new:\n%s", a.out)
	}
	if want := "filled 3 of 3 holes in 1 file"; !strings.Contains(a.err.String(), want) {
		t.Errorf("standard error %q, want %q", a.err, want)
	}
}

// sidesOf reads the texts before and after out of a diff that shows all of
// them.
func sidesOf(diff string) (before, after string) {
	for line := range strings.Lines(diff) {
		switch kind, text := line[0], line[1:]; {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "), kind == '@':
		case kind == '-':
			before += text
		case kind == '+':
			after += text
		default:
			before, after = before+text, after+text
		}
	}
	return before, after
}

func TestFillJSON(t *testing.T) {
	filler := scripted(func(_ context.Context, r infill.Request) (infill.Result, error) {
		if r.Hole.Kind == grammars.KindMarker {
			return infill.Result{Start: r.Hole.Start, End: r.Hole.End, Steps: 7, Reason: "nothing fits"}, nil
		}
		return fillsWith(r, "return 1"), nil
	})
	a := newTestApp(t, filler)
	path := writeFile(t, "x.go", threeHoles)
	a.run(t, 0, "fill", "--json", path)

	var records []fillRecord
	if err := json.Unmarshal(a.out.Bytes(), &records); err != nil {
		t.Fatal(err)
	}
	if len(records) != 3 {
		t.Fatalf("%d records, want 3", len(records))
	}
	// Ranges are those of the old file: applied to it from the back they fill it.
	text := threeHoles
	for i := len(records) - 1; i >= 0; i-- {
		r := records[i]
		if at := (lineColumn{r.Range.Start.Line, r.Range.Start.Column}); placeOf([]byte(threeHoles), r.Range.Start.Byte) != at {
			t.Errorf("record %d: line and column %v are not those of byte %d", i, at, r.Range.Start.Byte)
		}
		if r.Reason == "" {
			text = text[:r.Range.Start.Byte] + r.Text + text[r.Range.End.Byte:]
		}
	}
	if want := strings.ReplaceAll(threeHoles, `panic("not implemented")`, "return 1"); text != want {
		t.Errorf("applied:\n%s", text)
	}
	if r := records[1]; r.Reason != "nothing fits" || r.Text != "" || r.Parses || r.Steps != 7 || r.Range.Start.Line != 8 {
		t.Errorf("the hole that was not filled: %+v", r)
	}
	if got := readText(t, path); got != threeHoles {
		t.Errorf("written without --write:\n%s", got)
	}
}

func TestFillRefusesWhatMustNotBeShown(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*infill.Result)
		reason string
	}{
		{"breaks the syntax", func(r *infill.Result) { r.Parses = false }, "the fill would break the syntax"},
		{"nothing", func(r *infill.Result) { r.Text = "" }, "the model has nothing to show"},
		{"a reason", func(r *infill.Result) { r.Reason = "too unsure" }, "too unsure"},
		{"no change", func(r *infill.Result) { r.Text = "/*HOLE*/" }, "the model would leave it as it is"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newTestApp(t, scripted(func(_ context.Context, r infill.Request) (infill.Result, error) {
				result := fillsWith(r, "1")
				test.change(&result)
				return result, nil
			}))
			path := writeFile(t, "x.go", "package p\n\nvar x = /*HOLE*/\n")
			a.run(t, 1, "fill", "--write", path)
			if want := fmt.Sprintf("%s:3:9: marker not filled: %s\n", path, test.reason); !strings.Contains(a.err.String(), want) {
				t.Errorf("standard error %q, want %q", a.err, want)
			}
			if got := readText(t, path); !strings.Contains(got, "/*HOLE*/") {
				t.Errorf("file:\n%s", got)
			}
		})
	}
}

func TestFillAFailingFileDoesNotStopTheOthers(t *testing.T) {
	filler, _ := byOrder(threeFills...)
	a := newTestApp(t, filler)
	good := writeFile(t, "x.go", threeHoles)
	bad := writeFile(t, "y.go", "package p // \xff\n")
	a.run(t, 1, "fill", "--write", bad, good)
	if got := readText(t, good); got != threeFilled {
		t.Errorf("the good file:\n%s", got)
	}
	if want := "y.go: not UTF-8: byte 0xff on line 1"; !strings.Contains(a.err.String(), want) {
		t.Errorf("standard error %q, want %q", a.err, want)
	}
}

func TestFillAFaultOfTheEngineLeavesTheFileAlone(t *testing.T) {
	calls := 0
	a := newTestApp(t, scripted(func(_ context.Context, r infill.Request) (infill.Result, error) {
		if calls++; calls == 2 {
			return infill.Result{}, errors.New("the engine broke down")
		}
		return fillsWith(r, "return 1"), nil
	}))
	path := writeFile(t, "x.go", threeHoles)
	a.run(t, 1, "fill", "--write", path)
	if got := readText(t, path); got != threeHoles {
		t.Errorf("half written:\n%s", got)
	}
}

func TestFillInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	a := newTestApp(t, scripted(func(ctx context.Context, r infill.Request) (infill.Result, error) {
		if calls++; calls == 2 {
			cancel()
			return infill.Result{}, ctx.Err()
		}
		return fillsWith(r, "return 1"), nil
	}))
	a.ctx = ctx
	first, second := writeFile(t, "x.go", threeHoles), writeFile(t, "y.go", threeHoles)
	a.run(t, exitInterrupted, "fill", "--write", first, second)
	for _, path := range []string{first, second} {
		if got := readText(t, path); got != threeHoles {
			t.Errorf("half written:\n%s", got)
		}
	}
	if want := "lacuna: interrupted\n"; a.err.String() != want {
		t.Errorf("standard error %q, want %q", a.err, want)
	}
}

func TestFillKindAndAt(t *testing.T) {
	path := writeFile(t, "x.go", threeHoles)
	for _, test := range []struct {
		args  []string
		kinds []grammars.Kind
		start []int // lines
	}{
		{[]string{"--kind", "marker"}, []grammars.Kind{grammars.KindMarker}, []int{8}},
		{[]string{"--kind", "marker,stub"}, []grammars.Kind{grammars.KindStub, grammars.KindMarker, grammars.KindStub}, []int{4, 8, 12}},
		{[]string{"--at", "7:6"}, []grammars.Kind{grammars.KindCursor}, []int{7}},
		{[]string{"--at", "8:10"}, []grammars.Kind{grammars.KindMarker}, []int{8}},
	} {
		filler, seen := byOrder("1", "1", "1")
		a := newTestApp(t, filler)
		a.run(t, 0, append([]string{"fill", path}, test.args...)...)
		if len(*seen) != len(test.kinds) {
			t.Fatalf("%v: %d fills, want %d", test.args, len(*seen), len(test.kinds))
		}
		for i, r := range *seen {
			if line := placeOf(r.Tree.Source(), r.Hole.Start).Line; r.Hole.Kind != test.kinds[i] || line != test.start[i] {
				t.Errorf("%v: fill %d is a %s on line %d", test.args, i, r.Hole.Kind, line)
			}
		}
	}
}

func TestFillColour(t *testing.T) {
	path := writeFile(t, "x.go", threeHoles)
	for flag, want := range map[string]bool{"--color=always": true, "--color=auto": false} {
		filler, _ := byOrder(threeFills...)
		a := newTestApp(t, filler)
		a.run(t, 0, "fill", flag, path)
		if got := strings.Contains(a.out.String(), colourGreen+"+\ta := 1"+colourReset); got != want {
			t.Errorf("%s: coloured %v, want %v:\n%s", flag, got, want, a.out)
		}
	}
}

func TestFillTellsOfNeighbours(t *testing.T) {
	filler, seen := byOrder(append(threeFills, threeFills...)...)
	a := newTestApp(t, filler)
	path := writeFile(t, "x.go", threeHoles)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "y.go"), []byte("func Y() {\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	a.run(t, 0, "fill", path)
	a.stdin = strings.NewReader(threeHoles)
	a.run(t, 0, "fill", "--lang", "go", "-")
	for i, r := range *seen {
		var want []layout.Neighbour
		if i < 3 {
			want = []layout.Neighbour{{Name: "y.go", Outline: "func Y()\n", Text: "func Y() {\n"}}
		}
		if diff := cmp.Diff(want, r.Neighbours); diff != "" {
			t.Errorf("request %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestFillStdin(t *testing.T) {
	filler, _ := byOrder(threeFills...)
	a := newTestApp(t, filler)
	a.stdin = strings.NewReader(threeHoles)
	a.run(t, 0, "fill", "--lang", "go", "--write", "-")
	if got := a.out.String(); got != threeFilled {
		t.Errorf("standard output:\n%s", got)
	}
}

func TestFillStdinWithoutHolesComesBack(t *testing.T) {
	a := newTestApp(t, nil)
	a.stdin = strings.NewReader("package p\n")
	a.run(t, 1, "fill", "--lang", "go", "--write", "-")
	if got := a.out.String(); got != "package p\n" {
		t.Errorf("standard output %q", got)
	}
	if a.opened != 0 {
		t.Error("the model was loaded for nothing")
	}
}

func TestFillOpensTheEngineOnce(t *testing.T) {
	filler, _ := byOrder(append(threeFills, threeFills...)...)
	a := newTestApp(t, filler)
	a.run(t, 0, "fill", writeFile(t, "x.go", threeHoles), writeFile(t, "y.go", threeHoles))
	if a.opened != 1 {
		t.Errorf("opened %d times", a.opened)
	}
}

func TestFillReadOnly(t *testing.T) {
	a := newTestApp(t, nil)
	path := writeFile(t, "x.go", threeHoles)
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	a.run(t, 1, "fill", "--write", path)
	if want := "is read-only; make it writable"; !strings.Contains(a.err.String(), want) || a.opened != 0 {
		t.Errorf("standard error %q, want %q before any work", a.err, want)
	}
}
