package beside

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/lacuna-dev/lacuna/grammars"
	layout "github.com/lacuna-dev/lacuna/infill/context"
)

// outlined is a neighbour and which text it was made of: a version, or what an
// editor calls its own.
type outlined struct {
	version   any
	neighbour layout.Neighbour
}

// opened is a neighbour that is open, false if it is too large.
func (r *Reader) opened(folder string, o Open, language *grammars.Language) (layout.Neighbour, bool) {
	if len(o.Text) > layout.MaxNeighbour {
		return layout.Neighbour{}, false
	}
	key := file{filepath.Join(folder, o.Name), language.ID()}
	if kept, ok := r.outlines.Get(key); ok && kept.version == o.Version {
		return kept.neighbour, true
	}
	n := layout.NewNeighbour(o.Name, o.Text, language.ID())
	r.outlines.Add(key, outlined{o.Version, n})
	return n, true
}

// read is a neighbour on disk, false if it is too large or no file. One that
// cannot be read is a neighbour that declares nothing.
func (r *Reader) read(path string, language *grammars.Language) (layout.Neighbour, bool) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > layout.MaxNeighbour {
		return layout.Neighbour{}, false
	}
	key, version := file{path, language.ID()}, versionOf(info)
	if kept, ok := r.outlines.Get(key); ok && kept.version == any(version) {
		return kept.neighbour, true
	}
	text, err := readSome(path)
	if err != nil {
		r.log.Debug("a neighbour cannot be read", "file", path, "error", err)
		return layout.Neighbour{Name: filepath.Base(path)}, true
	}
	n := layout.NewNeighbour(filepath.Base(path), text, language.ID())
	if isSettled(info) {
		r.outlines.Add(key, outlined{version, n})
	}
	return n, true
}

// readSome reads a file that was small a moment ago.
func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, layout.MaxNeighbour+1))
	if err == nil && len(text) > layout.MaxNeighbour {
		err = fmt.Errorf("it has grown past %d bytes", layout.MaxNeighbour)
	}
	return text, err
}
