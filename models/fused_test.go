package models

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// TestFusedGraph: the nodes of the fused graph come first, then the weights of the
// graph, and nothing else of it.
func TestFusedGraph(t *testing.T) {
	b, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for half, nodes := range map[bool][]byte{false: b.Fused, true: b.FusedHalf} {
		joined, err := b.FusedGraph(half)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(joined, nodes) || len(joined) > len(nodes)+len(b.Graph) || len(joined) < len(b.Graph)*9/10 {
			t.Errorf("half %v: %d bytes of %d and %d", half, len(joined), len(nodes), len(b.Graph))
		}
		names := map[string]int{}
		err = eachField(joined[len(nodes):], func(number protowire.Number, graph, _ []byte) error {
			return eachField(graph, func(field protowire.Number, tensor, _ []byte) error {
				if number != fieldGraph || field != fieldInitializer {
					t.Errorf("field %d of field %d is not an initializer", field, number)
				}
				return eachField(tensor, func(number protowire.Number, value, _ []byte) error {
					if number == fieldName {
						names[string(value)]++
					}
					return nil
				})
			})
		})
		if err != nil || names["emb"] != 1 || names["layers.0.wqkv"] != 1 || names["quality.w"] != 1 {
			t.Errorf("half %v: %v, the weights are %v", half, err, names)
		}
		for name := range names {
			if strings.HasPrefix(name, "const_") {
				t.Errorf("%s is no weight", name)
			}
		}
	}
}

func TestFusedGraphRefuses(t *testing.T) {
	if _, err := (&Bundle{Source: "here"}).FusedGraph(false); !errors.Is(err, ErrNoFused) || !strings.Contains(err.Error(), "fused.py") {
		t.Errorf("no fused graph: got %v", err)
	}
	for name, graph := range map[string][]byte{"no ONNX file": []byte("hello"), "has none": nil} {
		if _, err := (&Bundle{Fused: []byte{1}, Graph: graph}).FusedGraph(false); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: got %v", name, err)
		}
	}
}
