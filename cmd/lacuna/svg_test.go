package main

import (
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

func TestChartIsWellFormed(t *testing.T) {
	c := chart{Title: "a < b & c", Panels: []panel{
		{Title: "one", X: "x", Y: "y", Diagonal: true, Series: []series{{Name: "m", Points: []chartPoint{{0, 0, 0, 0.5}, {0.5, 0.25, 0.1, 0.4}}}}},
		{Title: "two", Series: []series{{Name: "n", Band: true, Points: []chartPoint{{0.25, 1, 0.5, 1}, {1, 0, 0, 0.5}}}, {Name: "empty"}}},
	}}
	var out strings.Builder
	if err := c.write(&out); err != nil {
		t.Fatal(err)
	}
	elements := map[string]int{}
	for d := xml.NewDecoder(strings.NewReader(out.String())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, &out)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
		}
	}
	if elements["circle"] != 2 {
		t.Errorf("%d circles, want one a point of the series without a band", elements["circle"])
	}
	for _, want := range []string{
		"a &lt; b &amp; c",
		`d="M0,320L160,240"`,                // the line of the first
		`d="M160,288V192"`,                  // the interval of its second point
		`d="M80,0L320,160L320,320L80,160"`,  // the band of the second
		`<path d="M0,320L320,0" stroke="#9`, // the diagonal
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, &out)
		}
	}
}

func TestEvalPlot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plot.svg")
	a := newTestApp(t, knowing(truthOf))
	a.run(t, 0, "eval", "--lang", "go", "--no-types", "--corpus", corpusDir(t), "--holes", "4", "--plot", file, "--baseline", "other")
	// fillsWith is sure by half and knowing is right: off by 50.
	if text := readText(t, file); strings.Count(text, "scripted, off by 50.0 on average") != 2 || strings.Count(text, "scripted, 4 holes") != 2 {
		t.Errorf("not a reliability diagram of two models:\n%s", text)
	}
	a = newTestApp(t, knowing(truthOf))
	a.run(t, exitFailed, "eval", "--lang", "go", "--no-types", "--corpus", corpusDir(t), "--plot", filepath.Join(file, "below"))
	if !strings.Contains(a.err.String(), "--plot: ") || a.opened != 0 {
		t.Errorf("a plot that cannot be written is found out after %d models: %q", a.opened, a.err)
	}
}
