package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/lacuna-dev/lacuna/grammars"
)

// source is a text to fill and where it came from.
type source struct {
	Name string // as the user wrote it; "stdin" for standard input
	Lang *grammars.Language
	Text []byte
	file bool
}

// languageNames lists what --lang takes.
func languageNames() string {
	var names []string
	for _, lang := range grammars.All() {
		names = append(names, lang.ID())
	}
	return strings.Join(names, ", ")
}

// languageByID is for flags: an unknown name is bad use.
func languageByID(id string) (*grammars.Language, error) {
	lang, ok := grammars.ByID(id)
	if !ok {
		return nil, usageErrorf("--lang %s: unknown language; there are: %s", id, languageNames())
	}
	return lang, nil
}

// readStdin reads the text of "-".
func readStdin(in io.Reader, lang *grammars.Language) (*source, error) {
	text, err := io.ReadAll(io.LimitReader(in, grammars.MaxSource+1))
	if err != nil {
		return nil, fmt.Errorf("stdin: %w", err)
	}
	if len(text) > grammars.MaxSource {
		return nil, errTooMuch("stdin")
	}
	if err := checkText(text); err != nil {
		return nil, fmt.Errorf("stdin: %w", err)
	}
	return &source{Name: "stdin", Lang: lang, Text: text}, nil
}

// readFile reads a file that is to be filled. lang may be nil: then the name
// decides.
func readFile(name string, lang *grammars.Language) (*source, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: no such file; check the name", name)
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s: is a directory; name the files, for example %s", name, filepath.Join(name, "*.go"))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: is not a regular file; pipe its text into: lacuna fill --lang LANG -", name)
	case info.Size() > grammars.MaxSource:
		return nil, errTooMuch(name)
	}
	if lang == nil {
		var ok bool
		if lang, ok = grammars.ByPath(name); !ok {
			return nil, fmt.Errorf("%s: unknown language; say which with --lang (%s)", name, languageNames())
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if err := checkText(text); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &source{Name: name, Lang: lang, Text: text, file: true}, nil
}

// checkText refuses what is not source text. The parser would too, in fewer words.
func checkText(text []byte) error {
	if bytes.IndexByte(text, 0) >= 0 {
		return errors.New("looks like a binary file (it holds a zero byte); name a source file")
	}
	if !utf8.Valid(text) {
		at := firstInvalid(text)
		return fmt.Errorf("not UTF-8: byte 0x%02x on line %d; convert it first, for example with iconv -f LATIN1 -t UTF-8",
			text[at], 1+bytes.Count(text[:at], []byte{'\n'}))
	}
	return nil
}

func firstInvalid(text []byte) int {
	at := 0
	for at < len(text) {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

func errTooMuch(name string) error {
	return fmt.Errorf("%s: larger than %d MiB, too large to fill; move the part with the hole into a file of its own",
		name, grammars.MaxSource>>20)
}

// parse wraps grammars.Parse with advice.
func (s *source) parse() (*grammars.Tree, error) {
	tree, err := grammars.Parse(s.Lang, s.Text)
	switch {
	case errors.Is(err, grammars.ErrTooLarge):
		return nil, errTooMuch(s.Name)
	case errors.Is(err, grammars.ErrTimeout):
		return nil, fmt.Errorf("%s: cannot be parsed in time; is it generated or minified?", s.Name)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return tree, nil
}
