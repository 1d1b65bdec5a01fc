package lacuna_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/lacuna-dev/lacuna"

// layers are the folders that hold Go packages, and the layers each may import.
// An arrow that is not here needs a reason in forbidden.
var layers = map[string][]string{
	"cmd":      {"lsp", "infill", "runtime", "grammars", "models"},
	"lsp":      {"infill", "grammars"},
	"runtime":  {"infill"},
	"infill":   {"grammars"},
	"grammars": {},
	"models":   {},
}

// forbidden gives the reason for every arrow that must not be drawn.
var forbidden = map[[2]string]string{
	{"lsp", "cmd"}:      "a command puts the parts together; a part cannot know which command it is in",
	{"infill", "cmd"}:   "a command puts the parts together; a part cannot know which command it is in",
	{"runtime", "cmd"}:  "a command puts the parts together; a part cannot know which command it is in",
	{"grammars", "cmd"}: "a command puts the parts together; a part cannot know which command it is in",
	{"models", "cmd"}:   "a command puts the parts together; a part cannot know which command it is in",

	{"lsp", "runtime"}: "the server asks infill.Filler; with an engine of its own it could not be tested without ONNX Runtime",
	{"lsp", "models"}:  "which model is loaded is the command's choice; the server works with any infill.Filler",

	{"infill", "lsp"}:     "infill counts in bytes and serves the command line as well; positions and requests are the editor's concern",
	{"infill", "runtime"}: "infill defines Denoiser and is tested with one of a few lines; how a model is run may change under it",
	{"infill", "models"}:  "infill learns about the vocabulary from Denoiser.Info, so that it works with any bundle",

	{"runtime", "lsp"}:      "an engine serves tokens; whoever wants them over a wire is none of its business",
	{"runtime", "grammars"}: "an engine sees tokens, never text: syntax belongs to infill",
	{"runtime", "models"}:   "an engine takes a graph as bytes, so that it can be tested with a graph of a few nodes",

	{"grammars", "lsp"}:     "grammars counts in bytes and is used without an editor",
	{"grammars", "infill"}:  "grammars says where holes are, not what goes into them; the other way round is a cycle",
	{"grammars", "runtime"}: "parsing must work where no model and no ONNX Runtime is",
	{"grammars", "models"}:  "parsing must work where no model is",

	{"models", "lsp"}:      "a bundle is data with a checksum; it must be readable by any tool",
	{"models", "infill"}:   "a bundle is data with a checksum; it must be readable by any tool",
	{"models", "runtime"}:  "a bundle is checked before an engine sees it, also where ONNX Runtime is missing",
	{"models", "grammars"}: "a tokenizer sees bytes, not syntax",
}

// inTests gives the reason for every forbidden arrow that a test may draw.
var inTests = map[[2]string]string{
	{"runtime", "models"}: "the engine's tests run the bundle that is shipped",
	{"infill", "models"}:  "that constraints allow what is right is to be shown with the tokens that are shipped",
}

// onlyImporters names the modules that one package alone may know.
var onlyImporters = []struct{ module, importer, why string }{
	{"go.lsp.dev/", "lsp", "the protocol's types change with the protocol; nothing below the server may depend on them"},
	{"github.com/smacker/go-tree-sitter", "grammars", "a Tree is C memory with rules of its own, which grammars.Tree keeps"},
	{"github.com/yalue/onnxruntime_go", "runtime/ort", "tensors and sessions are C memory with rules of their own, which runtime/ort keeps"},
}

// goImport is one import of one Go file.
type goImport struct{ file, dir, path string }

func goImports(t *testing.T) []goImport {
	t.Helper()
	var imports []goImport
	for _, file := range repositoryFiles(t) {
		if path.Ext(file) != ".go" || isFixture(file) || strings.HasPrefix(file, "tools/") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			imports = append(imports, goImport{file, path.Dir(file), name})
		}
	}
	if len(imports) == 0 {
		t.Fatal("no imports found: the test looks in the wrong place")
	}
	return imports
}

// layer is the first element of a package's folder.
func layer(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}

func TestEveryArrowIsAllowedOrForbiddenWithAReason(t *testing.T) {
	for from, allowed := range layers {
		for to := range layers {
			_, no := forbidden[[2]string{from, to}]
			if yes := slices.Contains(allowed, to); from != to && yes == no {
				t.Errorf("%s -> %s: allowed %v, forbidden %v; want exactly one", from, to, yes, no)
			}
		}
	}
}

func TestImportsFollowTheLayers(t *testing.T) {
	for _, imp := range goImports(t) {
		inner, ok := strings.CutPrefix(imp.path, module+"/")
		if !ok {
			continue
		}
		from, to := layer(imp.dir), layer(inner)
		if _, ok := inTests[[2]string{from, to}]; ok && strings.HasSuffix(imp.file, "_test.go") {
			continue
		}
		if why, no := forbidden[[2]string{from, to}]; no {
			t.Errorf("%s imports %s: %s", imp.file, imp.path, why)
		} else if from != to && !slices.Contains(layers[from], to) {
			t.Errorf("%s imports %s: an arrow nobody has thought about; see layers in this file", imp.file, imp.path)
		}
	}
}

func TestSomeModulesHaveOneImporter(t *testing.T) {
	for _, imp := range goImports(t) {
		for _, only := range onlyImporters {
			inside := imp.dir == only.importer || strings.HasPrefix(imp.dir, only.importer+"/")
			if strings.HasPrefix(imp.path, only.module) && !inside {
				t.Errorf("%s imports %s, which only %s may: %s", imp.file, imp.path, only.importer, only.why)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	documented := map[string]bool{}
	for _, file := range repositoryFiles(t) {
		if path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") || isFixture(file) {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Error(err)
			continue
		}
		dir := path.Dir(file)
		comment := parsed.Doc.Text()
		documented[dir] = documented[dir] || comment != ""
		if want := fmt.Sprintf("Package %s ", parsed.Name); comment != "" && parsed.Name.Name != "main" && !strings.HasPrefix(comment, want) {
			t.Errorf("%s: the package comment begins %.30q, want %q", file, comment, want)
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment: say what the package is for and what it must never know", dir)
		}
	}
}

func TestNoGoFileDirectlyInRuntime(t *testing.T) {
	for _, file := range repositoryFiles(t) {
		if path.Dir(file) == "runtime" && path.Ext(file) == ".go" {
			t.Errorf("%s: a package named runtime would shadow the standard one", file)
		}
	}
}
