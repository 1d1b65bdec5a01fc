// Package lacuna_test holds the repository to its own rules: what lies where, what
// may import what, and what must not be checked in.
package lacuna_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// repositoryFiles lists the files that are, or would be, checked in, with forward
// slashes. Fixtures are among them.
func repositoryFiles(t *testing.T) []string {
	t.Helper()
	if _, err := os.Stat(".git"); err != nil {
		t.Skip("not a checkout: these rules are about what is checked in")
	}
	out, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	var files []string
	for file := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		// A file removed but not yet from the index is listed, too.
		if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() {
			files = append(files, file)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return files
}

// isFixture is true for files that are data to a test or a demonstration and not
// part of the program.
func isFixture(file string) bool {
	return layer(file) == "examples" || slices.Contains(strings.Split(file, "/"), "testdata")
}

func TestTopLevelIsWhatTheOwnerFixed(t *testing.T) {
	folders := []string{
		"cmd", "lsp", "infill", "runtime", "models", "grammars",
		"editors", "docs", "examples", ".ci", "tools",
	}
	files := []string{
		"go.mod", "go.sum", "Makefile", "README.md", "LICENSE", "CHANGELOG.md",
		".gitignore", ".gitattributes", "architecture_test.go", "repository_test.go",
	}
	for _, file := range repositoryFiles(t) {
		top, _, nested := strings.Cut(file, "/")
		if nested && !slices.Contains(folders, top) {
			t.Errorf("%s: %s is not among the top-level folders %v", file, top, folders)
		}
		if !nested && !slices.Contains(files, top) {
			t.Errorf("%s: not among the top-level files %v", file, files)
		}
	}
}

func TestEachLanguageHasItsPlace(t *testing.T) {
	homes := []struct{ exts, home, why string }{
		{".py", "models/train/", "Python is never needed at run time"},
		{".ts .tsx .js .mjs .cjs .lua .vim", "editors/", "an editor's language belongs to the editor"},
	}
	for _, file := range repositoryFiles(t) {
		ext := path.Ext(file)
		for _, h := range homes {
			if ext != "" && slices.Contains(strings.Fields(h.exts), ext) && !isFixture(file) && !strings.HasPrefix(file, h.home) {
				t.Errorf("%s: %s files belong under %s: %s", file, ext, h.home, h.why)
			}
		}
	}
}

func TestFilesAreNamedAfterAnIdea(t *testing.T) {
	for _, file := range repositoryFiles(t) {
		name := strings.TrimSuffix(path.Base(file), path.Ext(file))
		if slices.Contains([]string{"util", "utils", "helper", "helpers", "common", "misc"}, name) && !isFixture(file) {
			t.Errorf("%s: a name that fits anything says nothing; name the idea", file)
		}
	}
}

func TestNothingBigIsCheckedIn(t *testing.T) {
	const megabyte = 1 << 20
	var bundle int64
	for _, file := range repositoryFiles(t) {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(file, "models/small/") {
			bundle += info.Size()
		} else if info.Size() > megabyte {
			t.Errorf("%s has %d bytes: nothing over 1 MB outside models/small", file, info.Size())
		}
	}
	if bundle > 32*megabyte {
		t.Errorf("models/small has %d bytes: the embedded model may have 32 MB", bundle)
	}
}

// machinePath matches absolute paths that exist on somebody's machine only.
var machinePath = regexp.MustCompile(`(?m)(?:^|[\s"'` + "`" + `(=:])/(?:work|root|home/\w+|Users/\w+)/[\w.]`)

func TestNoPathOfAMachine(t *testing.T) {
	for _, file := range repositoryFiles(t) {
		if isFixture(file) {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(content, 0) >= 0 {
			continue
		}
		for _, at := range machinePath.FindAllIndex(content, -1) {
			line := 1 + bytes.Count(content[:at[1]], []byte("\n"))
			t.Errorf("%s:%d: %q exists on one machine only", file, line, content[at[0]:at[1]])
		}
	}
}

func TestMachinePath(t *testing.T) {
	for text, want := range map[string]bool{
		`open("` + `/home/` + `me/x")`:      true,
		"see " + "/root/" + "notes":         true,
		"https://example.org/work/in":       false,
		"$HOME/work/lacuna":                 false,
		"the folder " + "/usr/lib/x":        false,
		"path: " + "/Users/" + "me/code.go": true,
	} {
		if got := machinePath.MatchString(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// wallClock is what reads the time of day off a time, or loses its monotonic part.
var wallClock = regexp.MustCompile(`\.(Unix|UnixNano|UnixMilli|UnixMicro|UTC|Local|In|Round|Truncate|ModTime)\(`)

// TestWaitsAreMonotonic: the clock of the machine may jump. Nothing that waits or
// measures notices, as long as times come from time.Now and are only subtracted; what
// compares the times of files has a test of its own (TestClockJumps).
func TestWaitsAreMonotonic(t *testing.T) {
	fileTimes := []string{"lsp/exclude/exclude.go", "lsp/beside/version.go"}
	for _, file := range repositoryFiles(t) {
		serving := strings.HasPrefix(file, "lsp/") || strings.HasPrefix(file, "infill/") || strings.HasPrefix(file, "runtime/")
		if !serving || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || slices.Contains(fileTimes, file) {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(source, []byte("\t\"time\"\n")) {
			continue
		}
		if at := wallClock.Find(source); at != nil {
			t.Errorf("%s calls %s), which depends on the machine's clock: use time.Since, Sub and timers", file, at)
		}
	}
}
