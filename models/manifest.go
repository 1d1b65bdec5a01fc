package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Format is the version of the bundle, and of the ONNX contract in it, that
// this package reads.
const Format = 1

// The files that a bundle must have beside its manifest.
const (
	ManifestFile  = "manifest.json"
	GraphFile     = "model.onnx"
	TokenizerFile = "tokenizer.json"
	// FusedFile and FusedHalfFile are the fused graph without weights, for
	// float32 and for float16. A bundle from before there was one lacks both.
	FusedFile     = "fused.onnx"
	FusedHalfFile = "fused16.onnx"
	// CardFile is the model card. It is not in the manifest: no result depends on it.
	CardFile = "README.md"
)

// Manifest describes a bundle. models/train/export.py writes it.
type Manifest struct {
	Format    int             `json:"format"`
	Name      string          `json:"name"`
	Precision string          `json:"precision"` // how the weights are held: PRECISIONS of export.py
	Files     map[string]File `json:"files"`
	// Config is lacuna.config of docs/model.md.
	Config json.RawMessage `json:"config"`
	// Calibration makes confidences probabilities; models/train/calibrate.py fits
	// it and infill uses it. Nil for a bundle without.
	Calibration *Calibration `json:"calibration,omitempty"`
	// Training is free-form: data, steps, results.
	Training json.RawMessage `json:"training"`
}

// Calibration has the weights of a logistic regression; see infill.Calibration.
type Calibration struct {
	Bias       float64 `json:"bias"`
	Confidence float64 `json:"confidence"`
	Tokens     float64 `json:"tokens"`
}

// File is what the manifest says of a file.
type File struct {
	SHA256 string `json:"sha256"` // lower-case hexadecimal
	Size   int64  `json:"size"`   // bytes
}

func parseManifest(data []byte) (Manifest, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return Manifest{}, errors.New("is empty")
	}
	// The format comes first: another one may differ in everything else.
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Manifest{}, fmt.Errorf("is not valid JSON: %w", err)
	}
	if head.Format != Format {
		return Manifest{}, fmt.Errorf("has format %d, this program reads format %d: use a model and a program of the same release", head.Format, Format)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, fmt.Errorf("is not valid: %w", err)
	}
	if m.Name == "" {
		return Manifest{}, errors.New("has no name")
	}
	for _, name := range []string{GraphFile, TokenizerFile} {
		if _, ok := m.Files[name]; !ok {
			return Manifest{}, fmt.Errorf("does not list %s", name)
		}
	}
	return m, nil
}
