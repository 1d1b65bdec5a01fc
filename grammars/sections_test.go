package grammars

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stubSources are files with holes of all kinds in most of their sections.
var stubSources = map[string]string{
	"go": "package p\n\n" + strings.Repeat(strings.Join([]string{
		"// F does.\nfunc F(a int) error {\n}\n",
		"func (t *T) G() { panic(\"TODO\") }\n",
		"func H() {\n\tx := 1\n\tgo func() {}()\n\tuse(x)\n}\n",
		"type T struct{ a, b int }\n",
		"func I() {\n\t// TODO: later\n}\n",
	}, "\n"), 4),
	"python": strings.Repeat(strings.Join([]string{
		"import os\n\n",
		"def f(x):\n    \"\"\"Doc.\"\"\"\n    raise NotImplementedError\n",
		"class A(Protocol):\n    def g(self): ...\n",
		"class B:\n    @abstractmethod\n    def g(self):\n        pass\n\n    def h(self):\n        pass\n",
		"print(f(1))\n",
	}, "\n"), 4),
}

// TestHolesFollowEdits holds that what an updated tree takes over from the tree
// before is what it would have found itself.
func TestHolesFollowEdits(t *testing.T) {
	for id, source := range stubSources {
		t.Run(id, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 4))
			for range 12 {
				tree := mustParse(t, id, source)
				for range 8 {
					tree.Holes() // there must be something to take over
					updated, _ := randomUpdate(t, rng, tree)
					checkHoles(t, updated)
					tree = updated
				}
			}
		})
	}
}

// checkHoles compares an updated tree's holes with those of the same source
// that has no history.
func checkHoles(t *testing.T, updated *Tree) {
	t.Helper()
	fresh, err := Parse(updated.Language(), updated.Source())
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if diff := cmp.Diff(fresh.Holes(), updated.Holes()); diff != "" {
		t.Fatalf("the holes of %q differ (-fresh +updated):\n%s", updated.Source(), diff)
	}
}

// An edit is asked about once: what lies before and behind it is taken over.
func TestSectionsAreTakenOver(t *testing.T) {
	source := stubSources["go"]
	tree := mustParse(t, "go", source)
	tree.Holes()
	at := strings.Index(source, "use(x)")
	updated, err := tree.Splice(at, at, "y, ")
	if err != nil {
		t.Fatal(err)
	}
	defer updated.Close()
	inherited, asked := updated.inherited, 0
	for _, s := range updated.divided() {
		if _, ok := inherited.of(s); !ok {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("%d of %d sections are asked about, want the one that was edited", asked, len(updated.divided()))
	}
}
