// Package exclude says for which files the server is switched off: by patterns of
// the settings, by git's ignore files, and because they hold secrets.
//
// Patterns are git's (https://git-scm.com/docs/gitignore#_pattern_format), and what
// counts is the last one that matches. The package reads ignore files and nothing
// else; it must never know the connection, nor what is done with a file.
package exclude

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	lru "github.com/hashicorp/golang-lru/v2"
)

// Secrets are names of files that commonly hold passwords and keys.
var Secrets = []string{
	"*.env", ".env.*", ".env", ".envrc", ".netrc", ".npmrc", ".pypirc", ".pgpass", ".htpasswd",
	"*.pem", "*.key", "*.p8", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.asc", "*.gpg", "*.ppk",
	"id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*",
	"credentials", "credentials.json", "secrets.json", "secrets.y*ml", "service-account*.json",
}

// Rules are the user's.
type Rules struct {
	Exclude   []string // patterns of files that are off
	Include   []string // if there are any, all others are off
	Gitignore bool     // what git ignores is off
	Secrets   bool     // what Secrets names is off
}

const (
	keptFiles = 256
	// maxIgnoreFile is how much of an ignore file is read, in bytes.
	maxIgnoreFile = 256 << 10
)

// Reader reads ignore files and keeps what it has read until their time or size
// changes. It is safe for concurrent use.
type Reader struct {
	files *lru.Cache[string, ignoreFile]
}

// New returns a Reader.
func New() *Reader {
	files, err := lru.New[string, ignoreFile](keptFiles)
	if err != nil {
		panic(err) // a size that is not positive
	}
	return &Reader{files}
}

// Why says what switches off the file at an absolute path, for people; nothing if
// it is on. root is the workspace folder that the settings' patterns are relative
// to; it may be empty, or no parent of file. It reads from the disk.
func (r *Reader) Why(file, root string, rules Rules) string {
	file = filepath.Clean(file)
	base := filepath.Dir(file)
	if inside(file, root) {
		base = filepath.Clean(root)
	}
	var all []pattern
	if rules.Secrets {
		all = append(all, parseList(Secrets, base, "lacuna.files.secrets")...)
	}
	if rules.Gitignore {
		all = append(all, r.gitPatterns(file, root)...)
	}
	all = append(all, parseList(rules.Exclude, base, "lacuna.files.exclude")...)
	if p := lastMatch(all, file); p != nil {
		return fmt.Sprintf("%q of %s", p.text, p.source)
	}
	if len(rules.Include) > 0 && lastMatch(parseList(rules.Include, base, ""), file) == nil {
		return "lacuna.files.include, which has no pattern for it"
	}
	return ""
}

// Valid says whether a pattern can be read.
func Valid(text string) bool {
	_, ok := parse(text, "", "")
	return ok || strings.TrimSpace(text) == ""
}

// inside says whether a path is below a folder.
func inside(file, folder string) bool {
	if folder == "" {
		return false
	}
	rest, err := filepath.Rel(folder, file)
	return err == nil && rest != "." && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}

// pattern is one line of an ignore file.
type pattern struct {
	text, source string // for people
	folder       string // that it is relative to
	glob         string // of a path below the folder, or of a name
	name         bool   // glob is of a name, anywhere below the folder
	again        bool   // what matches is on again
	foldersOnly  bool
}

// escapeBraces: they mean nothing to git, and alternatives to the library.
var escapeBraces = strings.NewReplacer("{", `\{`, "}", `\}`)

// parse reads a line; ok is false for a comment, an empty line and a bad pattern.
func parse(line, folder, source string) (p pattern, ok bool) {
	p = pattern{text: line, source: source, folder: folder}
	text := strings.TrimSuffix(line, "\r")
	if trimmed := strings.TrimRight(text, " \t"); !strings.HasSuffix(trimmed, `\`) {
		text = trimmed
	}
	if text == "" || strings.HasPrefix(text, "#") {
		return p, false
	}
	text, p.again = strings.CutPrefix(text, "!")
	text, p.foldersOnly = strings.CutSuffix(text, "/")
	p.name = !strings.Contains(text, "/")
	if strings.HasSuffix(text, "/**") {
		text += "/*" // to git the folder itself is none of what is in it
	}
	p.glob = escapeBraces.Replace(strings.TrimPrefix(text, "/"))
	return p, p.glob != "" && doublestar.ValidatePattern(p.glob)
}

func parseList(lines []string, folder, source string) (list []pattern) {
	for _, line := range lines {
		if p, ok := parse(line, folder, source); ok {
			list = append(list, p)
		}
	}
	return list
}

// lastMatch is the pattern that switches a file off: the last one that matches it
// or, before that, one of the folders it is in.
func lastMatch(all []pattern, file string) *pattern {
	for at, isFolder := range parents(file) {
		for i := len(all) - 1; i >= 0; i-- {
			if !all[i].match(at, isFolder) {
				continue
			}
			if !all[i].again {
				return &all[i]
			}
			break
		}
	}
	return nil
}

// parents yields the folders that a file is in, outermost first, and then the file.
func parents(file string) func(yield func(at string, isFolder bool) bool) {
	return func(yield func(string, bool) bool) {
		for i := 1; i < len(file); i++ {
			if os.IsPathSeparator(file[i]) && !yield(file[:i], true) {
				return
			}
		}
		yield(file, false)
	}
}

func (p *pattern) match(at string, isFolder bool) bool {
	if p.foldersOnly && !isFolder {
		return false
	}
	if p.name {
		ok, err := doublestar.Match(p.glob, filepath.Base(at))
		return ok && err == nil && inside(at, p.folder)
	}
	rest, err := filepath.Rel(p.folder, at)
	if err != nil || !inside(at, p.folder) {
		return false
	}
	ok, err := doublestar.Match(p.glob, filepath.ToSlash(rest))
	return ok && err == nil
}

// gitPatterns are those of the repository that a file is in, or of the workspace
// folder if it is in none: the outermost first, as git has it.
func (r *Reader) gitPatterns(file, root string) (all []pattern) {
	var folders []string // innermost first
	top := ""
	for folder := filepath.Dir(file); ; folder = filepath.Dir(folder) {
		folders = append(folders, folder)
		if _, err := os.Lstat(filepath.Join(folder, ".git")); err == nil {
			top = folder
			break
		}
		if folder == filepath.Dir(folder) {
			break
		}
	}
	if top == "" {
		if top = filepath.Clean(root); !inside(file, root) {
			return nil
		}
	}
	all = r.read(filepath.Join(top, ".git", "info", "exclude"), top, ".git/info/exclude")
	for i := len(folders) - 1; i >= 0; i-- {
		if folder := folders[i]; folder == top || inside(folder, top) {
			name := ".gitignore"
			if rest, err := filepath.Rel(top, folder); err == nil {
				name = path.Join(filepath.ToSlash(rest), name)
			}
			all = append(all, r.read(filepath.Join(folder, ".gitignore"), folder, name)...)
		}
	}
	return all
}

// ignoreFile is what was read of one.
type ignoreFile struct {
	size     int64
	modified int64 // nanoseconds
	patterns []pattern
}

// read reads an ignore file; one that cannot be read has no patterns.
func (r *Reader) read(name, folder, source string) []pattern {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	if kept, ok := r.files.Get(name); ok && kept.size == info.Size() && kept.modified == info.ModTime().UnixNano() {
		return kept.patterns
	}
	file, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxIgnoreFile))
	if err != nil {
		return nil
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	patterns := parseList(strings.Split(string(raw), "\n"), folder, source)
	r.files.Add(name, ignoreFile{info.Size(), info.ModTime().UnixNano(), patterns})
	return patterns
}
