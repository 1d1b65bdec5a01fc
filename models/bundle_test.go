package models

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefault(t *testing.T) {
	b, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	if b.Source != EmbeddedSource || b.Manifest.Name == "" || len(b.Graph) == 0 || len(b.Tokenizer) == 0 {
		t.Errorf("the embedded bundle lacks something: source %q, name %q, %d and %d bytes",
			b.Source, b.Manifest.Name, len(b.Graph), len(b.Tokenizer))
	}
	// What the graph's metadata must repeat.
	if !bytes.Contains(b.Graph, []byte(b.TokenizerSHA256())) {
		t.Error("the graph does not name the tokenizer of its bundle")
	}
}

// unpack writes the embedded bundle into a folder.
func unpack(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		ManifestFile: smallManifest, GraphFile: smallGraph, TokenizerFile: smallTokenizer, FusedFile: smallFused,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoad(t *testing.T) {
	dir := unpack(t)
	b, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if b.Source != dir || !bytes.Equal(b.Graph, smallGraph) || !bytes.Equal(b.Tokenizer, smallTokenizer) {
		t.Errorf("Load(%s) is not what was written", dir)
	}
}

func TestLoadDamaged(t *testing.T) {
	manifest := func(old, new string) func([]byte) []byte {
		return func(data []byte) []byte { return bytes.Replace(data, []byte(old), []byte(new), 1) }
	}
	tests := []struct {
		name   string
		file   string
		damage func([]byte) []byte // nil removes the file
		want   string
	}{
		{"no manifest", ManifestFile, nil, "manifest.json is missing"},
		{"no graph", GraphFile, nil, "model.onnx is missing"},
		{"no tokenizer", TokenizerFile, nil, "tokenizer.json is missing"},
		{"truncated", GraphFile, func(b []byte) []byte { return b[:len(b)/2] }, "model.onnx is truncated"},
		{"empty", GraphFile, func([]byte) []byte { return nil }, "model.onnx is truncated: 0 of"},
		{"longer", TokenizerFile, func(b []byte) []byte { return append(b, '\n') }, "tokenizer.json is too long"},
		{"altered", GraphFile, func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, "model.onnx is altered"},
		{"empty manifest", ManifestFile, func([]byte) []byte { return nil }, "manifest.json is empty"},
		{"half a manifest", ManifestFile, func(b []byte) []byte { return b[:len(b)/2] }, "manifest.json is not valid JSON"},
		{"other format", ManifestFile, manifest(`"format": 1`, `"format": 2`), "format 2, this program reads format 1"},
		{"no format", ManifestFile, manifest(`"format": 1`, `"x": 1`), "format 0"},
		{"altered fused graph", FusedFile, func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, "fused.onnx is altered"},
		{"nameless", ManifestFile, manifest(`"name":`, `"called":`), "has no name"},
		{"graph not listed", ManifestFile, manifest(GraphFile, "graph.onnx"), "does not list model.onnx"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := unpack(t)
			path := filepath.Join(dir, test.file)
			if test.damage == nil {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			} else {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, test.damage(data), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Load(dir)
			var fault *Error
			if !errors.As(err, &fault) {
				t.Fatalf("got error %v, want an *Error", err)
			}
			if fault.File != test.file || fault.Source != dir {
				t.Errorf("the error blames %s in %s", fault.File, fault.Source)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want it to say %q", err, test.want)
			}
			if test.damage == nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v, want fs.ErrNotExist in it", err)
			}
		})
	}
}

func TestLoadNoFolder(t *testing.T) {
	dir := unpack(t)
	if _, err := Load(filepath.Join(dir, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
	if _, err := Load(filepath.Join(dir, GraphFile)); err == nil || !strings.Contains(err.Error(), "give the folder") {
		t.Errorf("a file for a folder: %v", err)
	}
}
