package lsp

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/settings.md and the JSON schema from the comments in settings.go")

const (
	settingsPage   = "../docs/settings.md"
	settingsSchema = "../editors/vscode/settings.schema.json"
)

// TestSettingsPage keeps docs/settings.md what the comments in settings.go say.
func TestSettingsPage(t *testing.T) {
	doc, leaves := readSettings(t)
	var b strings.Builder
	b.WriteString("<!-- Made from the comments in lsp/settings.go: go test ./lsp -run TestSettings -update -->\n\n# Settings\n\n")
	b.WriteString(doc)
	for _, leaf := range leaves {
		fmt.Fprintf(&b, "\n## `%s`\n\n%s\nType: `%s`.\n", leaf.name, leaf.doc, leaf.kind())
	}
	upToDate(t, settingsPage, b.String())
}

// TestSettingsSchema keeps the schema what VS Code needs to show and check the
// settings: "contributes.configuration" of its extension.
func TestSettingsSchema(t *testing.T) {
	_, leaves := readSettings(t)
	properties := map[string]any{}
	for order, leaf := range leaves {
		properties[leaf.name] = leaf.schema(order)
	}
	raw, err := json.MarshalIndent(map[string]any{
		"$comment":   "Made from the comments in lsp/settings.go: go test ./lsp -run TestSettings -update",
		"title":      "Lacuna",
		"type":       "object",
		"properties": properties,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	upToDate(t, settingsSchema, string(raw)+"\n")
}

// TestSettingsComments: what a comment says of the default is so.
func TestSettingsComments(t *testing.T) {
	_, leaves := readSettings(t)
	for _, leaf := range leaves {
		raw, err := json.Marshal(leaf.value.Interface())
		if err != nil {
			t.Fatal(err)
		}
		says := strings.Join(strings.Fields(leaf.doc), " ")
		if leaf.value.Kind() != reflect.Map && !strings.HasSuffix(says, "Default: "+string(raw)+".") {
			t.Errorf("the comment of %s does not end with \"Default: %s.\"", leaf.name, raw)
		}
		if number := leaf.value.Kind() == reflect.Int || leaf.value.Kind() == reflect.Float64; number && leaf.tag.Get("max") == "" {
			t.Errorf("%s is a number without limits", leaf.name)
		}
	}
}

// upToDate compares a file that is made, or makes it.
func upToDate(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is stale, run go test ./lsp -run TestSettings -update (-want +got):\n%s", file, diff)
	}
}

// leaf is one setting.
type leaf struct {
	name, doc string
	tag       reflect.StructTag
	value     reflect.Value // the default
}

// readSettings reads the comments of settings.go beside the defaults.
func readSettings(t *testing.T) (doc string, leaves []leaf) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "settings.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{} // the comment of Struct.Field
	ast.Inspect(file, func(n ast.Node) bool {
		decl, ok := n.(*ast.GenDecl)
		if !ok || decl.Tok != token.TYPE {
			return true
		}
		for _, spec := range decl.Specs {
			spec := spec.(*ast.TypeSpec)
			if spec.Name.Name == "Settings" {
				doc, _, _ = strings.Cut(strings.Replace(decl.Doc.Text(), "Settings is the", "The", 1), "\n\n")
			}
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				fields[spec.Name.Name+"."+field.Names[0].Name] = field.Doc.Text()
			}
		}
		return true
	})
	var walk func(section reflect.Value, prefix string)
	walk = func(section reflect.Value, prefix string) {
		for i := range section.NumField() {
			field := section.Type().Field(i)
			name := prefix + "." + field.Tag.Get("json")
			if field.Type.Kind() == reflect.Struct {
				walk(section.Field(i), name)
				continue
			}
			leaves = append(leaves, leaf{name, fields[section.Type().Name()+"."+field.Name], field.Tag, section.Field(i)})
		}
	}
	walk(reflect.ValueOf(DefaultSettings()), section)
	return doc + "\n", leaves
}

// kind is the JSON type, for people.
func (l *leaf) kind() string {
	if allowed := enum(l.tag); allowed != nil {
		return fmt.Sprintf("one of %q", allowed)
	}
	switch l.value.Kind() {
	case reflect.Map:
		return "object of " + jsonType(l.value.Type().Elem())
	case reflect.Slice:
		return "array of " + jsonType(l.value.Type().Elem())
	}
	return jsonType(l.value.Type())
}

func (l *leaf) schema(order int) map[string]any {
	schema := map[string]any{
		"type":                jsonType(l.value.Type()),
		"markdownDescription": strings.Join(strings.Fields(l.doc), " "),
		"order":               order,
		"default":             l.value.Interface(),
	}
	switch l.value.Kind() {
	case reflect.Map:
		schema["default"] = map[string]any{}
		schema["additionalProperties"] = map[string]any{"type": jsonType(l.value.Type().Elem())}
	case reflect.Slice:
		schema["items"] = map[string]any{"type": jsonType(l.value.Type().Elem())}
	case reflect.Int, reflect.Float64:
		schema["minimum"], schema["maximum"] = limits(l.tag)
	case reflect.String:
		if allowed := enum(l.tag); allowed != nil {
			schema["enum"] = allowed
		}
	}
	return schema
}

func jsonType(of reflect.Type) string {
	switch of.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Map:
		return "object"
	case reflect.Slice:
		return "array"
	}
	return "string"
}
