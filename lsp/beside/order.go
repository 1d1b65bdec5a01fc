package beside

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/lacuna-dev/lacuna/grammars"
	layout "github.com/lacuna-dev/lacuna/infill/context"
)

// order is which names stand beside a file, nearest first.
type order struct {
	folder version  // of the folder
	open   []string // names of open files that counted
	names  []string
}

// order is which names stand beside a file, nearest first.
func (r *Reader) order(path string, language *grammars.Language, open []Open) []string {
	key := file{path, language.ID()}
	var openNames []string
	for _, o := range open {
		openNames = append(openNames, o.Name)
	}
	slices.Sort(openNames)

	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	if err != nil {
		// A new file, perhaps, in a folder that is not made before it is saved.
		r.log.Debug("the neighbours of a document cannot be listed", "folder", folder, "error", err)
		return layout.Nearest(filepath.Base(path), openNames)
	}
	if kept, ok := r.orders.Get(key); ok && kept.folder == versionOf(info) && slices.Equal(kept.open, openNames) {
		return kept.names
	}
	names, err := list(folder, language)
	if err != nil {
		r.log.Debug("the neighbours of a document cannot be listed", "folder", folder, "error", err)
	}
	names = append(names, openNames...)
	slices.Sort(names)
	names = layout.Nearest(filepath.Base(path), slices.Compact(names))
	if err == nil && isSettled(info) {
		r.orders.Add(key, order{versionOf(info), openNames, names})
	}
	return names
}

// list names the regular files of a language in a folder.
func list(folder string, language *grammars.Language) ([]string, error) {
	entries, err := os.ReadDir(folder)
	var names []string
	for _, entry := range entries {
		found, ok := grammars.ByPath(entry.Name())
		if ok && found.ID() == language.ID() && entry.Type().IsRegular() {
			names = append(names, entry.Name())
		}
	}
	return names, err
}
