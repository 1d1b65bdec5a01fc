package beside_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lacuna-dev/lacuna/grammars"
	layout "github.com/lacuna-dev/lacuna/infill/context"
	"github.com/lacuna-dev/lacuna/lsp/beside"
)

// long ago, so that what was read then may be kept.
var longAgo = time.Now().Add(-time.Hour)

func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	age(t, path, longAgo)
	age(t, folder, longAgo)
	return path
}

func age(t *testing.T, path string, when time.Time) {
	t.Helper()
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
}

func golang(t *testing.T) *grammars.Language {
	t.Helper()
	lang, ok := grammars.ByID("go")
	if !ok {
		t.Fatal("no Go")
	}
	return lang
}

// names are the neighbours of own in folder, and what each declares.
func names(t *testing.T, r *beside.Reader, folder, own string, open ...beside.Open) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, n := range r.Neighbours(t.Context(), filepath.Join(folder, own), golang(t), open) {
		found[n.Name] = n.Outline
	}
	return found
}

func expect(t *testing.T, got, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsNoNeighbour(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "own.go", "func Own() {\n")
	write(t, folder, "a.py", "def a():\n")
	write(t, folder, "large.go", strings.Repeat("x", layout.MaxNeighbour+1))
	write(t, folder, "just.go", "func Just() {\n"+strings.Repeat("\n", layout.MaxNeighbour-len("func Just() {\n")))
	write(t, folder, "empty.go", "")
	write(t, folder, "broken.go", "func Broken() {\n\xff")
	write(t, folder, "notes.txt", "func Notes() {\n")
	if err := os.Mkdir(filepath.Join(folder, "folder.go"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("just.go", filepath.Join(folder, "link.go")); err != nil {
		t.Fatal(err)
	}
	expect(t, names(t, beside.New(nil), folder, "own.go"), map[string]string{"just.go": "func Just()\n", "empty.go": "", "broken.go": ""})
}

func TestTheLargeOneMakesRoomForTheNext(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"a1.go", "a2.go", "a3.go", "a4.go", "a5.go"} {
		write(t, folder, name, "")
	}
	write(t, folder, "a2.go", strings.Repeat("\n", layout.MaxNeighbour+1))
	expect(t, names(t, beside.New(nil), folder, "a.go"), map[string]string{"a1.go": "", "a3.go": "", "a4.go": "", "a5.go": ""})
}

func TestOpenFilesCountBeforeTheDisk(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "a.go", "func OnDisk() {\n")
	write(t, folder, "b.go", "func OnDisk() {\n")
	r := beside.New(nil)
	open := func(name, text string, version int) beside.Open {
		return beside.Open{Name: name, Text: []byte(text), Version: version}
	}
	expect(t, names(t, r, folder, "own.go", open("b.go", "func Open() {\n", 1), open("c.go", "", 1), open("own.go", "", 1)),
		map[string]string{"a.go": "func OnDisk()\n", "b.go": "func Open()\n", "c.go": ""})
	expect(t, names(t, r, folder, "own.go", open("b.go", "func Changed() {\n", 2)),
		map[string]string{"a.go": "func OnDisk()\n", "b.go": "func Changed()\n"})
	expect(t, names(t, r, folder, "own.go", open("b.go", strings.Repeat("\n", layout.MaxNeighbour+1), 3)),
		map[string]string{"a.go": "func OnDisk()\n"})
	expect(t, names(t, r, folder, "own.go"), map[string]string{"a.go": "func OnDisk()\n", "b.go": "func OnDisk()\n"})
}

// TestClockJumps: the clock jumps back by a day between two states of a file that are
// equally long, and on again.
func TestClockJumps(t *testing.T) {
	folder := t.TempDir()
	r := beside.New(nil)
	for _, step := range []struct {
		name  string
		clock time.Duration
	}{{"Early", time.Hour}, {"Later", -24 * time.Hour}, {"Again", 0}} {
		path := write(t, folder, "a.go", "func "+step.name+"() {\n")
		age(t, path, time.Now().Add(step.clock))
		age(t, folder, time.Now().Add(step.clock))
		expect(t, names(t, r, folder, "own.go"), map[string]string{"a.go": "func " + step.name + "()\n"})
	}
}

// TestWhatIsReadIsKept: a file is not read again while its time and size stand
// still, and neither is a folder.
func TestWhatIsReadIsKept(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "a.go", "func First() {\n")
	r := beside.New(nil)
	expect(t, names(t, r, folder, "own.go"), map[string]string{"a.go": "func First()\n"})

	write(t, folder, "a.go", "func Other() {\n")
	expect(t, names(t, r, folder, "own.go"), map[string]string{"a.go": "func First()\n"})
	write(t, folder, "b.go", "")
	expect(t, names(t, r, folder, "own.go"), map[string]string{"a.go": "func First()\n"})

	age(t, folder, longAgo.Add(time.Minute))
	age(t, filepath.Join(folder, "a.go"), longAgo.Add(time.Minute))
	expect(t, names(t, r, folder, "own.go"), map[string]string{"a.go": "func Other()\n", "b.go": ""})

	if err := os.Remove(filepath.Join(folder, "b.go")); err != nil {
		t.Fatal(err)
	}
	age(t, folder, longAgo.Add(time.Minute))
	expect(t, names(t, r, folder, "own.go"), map[string]string{"a.go": "func Other()\n"})
}

// TestFreshChangesAreNotKept: two changes within a tick of the file system's
// clock look alike.
func TestFreshChangesAreNotKept(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "a.go", "func First() {\n")
	now := time.Now().Add(time.Second) // the clock of a file server may be ahead
	age(t, folder, now)
	age(t, filepath.Join(folder, "a.go"), now)
	r := beside.New(nil)
	expect(t, names(t, r, folder, "own.go"), map[string]string{"a.go": "func First()\n"})
	write(t, folder, "a.go", "func Other() {\n")
	write(t, folder, "b.go", "")
	age(t, folder, now)
	age(t, filepath.Join(folder, "a.go"), now)
	expect(t, names(t, r, folder, "own.go"), map[string]string{"a.go": "func Other()\n", "b.go": ""})
}

func TestFailuresAreLoggedOnly(t *testing.T) {
	var log bytes.Buffer
	r := beside.New(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	expect(t, names(t, r, filepath.Join(t.TempDir(), "missing"), "own.go", beside.Open{Name: "a.go", Version: 1}), map[string]string{"a.go": ""})
	if !strings.Contains(log.String(), "level=DEBUG") || !strings.Contains(log.String(), "missing") {
		t.Errorf("the log says %q", log.String())
	}
	if os.Getuid() == 0 {
		return // reads everything
	}
	folder := t.TempDir()
	if err := os.Chmod(write(t, folder, "a.go", "func A() {\n"), 0); err != nil {
		t.Fatal(err)
	}
	expect(t, names(t, r, folder, "own.go"), map[string]string{"a.go": ""})
}

func TestACancelledRequestReadsNothing(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "a.go", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := beside.New(nil).Neighbours(ctx, filepath.Join(folder, "own.go"), golang(t), nil); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// TestKeptEqualsFresh drives a Reader through random changes of a folder and of
// what is open, and compares it with one that has read nothing before.
func TestKeptEqualsFresh(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	folder := t.TempDir()
	kept := beside.New(nil)
	opened := map[string]beside.Open{}
	for step := range 300 {
		name := fmt.Sprintf("f%d.go", rng.IntN(8))
		text := strings.Repeat("\n", rng.IntN(3)) + fmt.Sprintf("func F%d() {\n", step)
		switch rng.IntN(4) {
		case 0:
			write(t, folder, name, text)
		case 1:
			_ = os.Remove(filepath.Join(folder, name))
		case 2:
			opened[name] = beside.Open{Name: name, Text: []byte(text), Version: step}
		case 3:
			delete(opened, name)
		}
		when := longAgo.Add(time.Duration(step) * time.Second)
		age(t, folder, when)
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
			age(t, filepath.Join(folder, name), when)
		}
		var open []beside.Open
		for _, o := range opened {
			open = append(open, o)
		}
		own := fmt.Sprintf("f%d_test.go", rng.IntN(3))
		got := kept.Neighbours(t.Context(), filepath.Join(folder, own), golang(t), open)
		want := beside.New(nil).Neighbours(t.Context(), filepath.Join(folder, own), golang(t), open)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("step %d (-fresh +kept):\n%s", step, diff)
		}
	}
}

func BenchmarkNeighbours(b *testing.B) {
	lang, _ := grammars.ByID("go")
	r := beside.New(nil)
	own, err := filepath.Abs("beside.go")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r.Neighbours(b.Context(), own, lang, nil)
	}
}
