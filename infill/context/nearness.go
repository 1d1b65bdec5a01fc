package context

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxNeighbours is how many neighbours the model is told of.
const MaxNeighbours = 4

// affixes are what a test adds to the name of the file it tests.
var affixes = []struct{ prefix, suffix string }{
	{"", "_test"}, {"test_", ""}, {"", ".test"}, {"", ".spec"}, {"", "Test"},
}

// Nearest orders the names of the files beside the file called own, nearest
// first. Its own name is left out, and so are names that are not UTF-8. Nothing
// but names decides, so that the order stands still while the document changes.
func Nearest(own string, names []string) []string {
	type candidate struct {
		name   string
		kin    int // 0: the same stem
		common int // bytes at the start that both names have
	}
	var found []candidate
	ownStem := stem(own)
	for _, name := range names {
		if name == own || !utf8.ValidString(name) {
			continue
		}
		c := candidate{name: name, common: commonPrefix(own, name)}
		if stem(name) != ownStem {
			c.kin = 1
		}
		found = append(found, c)
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.kin, b.kin), cmp.Compare(b.common, a.common), cmp.Compare(a.name, b.name))
	})
	out := make([]string, len(found))
	for i, c := range found {
		out[i] = c.name
	}
	return out
}

// stem is a base name without its extension and without what marks a test.
func stem(name string) string {
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		name = name[:dot]
	}
	for _, a := range affixes {
		if len(name) > len(a.prefix)+len(a.suffix) && strings.HasPrefix(name, a.prefix) && strings.HasSuffix(name, a.suffix) {
			return name[len(a.prefix) : len(name)-len(a.suffix)]
		}
	}
	return name
}

func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
