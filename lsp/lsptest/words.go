package lsptest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// split takes a line of a script apart: words, and Go-quoted strings.
func split(line string) ([]string, error) {
	var words []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] != '"' && line[0] != '`' {
			word, rest, _ := strings.Cut(line, " ")
			words, line = append(words, word), rest
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, fmt.Errorf("a string does not end: %s", line)
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", quoted, err)
		}
		words, line = append(words, word), line[len(quoted):]
	}
	return words, nil
}

// name is an optional argument that names a request.
func name(args []string, i int) string {
	if i < len(args) {
		return args[i]
	}
	return ""
}

func (s *script) reply(name string) *Pending {
	s.t.Helper()
	p := s.replies[name]
	if p == nil {
		s.t.Fatalf("%s: there is no request %q", s.at, name)
	}
	return p
}

func (s *script) int(text string) int {
	s.t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatalf("%s: %v", s.at, err)
	}
	return n
}

func (s *script) json(text string, into any) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		s.t.Fatalf("%s: %v", s.at, err)
	}
}

func (s *script) file(name string) string {
	s.t.Helper()
	text, ok := s.files[name]
	if !ok {
		s.t.Fatalf("%s: there is no file %q", s.at, name)
	}
	return text
}

// marked is the current buffer, safe against an edit that is coming in.
func (s *script) marked() string {
	s.editor.mu.Lock()
	defer s.editor.mu.Unlock()
	return s.buffer.Marked()
}

// expect compares; where want marks no cursor, got need not.
func (s *script) expect(what, got, want string) {
	s.t.Helper()
	if !strings.Contains(want, Cursor) {
		got = strings.ReplaceAll(got, Cursor, "")
	}
	if got != want {
		s.t.Errorf("%s: got  %q\nwant %q", what, got, want)
	}
}

// testWriter sends the server's log to the test's.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("server: %s", strings.TrimSpace(string(p)))
	return len(p), nil
}
