package ort

import (
	"encoding/json"
	"fmt"

	ortgo "github.com/yalue/onnxruntime_go"

	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// Format is the version of the ONNX contract that this package speaks.
const Format = "1"

// modelConfig is lacuna.config of docs/model.md.
type modelConfig struct {
	DModel      int   `json:"d_model"`
	Layers      int   `json:"n_layer"`
	Heads       int   `json:"n_head"`
	KVHeads     int   `json:"n_kv"`
	HeadDim     int   `json:"head_dim"`
	FFN         int   `json:"ffn"`
	Vocab       int   `json:"vocab"`
	TopK        int   `json:"top_k"`
	LeftWindow  int   `json:"left_window"`
	RightWindow int   `json:"right_window"`
	Canvases    []int `json:"canvases"`
	Snippets    bool  `json:"snippets"` // may be absent: models before there were any
}

// leastForSnippets is the left window below which snippets would leave too
// little room for the document.
const leastForSnippets = 512

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
	var c modelConfig
	if err := json.Unmarshal([]byte(entries["lacuna.config"]), &c); err != nil {
		return sched.Model{}, fmt.Errorf("the model's lacuna.config is not valid: %w", err)
	}
	return c.model(entries["lacuna.name"])
}

func (c modelConfig) model(name string) (sched.Model, error) {
	sizes := []struct {
		key   string
		value int
	}{
		{"n_layer", c.Layers}, {"n_kv", c.KVHeads}, {"head_dim", c.HeadDim}, {"vocab", c.Vocab},
		{"top_k", c.TopK}, {"left_window", c.LeftWindow}, {"right_window", c.RightWindow},
		{"canvases", len(c.Canvases)},
	}
	for _, s := range sizes {
		if s.value <= 0 {
			return sched.Model{}, fmt.Errorf("the model's lacuna.config has no %s", s.key)
		}
	}
	if c.Snippets && c.LeftWindow < leastForSnippets {
		return sched.Model{}, fmt.Errorf("the model's lacuna.config has snippets, but its left_window %d is less than %d", c.LeftWindow, leastForSnippets)
	}
	return sched.Model{
		Name:        name,
		Vocab:       c.Vocab,
		Layers:      c.Layers,
		KVHeads:     c.KVHeads,
		HeadDim:     c.HeadDim,
		TopK:        c.TopK,
		LeftWindow:  c.LeftWindow,
		RightWindow: c.RightWindow,
		Canvases:    c.Canvases,
		Snippets:    c.Snippets,
	}, nil
}
