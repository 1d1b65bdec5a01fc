package lsp

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/lacuna-dev/lacuna/lsp/document"
	"github.com/lacuna-dev/lacuna/lsp/exclude"
)

// scope is where a document lies, for the question whether the server is on for
// it.
type scope struct {
	snapshot *document.Snapshot
	file     string // absolute; empty if the document is no file
	root     string // the workspace folder it is in, or empty
}

// scope is noted on the read loop, where workspace folders may change.
func (s *Server) scope(snapshot *document.Snapshot) scope {
	if !snapshot.URI.IsFile() {
		return scope{snapshot: snapshot}
	}
	return scope{snapshot, snapshot.URI.FsPath(), filepath.FromSlash(s.client.rootOf(snapshot.URI))}
}

// switchedOff says what switches the server off for a document, or nothing. It
// reads ignore files: never on the read loop. While the disk does not answer, the
// server is off.
func (s *Server) switchedOff(ctx context.Context, at scope) string {
	files := &s.settings.Load().Files
	if size := at.snapshot.Text.Len(); size > files.MaxKiB<<10 {
		return fmt.Sprintf("switched off for this file by lacuna.files.maxKiB: it has %d bytes", size)
	}
	if strings.HasPrefix(string(at.snapshot.URI), notebookScheme+":") {
		s.refuseNotebooks()
		return noNotebooks
	}
	if at.file == "" {
		return ""
	}
	why, ok := fromDisk(ctx, s.disk, func() string { return s.exclude.Why(at.file, at.root, files.rules()) })
	switch {
	case !ok:
		return "switched off for this file while the disk does not say which files are ignored"
	case why != "":
		return "switched off for this file by " + why
	}
	return ""
}

func (f *FileSettings) rules() exclude.Rules {
	return exclude.Rules{Exclude: f.Exclude, Include: f.Include, Gitignore: f.Gitignore, Secrets: f.Secrets}
}

// rootOf is the path of the innermost workspace folder that a document is in, or
// empty.
func (c *client) rootOf(u interface{ Path() string }) string {
	best, full := "", u.Path()
	for _, root := range c.roots {
		if strings.HasPrefix(full, root+"/") && len(root) > len(best) {
			best = root
		}
	}
	return best
}
