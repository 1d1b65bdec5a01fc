package ort

import (
	"fmt"

	ortgo "github.com/yalue/onnxruntime_go"

	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// Format is the version of the ONNX contract that this package speaks.
const Format = "1"

// readMetadata checks what the model says of itself against the contract.
func readMetadata(session *ortgo.DynamicAdvancedSession, tokenizerSHA256 string) (sched.Model, error) {
	metadata, err := session.GetModelMetadata()
	if err != nil {
		return sched.Model{}, fmt.Errorf("the model's metadata cannot be read: %w", err)
	}
	defer metadata.Destroy()
	return parseMetadata(metadata.LookupCustomMetadataMap, tokenizerSHA256)
}

// parseMetadata is readMetadata over any source of entries.
func parseMetadata(lookup func(key string) (string, bool, error), tokenizerSHA256 string) (sched.Model, error) {
	entries := map[string]string{}
	for _, key := range []string{"lacuna.format", "lacuna.name", "lacuna.vocab_sha256", "lacuna.config"} {
		value, ok, err := lookup(key)
		if err != nil {
			return sched.Model{}, fmt.Errorf("the model's metadata cannot be read: %w", err)
		}
		if !ok {
			return sched.Model{}, fmt.Errorf("the model has no metadata entry %s: it is not a Lacuna model; export it with models/train/export.py", key)
		}
		entries[key] = value
	}
	if got := entries["lacuna.format"]; got != Format {
		return sched.Model{}, fmt.Errorf("the model has format %s, this program reads format %s: use a model and a program of the same release", got, Format)
	}
	if got := entries["lacuna.vocab_sha256"]; got != tokenizerSHA256 {
		return sched.Model{}, fmt.Errorf("the model was exported with another tokenizer (sha256 %.12s..., given %.12s...): take both files from the same bundle", got, tokenizerSHA256)
	}
	model, err := sched.ParseConfig(entries["lacuna.name"], []byte(entries["lacuna.config"]))
	if err != nil {
		return sched.Model{}, fmt.Errorf("the model's lacuna.config %w", err)
	}
	return model, nil
}
