package lsp

import (
	"context"
	"path/filepath"

	"github.com/lacuna-dev/lacuna/grammars"
	layout "github.com/lacuna-dev/lacuna/infill/context"
	"github.com/lacuna-dev/lacuna/lsp/beside"
	"github.com/lacuna-dev/lacuna/lsp/document"
)

// surroundings say where a document's neighbours are to be read. The zero value
// has none.
type surroundings struct {
	path     string
	root     string // the workspace folder it is in, or empty
	language *grammars.Language
	open     []beside.Open
}

// surroundings notes what is open beside a document. Read loop only; the rest is
// read off it, by neighbours.
func (s *Server) surroundings(snapshot *document.Snapshot) surroundings {
	if !s.settings.Load().Context.Neighbours || snapshot.Language == nil || !snapshot.URI.IsFile() {
		return surroundings{}
	}
	at := s.scope(snapshot)
	around := surroundings{path: at.file, root: at.root, language: snapshot.Language}
	folder := filepath.Dir(around.path)
	for id, doc := range s.documents {
		other, path := doc.Head(), id.FsPath()
		// The last question reads the text, so it comes last. What cannot be
		// filled has no text to trust, but perhaps a file that has.
		if path == around.path || !id.IsFile() || other.Language != snapshot.Language || filepath.Dir(path) != folder || other.Fillable() != nil {
			continue
		}
		around.open = append(around.open, beside.Open{Name: filepath.Base(path), Text: other.Text.Bytes(), Version: other.Text})
	}
	return around
}

// neighbours reads what stands beside a document. Never on the read loop. A disk
// that does not answer has none.
func (s *Server) neighbours(ctx context.Context, around surroundings) []layout.Neighbour {
	if around.path == "" {
		return nil
	}
	rules := s.settings.Load().Files.rules()
	// What the server is off for it does not read either. But what is only beside
	// what the user works on need not be included by name.
	rules.Include = nil
	found, ok := fromDisk(ctx, s.disk, func() []layout.Neighbour {
		return s.beside.NeighboursBut(ctx, around.path, around.language, around.open, func(path string) bool {
			return s.exclude.Why(path, around.root, rules) != ""
		})
	})
	if !ok {
		s.options.Log.Debug("the files beside a document could not be read in time", "document", around.path)
	}
	return found
}
