package sched

import (
	"encoding/json"
	"fmt"
)

// modelConfig is lacuna.config of docs/model.md.
type modelConfig struct {
	DModel      int       `json:"d_model"`
	Layers      int       `json:"n_layer"`
	Heads       int       `json:"n_head"`
	KVHeads     int       `json:"n_kv"`
	HeadDim     int       `json:"head_dim"`
	FFN         int       `json:"ffn"`
	Vocab       int       `json:"vocab"`
	TopK        int       `json:"top_k"`
	LeftWindow  int       `json:"left_window"`
	RightWindow int       `json:"right_window"`
	Canvases    []int     `json:"canvases"`
	Snippets    bool      `json:"snippets"`  // may be absent: models before there were any
	Objective   Objective `json:"objective"` // absent but for baselines
}

// leastForSnippets is the left window below which snippets would leave too
// little room for the document.
const leastForSnippets = 512

// ParseConfig reads what lacuna.config of docs/model.md says of a model. Its errors
// go on from the name of what was read.
func ParseConfig(name string, config []byte) (Model, error) {
	var c modelConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return Model{}, fmt.Errorf("is not valid: %w", err)
	}
	return c.model(name)
}

func (c modelConfig) model(name string) (Model, error) {
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
			return Model{}, fmt.Errorf("has no %s", s.key)
		}
	}
	if o := c.Objective; o != TwoStreams && o != FIM && o != Bidirectional {
		return Model{}, fmt.Errorf("has the objective %q, which this program does not know: use a model and a program of the same release", o)
	}
	if c.Snippets && c.LeftWindow < leastForSnippets {
		return Model{}, fmt.Errorf("has snippets, but its left_window %d is less than %d", c.LeftWindow, leastForSnippets)
	}
	return Model{
		Name:        name,
		Vocab:       c.Vocab,
		Width:       c.DModel,
		Layers:      c.Layers,
		Heads:       c.Heads,
		KVHeads:     c.KVHeads,
		HeadDim:     c.HeadDim,
		FFN:         c.FFN,
		TopK:        c.TopK,
		LeftWindow:  c.LeftWindow,
		RightWindow: c.RightWindow,
		Canvases:    c.Canvases,
		Snippets:    c.Snippets,
		Objective:   c.Objective,
	}, nil
}
