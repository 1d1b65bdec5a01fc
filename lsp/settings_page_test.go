package lsp

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/settings.md from the comments in settings.go")

const settingsPage = "../docs/settings.md"

// TestSettingsPage keeps docs/settings.md what the comments in settings.go say.
func TestSettingsPage(t *testing.T) {
	want := renderSettings(t)
	if *update {
		if err := os.WriteFile(settingsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(settingsPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/settings.md is stale, run go test ./lsp -run TestSettingsPage -update (-want +got):\n%s", diff)
	}
}

func renderSettings(t *testing.T) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "settings.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	structs := map[string]*ast.StructType{}
	docs := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		decl, ok := n.(*ast.GenDecl)
		if !ok || decl.Tok != token.TYPE {
			return true
		}
		for _, spec := range decl.Specs {
			spec := spec.(*ast.TypeSpec)
			if s, ok := spec.Type.(*ast.StructType); ok {
				structs[spec.Name.Name], docs[spec.Name.Name] = s, decl.Doc.Text()
			}
		}
		return true
	})
	var b strings.Builder
	b.WriteString("<!-- Made from the comments in lsp/settings.go: go test ./lsp -run TestSettingsPage -update -->\n\n# Settings\n\n")
	b.WriteString(strings.Replace(docs["Settings"], "Settings is the", "The", 1))
	writeSettings(&b, structs, "Settings", "lacuna")
	return b.String()
}

func writeSettings(b *strings.Builder, structs map[string]*ast.StructType, name, prefix string) {
	for _, field := range structs[name].Fields.List {
		key := prefix + "." + reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json")
		kind := typeName(field.Type)
		if _, nested := structs[kind]; nested {
			writeSettings(b, structs, kind, key)
			continue
		}
		fmt.Fprintf(b, "\n## `%s`\n\n%s\nType: `%s`.\n", key, field.Doc.Text(), kind)
	}
}

// typeName is the JSON type of a field, or the name of a nested section.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		switch e.Name {
		case "bool":
			return "boolean"
		case "float64":
			return "number"
		}
		return e.Name
	case *ast.MapType:
		return "object of " + typeName(e.Value)
	}
	return "?"
}
