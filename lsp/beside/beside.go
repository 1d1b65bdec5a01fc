// Package beside reads the files that stand beside a document: which they are,
// and what of them the model is told (docs/context.md). What an editor has open
// counts before what is on disk.
//
// What has been read is kept, and read again when its time or size has changed.
// Nothing that goes wrong here is worth telling a user: a file that cannot be
// read is no neighbour, and the log says so.
//
// The package must never know requests or the connection, nor what the model
// makes of a neighbour.
package beside

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/lacuna-dev/lacuna/grammars"
	layout "github.com/lacuna-dev/lacuna/infill/context"
)

const (
	keptOrders   = 64
	keptOutlines = 64 // with their texts
)

// Open is a file as an editor has it open.
type Open struct {
	Name string // without the folder
	Text []byte
	// Version is comparable and differs for different texts of the file.
	Version any
}

// Reader reads neighbours and keeps what it has read. It is safe for concurrent
// use.
type Reader struct {
	log      *slog.Logger
	orders   *lru.Cache[file, order]
	outlines *lru.Cache[file, outlined]
}

// file is a path and the id of the language it is read as.
type file struct{ path, language string }

// New returns a Reader. A nil log discards.
func New(log *slog.Logger) *Reader {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	orders, err := lru.New[file, order](keptOrders)
	if err != nil {
		panic(err) // a size that is not positive
	}
	outlines, err := lru.New[file, outlined](keptOutlines)
	if err != nil {
		panic(err)
	}
	return &Reader{log: log, orders: orders, outlines: outlines}
}

// Neighbours returns what stands beside the file at path, nearest first. open
// are the open files of the same folder and language. When ctx ends, so does the
// reading.
func (r *Reader) Neighbours(ctx context.Context, path string, language *grammars.Language, open []Open) []layout.Neighbour {
	return r.NeighboursBut(ctx, path, language, open, func(string) bool { return false })
}

// NeighboursBut are the Neighbours without those, by their paths, that are hidden.
// It is asked of each before that is read.
func (r *Reader) NeighboursBut(ctx context.Context, path string, language *grammars.Language, open []Open, hidden func(path string) bool) []layout.Neighbour {
	folder := filepath.Dir(path)
	var found []layout.Neighbour
	for _, name := range r.order(path, language, open) {
		if ctx.Err() != nil || len(found) == layout.MaxNeighbours {
			break
		}
		if hidden(filepath.Join(folder, name)) {
			continue
		}
		var n layout.Neighbour
		var ok bool
		if i := slices.IndexFunc(open, func(o Open) bool { return o.Name == name }); i >= 0 {
			n, ok = r.opened(folder, open[i], language)
		} else {
			n, ok = r.read(filepath.Join(folder, name), language)
		}
		if ok {
			found = append(found, n)
		}
	}
	return found
}
