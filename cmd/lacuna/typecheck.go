package main

import (
	"context"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
)

// typeChecker says whether changed Go files still type-check in their packages,
// with go/types. It reads imported packages from source, each once and without
// function bodies, so that a standard library costs a second and not minutes.
// It is for one goroutine.
type typeChecker struct {
	build    build.Context
	fset     *token.FileSet
	found    map[[2]string]*build.Package // by import path and importing folder
	imported map[string]*types.Package    // by folder; nil while being checked

	// What was asked about last; holes of a file come one after another.
	unit *typeUnit
	path string
}

// newTypeChecker needs an installed Go.
func newTypeChecker(ctx context.Context) (*typeChecker, error) {
	source, err := standardLibrary(ctx, "go")
	if err != nil {
		return nil, err
	}
	// The corpora have been brought to their real paths, and folders compare
	// as text.
	source, err = filepath.EvalSymlinks(source)
	if err != nil {
		return nil, err
	}
	b := build.Default
	b.GOROOT = filepath.Dir(source)
	b.CgoEnabled = false // packages have a way without it, which needs no C compiler
	return &typeChecker{
		build: b, fset: token.NewFileSet(),
		found: map[[2]string]*build.Package{}, imported: map[string]*types.Package{},
	}, nil
}

// typeUnit is a file and what is compiled with it.
type typeUnit struct {
	checker *typeChecker
	path    string
	dir     string
	pkg     string      // import path
	others  []*ast.File // of the package, without function bodies
	own     *types.Package
	before  map[string]bool // what go/types has to say of the others
}

// accepts says whether a file with changed text type-checks as the file did
// before. checked is false if it did not before, or if this platform does not
// build it: nothing can be told then.
func (t *typeChecker) accepts(path string, original, changed []byte) (ok, checked bool) {
	if t.path != path {
		t.path, t.unit = path, t.newUnit(path, original)
	}
	if t.unit == nil {
		return false, false
	}
	inFile, inOthers, parses := t.unit.check(changed)
	if !parses || len(inFile) > 0 {
		return false, true
	}
	return !slices.ContainsFunc(inOthers, func(e string) bool { return !t.unit.before[e] }), true
}

// newUnit is nil for a file that cannot be checked.
func (t *typeChecker) newUnit(path string, original []byte) *typeUnit {
	dir, name := filepath.Split(path)
	p, err := t.build.ImportDir(filepath.Clean(dir), 0)
	if err != nil {
		return nil
	}
	u := &typeUnit{checker: t, path: path, dir: p.Dir, pkg: p.ImportPath, before: map[string]bool{}}
	var names []string
	switch {
	case slices.Contains(p.GoFiles, name):
		names = p.GoFiles
	case slices.Contains(p.TestGoFiles, name):
		names = append(slices.Clone(p.GoFiles), p.TestGoFiles...)
	case slices.Contains(p.XTestGoFiles, name):
		names = p.XTestGoFiles
		// It sees what the tests inside the package declare for it.
		u.own = t.importFiles(p.ImportPath, p.Dir, append(slices.Clone(p.GoFiles), p.TestGoFiles...))
		u.pkg += "_test"
	default:
		return nil
	}
	for _, other := range names {
		if other == name {
			continue
		}
		file, err := parser.ParseFile(t.fset, filepath.Join(p.Dir, other), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				f.Body = nil
			}
		}
		u.others = append(u.others, file)
	}
	inFile, inOthers, parses := u.check(original)
	if !parses || len(inFile) > 0 {
		return nil
	}
	// Functions without bodies, and the imports that only they used.
	for _, e := range inOthers {
		u.before[e] = true
	}
	return u
}

// check lists the errors of the file with a text, and those of the other files.
func (u *typeUnit) check(text []byte) (inFile, inOthers []string, parses bool) {
	t := u.checker
	file, err := parser.ParseFile(t.fset, u.path, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, false
	}
	config := t.config(u)
	config.Error = func(err error) {
		e, ok := err.(types.Error)
		if at := t.fset.Position(e.Pos); ok && at.Filename != u.path {
			inOthers = append(inOthers, err.Error())
			return
		}
		inFile = append(inFile, err.Error())
	}
	// The errors have been seen one by one.
	_, _ = config.Check(u.pkg, t.fset, append([]*ast.File{file}, u.others...), nil)
	return inFile, inOthers, true
}

func (t *typeChecker) config(importer types.ImporterFrom) *types.Config {
	return &types.Config{
		Importer:    importer,
		FakeImportC: true,
		Sizes:       types.SizesFor(t.build.Compiler, t.build.GOARCH),
	}
}

// Import is there for the interface; go/types calls ImportFrom.
func (u *typeUnit) Import(path string) (*types.Package, error) { return u.ImportFrom(path, "", 0) }

// ImportFrom is that of the checker, but for the package that the file tests.
func (u *typeUnit) ImportFrom(path, dir string, mode types.ImportMode) (*types.Package, error) {
	if u.own != nil {
		if p, err := u.checker.find(path, dir); err == nil && p.Dir == u.dir {
			return u.own, nil
		}
	}
	return u.checker.ImportFrom(path, dir, mode)
}

// Import is there for the interface; go/types calls ImportFrom.
func (t *typeChecker) Import(path string) (*types.Package, error) { return t.ImportFrom(path, "", 0) }

// ImportFrom returns a package as seen from a folder.
func (t *typeChecker) ImportFrom(path, dir string, _ types.ImportMode) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	p, err := t.find(path, dir)
	if err != nil {
		return nil, err
	}
	pkg, seen := t.imported[p.Dir]
	if seen && pkg == nil {
		return nil, fmt.Errorf("%s imports itself", path)
	}
	if !seen {
		t.imported[p.Dir] = nil
		pkg = t.importFiles(p.ImportPath, p.Dir, p.GoFiles)
		t.imported[p.Dir] = pkg
	}
	return pkg, nil
}

func (t *typeChecker) find(path, dir string) (*build.Package, error) {
	key := [2]string{path, dir}
	if p, ok := t.found[key]; ok {
		return p, nil
	}
	// Outside of the standard library this asks the go command, in that folder.
	b := t.build
	b.Dir = dir
	p, err := b.Import(path, dir, 0)
	if err != nil {
		return nil, err
	}
	t.found[key] = p
	return p, nil
}

// importFiles checks what files declare. A package with errors is as good as
// can be: who imports it has errors too, or does not care.
func (t *typeChecker) importFiles(path, dir string, names []string) *types.Package {
	var files []*ast.File
	for _, name := range names {
		if file, err := parser.ParseFile(t.fset, filepath.Join(dir, name), nil, parser.SkipObjectResolution); err == nil {
			files = append(files, file)
		}
	}
	config := t.config(t)
	config.IgnoreFuncBodies = true
	config.Error = func(error) {}
	pkg, _ := config.Check(path, t.fset, files, nil)
	return pkg
}
