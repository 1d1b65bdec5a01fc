package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
)

func TestEditsMoved(t *testing.T) {
	//      0123456789
	old := "ab__cd_ef."
	e := edits{
		{Start: 2, End: 4, New: "12345"},
		{Start: 6, End: 7, New: ""},
		{Start: 9, End: 9, New: "xy"},
	}
	now := "ab12345cdefxy."
	if got, err := udiff.Apply(old, e); err != nil || got != now {
		t.Fatalf("%q, %v", got, err)
	}
	for offset, want := range map[int]int{0: 0, 2: 2, 3: 7, 4: 7, 5: 8, 6: 9, 7: 9, 8: 10, 9: 13, 10: 14} {
		if got := e.moved(offset); got != want {
			t.Errorf("moved(%d) = %d, want %d", offset, got, want)
		}
	}
	if got := e.growth(); got != len(now)-len(old) {
		t.Errorf("growth %d, want %d", got, len(now)-len(old))
	}
	if got := e.end(); got != 9 {
		t.Errorf("end %d, want 9", got)
	}
}

func TestUnifiedDiff(t *testing.T) {
	before := "func a() {\n}\n\n\n\n\n\n\n\n\nfunc b() {}"
	after := "func a() {\n\treturn\n}\n\n\n\n\n\n\n\n\nfunc b() { b() }"
	want := strings.Join([]string{
		"--- a/tmp/x.go",
		"+++ b/tmp/x.go",
		"@@ -1,4 +1,5 @@",
		" func a() {",
		"+\treturn",
		" }",
		" ",
		" ",
		"@@ -8,4 +9,4 @@",
		" ",
		" ",
		" ",
		"-func b() {}",
		"\\ No newline at end of file",
		"+func b() { b() }",
		"\\ No newline at end of file",
		"",
	}, "\n")
	if got := unifiedDiff("/tmp/x.go", before, after); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := unifiedDiff("x.go", before, before); got != "" {
		t.Errorf("no change: %q", got)
	}
}

func TestColourDiff(t *testing.T) {
	got := colourDiff("--- a/x\n+++ b/x\n@@ -1 +1 @@\n--- comment\n+new")
	want := "\x1b[1m--- a/x\x1b[0m\n\x1b[1m+++ b/x\x1b[0m\n\x1b[36m@@ -1 +1 @@\x1b[0m\n\x1b[31m--- comment\x1b[0m\n\x1b[32m+new\x1b[0m"
	if got != want {
		t.Errorf("%q, want\n%q", got, want)
	}
}

func TestUseColour(t *testing.T) {
	for _, test := range []struct {
		flag, noColor, term string
		terminal, want      bool
	}{
		{"auto", "", "xterm", true, true},
		{"auto", "", "xterm", false, false},
		{"auto", "1", "xterm", true, false},
		{"auto", "", "dumb", true, false},
		{"always", "1", "dumb", false, true},
		{"never", "", "xterm", true, false},
	} {
		t.Setenv("NO_COLOR", test.noColor)
		t.Setenv("TERM", test.term)
		if got := useColour(test.flag, test.terminal); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// TestDiffApplies lets git apply a diff with several edits in one hunk and more
// hunks behind it, and wants no fuzz.
func TestDiffApplies(t *testing.T) {
	var lines []string
	for i := range 120 {
		lines = append(lines, fmt.Sprintf("line %d\n", i))
	}
	before := strings.Join(lines, "")
	lines[10] += "new\nlines\n"
	lines[14] = "changed\n"
	lines[60] = ""
	lines[100] = "also changed\n"
	after := strings.Join(lines, "")

	dir := t.TempDir()
	file := filepath.Join(dir, "f.txt")
	if err := os.WriteFile(file, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	diff := unifiedDiff("f.txt", before, after)
	cmd := exec.Command("git", "apply", "--verbose", "-")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(diff)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "offset") {
		t.Fatalf("git apply: %v\n%s\n%s", err, out, diff)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != after {
		t.Errorf("applied diff gives\n%s", got)
	}
}
