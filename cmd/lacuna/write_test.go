package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteBack(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target.go"), filepath.Join(dir, "link.go")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(target, 0o754); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target.go", link); err != nil {
		t.Fatal(err)
	}
	if err := writeBack(link, []byte("old"), []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got := readText(t, target); got != "new" {
		t.Errorf("target holds %q", got)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", info, err)
	}
	if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o754 {
		t.Errorf("mode %v, %v; want 0754", info.Mode(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWriteBackRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		mode   os.FileMode
		before string
		fault  string
	}{
		{"read-only", 0o444, "old", "is read-only"},
		{"changed meanwhile", 0o644, "older", "changed while it was being filled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := writeFile(t, "x.go", "old")
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			err := writeBack(path, []byte(test.before), []byte("new"))
			if err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("error %v, want %q", err, test.fault)
			}
			if got := readText(t, path); got != "old" {
				t.Errorf("file holds %q", got)
			}
		})
	}
}
