package models

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Byte slices and not an embed.FS, which would copy them.
var (
	//go:embed small/manifest.json
	smallManifest []byte
	//go:embed small/model.onnx
	smallGraph []byte
	//go:embed small/tokenizer.json
	smallTokenizer []byte
	//go:embed small/fused.onnx
	smallFused []byte
	//go:embed small/fused16.onnx
	smallFusedHalf []byte
	//go:embed small/README.md
	smallCard []byte
)

// EmbeddedSource is the Source of the default bundle.
const EmbeddedSource = "embedded"

// Bundle is a model whose files have been checked.
type Bundle struct {
	Manifest  Manifest
	Graph     []byte // model.onnx
	Tokenizer []byte // tokenizer.json
	// Fused and FusedHalf are the nodes of the fused graph, see FusedGraph;
	// empty when the bundle has none.
	Fused, FusedHalf []byte
	Card             string // the model card, README.md; empty when there is none
	// Source is the folder it came from, or EmbeddedSource.
	Source string
}

// TokenizerSHA256 is the digest of the tokenizer that the graph's metadata
// must repeat.
func (b *Bundle) TokenizerSHA256() string { return b.Manifest.Files[TokenizerFile].SHA256 }

// GraphSHA256 is the digest of the graph.
func (b *Bundle) GraphSHA256() string { return b.Manifest.Files[GraphFile].SHA256 }

// Error says which file of a bundle is at fault, what is wrong with it and
// what to do.
type Error struct {
	Source string // as in Bundle
	File   string
	Err    error
}

// Error implements error.
func (e *Error) Error() string {
	remedy := "export or copy the bundle again"
	if e.Source == EmbeddedSource {
		remedy = "the program itself is damaged, install it again"
	}
	return fmt.Sprintf("model bundle %s: %s %v (%s)", e.Source, e.File, e.Err, remedy)
}

// Unwrap returns what is wrong with the file.
func (e *Error) Unwrap() error { return e.Err }

// Default returns the embedded bundle.
func Default() (*Bundle, error) {
	files := map[string][]byte{
		ManifestFile:  smallManifest,
		GraphFile:     smallGraph,
		TokenizerFile: smallTokenizer,
		FusedFile:     smallFused,
		FusedHalfFile: smallFusedHalf,
		CardFile:      smallCard,
	}
	return load(func(name string) ([]byte, error) { return files[name], nil }, EmbeddedSource)
}

// Load reads the bundle in the folder dir. Errors about its files are of type
// *Error.
func Load(dir string) (*Bundle, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("model bundle: %w (give a folder with %s, %s and %s)", err, ManifestFile, GraphFile, TokenizerFile)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("model bundle %s: is a file, give the folder that it is in", dir)
	}
	return load(func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, name)) }, dir)
}

// load checks the files that read returns.
func load(read func(name string) ([]byte, error), source string) (*Bundle, error) {
	data, err := read(ManifestFile)
	if err != nil {
		return nil, &Error{source, ManifestFile, readFault(err)}
	}
	manifest, err := parseManifest(data)
	if err != nil {
		return nil, &Error{source, ManifestFile, err}
	}
	bundle := &Bundle{Manifest: manifest, Source: source}
	if bundle.Graph, err = checked(read, manifest, GraphFile); err != nil {
		return nil, &Error{source, GraphFile, err}
	}
	if bundle.Tokenizer, err = checked(read, manifest, TokenizerFile); err != nil {
		return nil, &Error{source, TokenizerFile, err}
	}
	for name, into := range map[string]*[]byte{FusedFile: &bundle.Fused, FusedHalfFile: &bundle.FusedHalf} {
		if _, ok := manifest.Files[name]; !ok {
			continue
		}
		// A copy without them is one that runs step by step.
		if *into, err = checked(read, manifest, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, &Error{source, name, err}
		}
	}
	card, err := read(CardFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{source, CardFile, readFault(err)}
	}
	bundle.Card = string(card)
	return bundle, nil
}

// checked returns a file that is exactly what the manifest says.
func checked(read func(name string) ([]byte, error), manifest Manifest, name string) ([]byte, error) {
	data, err := read(name)
	if err != nil {
		return nil, readFault(err)
	}
	want, got := manifest.Files[name], int64(len(data))
	switch {
	case got < want.Size:
		return nil, fmt.Errorf("is truncated: %d of %d bytes", got, want.Size)
	case got > want.Size:
		return nil, fmt.Errorf("is too long: %d bytes, the manifest says %d", got, want.Size)
	}
	digest := sha256.Sum256(data)
	if hex.EncodeToString(digest[:]) != want.SHA256 {
		return nil, fmt.Errorf("is altered: its sha256 is %x, the manifest says %s", digest, want.SHA256)
	}
	return data, nil
}

// readFault words the common case without the path that Error adds anyway.
func readFault(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("is missing: %w", fs.ErrNotExist)
	}
	return fmt.Errorf("cannot be read: %w", err)
}
