package ort

import (
	"fmt"
	"time"

	ortgo "github.com/yalue/onnxruntime_go"
	"google.golang.org/protobuf/encoding/protowire"
)

// Ceiling is what the processor does through ONNX Runtime when nothing but the
// arithmetic is in the way: a product of two large square matrices.
type Ceiling struct {
	Float   float64 `json:"float_ops"` // operations a second on float32, a multiplication and an addition being two
	Integer float64 `json:"int8_ops"`  // on bytes with sums of 32 bits, as quantized layers have them
}

// MeasureCeiling multiplies matrices for about the time given and takes the best.
// Of config it needs Library and Threads.
func MeasureCeiling(config Config, long time.Duration) (Ceiling, error) {
	version, err := load(config.Library)
	if err != nil {
		return Ceiling{}, err
	}
	float, err := multiply[float32, float32, float32](config, version, "MatMul", [3]int32{1, 1, 1}, long/2)
	if err != nil {
		return Ceiling{}, err
	}
	integer, err := multiply[uint8, int8, int32](config, version, "MatMulInteger", [3]int32{2, 3, 6}, long/2)
	return Ceiling{Float: float, Integer: integer}, err
}

// ceilingSide is large enough that the products take some milliseconds and small
// enough that all three matrices fit a second-level cache or nearly.
const ceilingSide = 512

// leastRuns are needed before the library and the clock are warm.
const leastRuns = 5

// multiply runs a graph of one operator. types are the ONNX element types.
func multiply[A, B, C ortgo.TensorData](config Config, version, op string, types [3]int32, long time.Duration) (float64, error) {
	config.Graph = productGraph(op, types)
	session, err := openGraph(config, false, version, []string{"a", "b"}, []string{"c"})
	if err != nil {
		return 0, fmt.Errorf("measuring %s: %w", op, err)
	}
	defer session.Destroy()
	const cells = ceilingSide * ceilingSide
	b := &binding{}
	defer b.destroy()
	add(b, &b.inputs, "a", make([]A, cells), ceilingSide, ceilingSide)
	add(b, &b.inputs, "b", make([]B, cells), ceilingSide, ceilingSide)
	add(b, &b.outputs, "c", make([]C, cells), ceilingSide, ceilingSide)
	if b.err != nil {
		return 0, b.err
	}
	best := time.Duration(0)
	for began, runs := time.Now(), 0; runs < leastRuns || time.Since(began) < long; runs++ {
		started := time.Now()
		if err := session.Run(b.inputs, b.outputs); err != nil {
			return 0, fmt.Errorf("measuring %s: %w", op, err)
		}
		if took := time.Since(started); best == 0 || took < best {
			best = took
		}
	}
	return 2 * ceilingSide * cells / best.Seconds(), nil
}

// productGraph is an ONNX model of one operator on two square matrices. The
// numbers are those of the fields in onnx.proto.
func productGraph(op string, types [3]int32) []byte {
	text := func(out []byte, field protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(out, field, protowire.BytesType), s)
	}
	number := func(out []byte, field protowire.Number, n uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(out, field, protowire.VarintType), n)
	}
	message := func(out []byte, field protowire.Number, m []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(out, field, protowire.BytesType), m)
	}
	value := func(name string, kind int32) []byte {
		side := number(nil, 1, ceilingSide) // Dimension.dim_value
		shape := message(message(nil, 1, side), 1, side)
		tensor := message(number(nil, 1, uint64(kind)), 2, shape) // elem_type, shape
		return message(text(nil, 1, name), 2, message(nil, 1, tensor))
	}
	node := text(text(text(text(nil, 1, "a"), 1, "b"), 2, "c"), 4, op)
	graph := text(message(nil, 1, node), 2, "product")
	graph = message(message(graph, 11, value("a", types[0])), 11, value("b", types[1]))
	graph = message(graph, 12, value("c", types[2]))
	return message(message(number(nil, 1, 8), 7, graph), 8, number(text(nil, 1, ""), 2, 13)) // ir_version, graph, opset_import
}
