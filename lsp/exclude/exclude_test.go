package exclude

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// write makes files below a folder.
func write(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhy(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		".git/HEAD":         "ref: refs/heads/main\n",
		".git/info/exclude": "private.go\n",
		".gitignore":        "# generated\n*.pb.go\n/out/\nlogs/*.go\n!logs/keep.go\nspace.go   \r\n",
		"lib/.gitignore":    "!mine.pb.go\nonly_here.go\n",
	})
	defaults := Rules{Gitignore: true, Secrets: true}
	tests := []struct {
		file  string
		rules Rules
		want  string
	}{
		{"a.go", defaults, ""},
		{"a.pb.go", defaults, `"*.pb.go" of .gitignore`},
		{"a.pb.go", Rules{}, ""},
		{"deep/down/a.pb.go", defaults, `"*.pb.go" of .gitignore`},
		{"lib/mine.pb.go", defaults, ""},
		{"lib/other.pb.go", defaults, `"*.pb.go" of .gitignore`},
		{"lib/only_here.go", defaults, `"only_here.go" of lib/.gitignore`},
		{"only_here.go", defaults, ""},
		{"out/a.go", defaults, `"/out/" of .gitignore`},
		{"lib/out/a.go", defaults, ""},
		{"out", defaults, ""},
		{"logs/a.go", defaults, `"logs/*.go" of .gitignore`},
		{"logs/keep.go", defaults, ""},
		{"private.go", defaults, `"private.go" of .git/info/exclude`},
		{"space.go", defaults, `"space.go   \r" of .gitignore`},
		{".env", defaults, `".env" of lacuna.files.secrets`},
		{"config/.env.local", defaults, `".env.*" of lacuna.files.secrets`},
		{".env.example", Rules{Secrets: true, Exclude: []string{"!.env.example"}}, ""},
		{"keys/id_rsa", defaults, `"id_rsa*" of lacuna.files.secrets`},
		{"server.pem", defaults, `"*.pem" of lacuna.files.secrets`},
		{"environment.go", defaults, ""},
		{"gen/x/gen/a.go", Rules{Exclude: []string{"**/gen/*.go"}}, `"**/gen/*.go" of lacuna.files.exclude`},
		{"lib/a.pb.go", Rules{Gitignore: true, Exclude: []string{"!*.pb.go"}}, ""},
		{"lib/a.go", Rules{Include: []string{"lib/"}}, ""},
		{"src/a.go", Rules{Include: []string{"lib/"}}, "lacuna.files.include, which has no pattern for it"},
		{"{a}.go", Rules{Exclude: []string{"{a}.go"}}, `"{a}.go" of lacuna.files.exclude`},
	}
	r := New()
	for _, tt := range tests {
		if got := r.Why(filepath.Join(root, filepath.FromSlash(tt.file)), root, tt.rules); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.file, got, tt.want)
		}
	}
}

// TestIgnoreFileChanges: what is kept is not older than the file.
func TestIgnoreFileChanges(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "a.go")
	r := New()
	for _, step := range []struct{ ignore, want string }{{"b.go\n", ""}, {"a.go\n*.x\n", `"a.go" of .gitignore`}, {"", ""}} {
		write(t, root, map[string]string{".gitignore": step.ignore})
		if got := r.Why(file, root, Rules{Gitignore: true}); got != step.want {
			t.Errorf("with %q: got %q, want %q", step.ignore, got, step.want)
		}
	}
	// Outside of a workspace and of a repository no ignore file counts.
	write(t, root, map[string]string{".gitignore": "a.go\n"})
	if got := r.Why(file, "", Rules{Gitignore: true}); got != "" {
		t.Errorf("outside: got %q", got)
	}
}

func TestValid(t *testing.T) {
	for text, want := range map[string]bool{"*.go": true, "": true, "[": false, "a[b": false, "!**/x/": true} {
		if got := Valid(text); got != want {
			t.Errorf("Valid(%q) = %v", text, got)
		}
	}
}

// TestAsGit compares with git itself.
func TestAsGit(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed; TestWhy has what it says")
	}
	root := t.TempDir()
	if out, err := exec.Command(git, "-C", root, "init", "-q").CombinedOutput(); err != nil {
		t.Fatalf("git init: %v: %s", err, out)
	}
	write(t, root, map[string]string{
		".gitignore":   "*.log\n!important.log\nbuild/\n!build/keep.txt\n/top\na/**/z\n**/q/*.t\nfoo/*\n!foo/bar\n\\#odd\n\\!bang\n[ab].c\nx?y\ntrail\\ \n**/deep\nmid/**\n{b}.d\n",
		"s/.gitignore": "*.c\n!a.c\n/top\n",
	})
	files := strings.Fields("m.log s/m.log important.log s/important.log build/x build/keep.txt s/build/x build top s/top r/top a/z a/b/z a/b/c/z/q a/zz " +
		"q/m.t p/q/m.t q/q/m.t q/r/m.t foo/a foo/bar foo/bar/x foo/baz/x #odd !bang a.c b.c c.c s/a.c s/b.c s/c.c xay xaay deep o/deep o/deep/x mid/x mid/y/z mid s/mid/x {b}.d b.d")
	r := New()
	for _, name := range files {
		ignored := exec.Command(git, "-C", root, "check-ignore", "-q", "--no-index", "--", name).Run() == nil
		why := r.Why(filepath.Join(root, filepath.FromSlash(name)), root, Rules{Gitignore: true})
		if (why != "") != ignored {
			t.Errorf("%s: git says %v, we say %q", name, ignored, why)
		}
	}
}

// TestClockJumps: the clock jumps back by a day between two states of a file that are
// equally long, and on again.
func TestClockJumps(t *testing.T) {
	root := t.TempDir()
	r := New()
	for _, step := range []struct {
		ignore, want string
		clock        time.Duration
	}{
		{"a.go\n", `"a.go" of .gitignore`, time.Hour},
		{"b.go\n", "", -24 * time.Hour},
		{"*.go\n", `"*.go" of .gitignore`, 0},
	} {
		write(t, root, map[string]string{".gitignore": step.ignore})
		when := time.Now().Add(step.clock)
		if err := os.Chtimes(filepath.Join(root, ".gitignore"), when, when); err != nil {
			t.Fatal(err)
		}
		if got := r.Why(filepath.Join(root, "a.go"), root, Rules{Gitignore: true}); got != step.want {
			t.Errorf("%v off, with %q: got %q, want %q", step.clock, step.ignore, got, step.want)
		}
	}
}
