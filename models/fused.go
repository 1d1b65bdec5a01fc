package models

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrNoFused is what errors.Is finds when a bundle has no fused graph.
var ErrNoFused = errors.New("the bundle has no fused graph: run models/train/fused.py on it")

// FusedGraph is the fused graph of docs/model.md with its weights: an ONNX file
// of its own, in float16 or float32. It takes new memory of about the size of the
// bundle.
//
// The bundle stores weights once, in its graph. A serialised protobuf message
// followed by another of the same type is both merged, so the initializers of the
// graph that are weights are appended to the nodes (models/train/fused.py).
func (b *Bundle) FusedGraph(half bool) ([]byte, error) {
	nodes, name := b.Fused, FusedFile
	if half {
		nodes, name = b.FusedHalf, FusedHalfFile
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("model bundle %s: %w", b.Source, ErrNoFused)
	}
	weights, err := weightsOf(b.Graph)
	if err != nil {
		return nil, &Error{b.Source, GraphFile, err}
	}
	if len(weights) == 0 {
		return nil, &Error{b.Source, name, errors.New("needs the weights of " + GraphFile + ", which has none")}
	}
	out := make([]byte, 0, len(nodes)+len(weights)+16)
	out = append(out, nodes...)
	out = protowire.AppendTag(out, fieldGraph, protowire.BytesType)
	return protowire.AppendBytes(out, weights), nil
}

// The fields of onnx.proto that are looked at.
const (
	fieldGraph       = 7 // ModelProto.graph
	fieldInitializer = 5 // GraphProto.initializer
	fieldName        = 8 // TensorProto.name
)

// weightsOf returns a serialised GraphProto with nothing but the initializers of
// an ONNX file that are weights.
func weightsOf(model []byte) ([]byte, error) {
	var out []byte
	err := eachField(model, func(number protowire.Number, value, _ []byte) error {
		if number != fieldGraph {
			return nil
		}
		return eachField(value, func(number protowire.Number, tensor, whole []byte) error {
			if number != fieldInitializer {
				return nil
			}
			weight := false
			err := eachField(tensor, func(number protowire.Number, value, _ []byte) error {
				if number == fieldName {
					weight = isWeight(string(value))
				}
				return nil
			})
			if weight {
				out = append(out, whole...)
			}
			return err
		})
	})
	return out, err
}

// isWeight: the others are constants of the graph's own, numbered or all ones.
func isWeight(name string) bool {
	return !strings.HasPrefix(name, "const_") && !strings.HasPrefix(name, "ones.")
}

// eachField calls f with the length-delimited fields of a message: with the
// value, and with the whole field, tag included.
func eachField(message []byte, f func(number protowire.Number, value, whole []byte) error) error {
	for len(message) > 0 {
		number, kind, tag := protowire.ConsumeTag(message)
		if tag < 0 {
			return fmt.Errorf("is no ONNX file: %w", protowire.ParseError(tag))
		}
		n := protowire.ConsumeFieldValue(number, kind, message[tag:])
		if n < 0 {
			return fmt.Errorf("is no ONNX file: %w", protowire.ParseError(n))
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message[tag:])
			if err := f(number, value, message[:tag+n]); err != nil {
				return err
			}
		}
		message = message[tag+n:]
	}
	return nil
}
