package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"

	"github.com/lacuna-dev/lacuna/grammars"
	layout "github.com/lacuna-dev/lacuna/infill/context"
	"github.com/lacuna-dev/lacuna/lsp/beside"
)

// cut chooses the holes: files in an order that the seed shuffles, at most a
// few holes a file, the kinds in turn.
func (c *evalCmd) cut(a *app, lang *grammars.Language, corpus *corpus) ([]cut, error) {
	status := a.status()
	defer status.clear()
	files := slices.Clone(corpus.files)
	rng := rand.New(rand.NewPCG(c.Seed, 0))
	rng.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })

	reader := beside.New(nil)
	var cuts []cut
	for _, file := range files {
		if len(cuts) >= c.Holes {
			break
		}
		if err := a.ctx.Err(); err != nil {
			return nil, err
		}
		status.show("cutting %s holes %s %d of %d", lang.ID(), bar(len(cuts), c.Holes, 20), len(cuts), c.Holes)
		src, ok := corpus.read(file)
		if !ok {
			continue
		}
		cutter, ok := newCutter(lang, c.Seed, file, src)
		if !ok {
			continue
		}
		path := filepath.Join(corpus.root, filepath.FromSlash(file))
		var neighbours []layout.Neighbour
		if c.Neighbours {
			neighbours = reader.Neighbours(a.ctx, path, lang, nil)
		}
		for range min(maxCutsPerFile, c.Holes-len(cuts)) {
			made, ok := cutter.draw(c.Kinds[len(cuts)%len(c.Kinds)])
			if !ok {
				break
			}
			made.Path, made.Neighbours = path, neighbours
			cuts = append(cuts, made)
		}
		cutter.close()
	}
	if len(cuts) == 0 {
		return nil, fmt.Errorf("no holes could be cut out of the %d %s files below %s; name another folder with --corpus", len(files), lang.ID(), corpus.root)
	}
	if len(cuts) < c.Holes {
		status.clear()
		fmt.Fprintf(a.stderr, "the %s corpus has only %d such holes at %d a file\n", lang.ID(), len(cuts), maxCutsPerFile)
	}
	return cuts, nil
}
