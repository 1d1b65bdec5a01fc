package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/lacuna-dev/lacuna/grammars"
)

// corpus is a folder of source files of one language.
type corpus struct {
	root  string
	files []string // relative to root, forward slashes, sorted
}

// Folders that hold other people's code, or code that is broken on purpose.
var (
	skippedAnywhere = []string{"vendor", "testdata", "node_modules", "site-packages", "dist-packages", "__pycache__", "idlelib", "test", "lib2to3"}
	// Go's commands are no library; other corpora keep their code there.
	skippedInStandardLibrary = []string{"cmd"}
)

// maxCorpusFile drops generated tables; files that people edit are shorter.
const maxCorpusFile = 256 << 10

// openCorpus lists the files of lang below dir; an empty dir is the standard
// library of the installed toolchain, which the model has never been trained on.
func openCorpus(ctx context.Context, lang *grammars.Language, dir string) (*corpus, error) {
	var skip []string
	if dir == "" {
		var err error
		if dir, err = standardLibrary(ctx, lang.ID()); err != nil {
			return nil, fmt.Errorf("%w; name another folder with --corpus", err)
		}
		skip = skippedInStandardLibrary
	}
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	c := &corpus{root: root}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			hidden := path != root && strings.HasPrefix(name, ".")
			top := filepath.Dir(path) == root
			if path != root && (hidden || slices.Contains(skippedAnywhere, name) || top && slices.Contains(skip, name)) {
				return filepath.SkipDir
			}
			return nil
		}
		found, ok := grammars.ByPath(name)
		if !ok || found.ID() != lang.ID() || !entry.Type().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		c.files = append(c.files, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	if len(c.files) == 0 {
		return nil, fmt.Errorf("corpus: no %s files below %s; name another folder with --corpus", lang.ID(), dir)
	}
	slices.Sort(c.files)
	return c, nil
}

// generated is what tools write at the top of files that nobody edits.
var generated = regexp.MustCompile(`(?i)code generated|do not edit|generated (by|from)|auto-?generated`)

// read returns a file fit for cutting, or false.
func (c *corpus) read(name string) ([]byte, bool) {
	text, err := os.ReadFile(filepath.Join(c.root, filepath.FromSlash(name)))
	if err != nil || len(text) < 200 || len(text) > maxCorpusFile || checkText(text) != nil {
		return nil, false
	}
	return text, !generated.Match(text[:min(len(text), 1000)])
}

func standardLibrary(ctx context.Context, lang string) (string, error) {
	switch lang {
	case "go":
		out, err := askToolchain(ctx, "go", "env", "GOROOT")
		return filepath.Join(out, "src"), err
	case "python":
		return askToolchain(ctx, "python3", "-c", "import sysconfig; print(sysconfig.get_paths()['stdlib'])")
	}
	return "", usageErrorf("there is no default corpus for %s", lang)
}

func askToolchain(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("the installed toolchain is asked for its standard library, but %s cannot be run: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}
