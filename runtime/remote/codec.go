package remote

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/lacuna-dev/lacuna/runtime/fused"
	"github.com/lacuna-dev/lacuna/runtime/remote/inference"
)

// encode writes a tensor's numbers as the protocol's raw contents: little-endian,
// without padding.
func encode(t fused.Tensor) []byte {
	if t.Floats != nil {
		out := make([]byte, 0, 4*len(t.Floats))
		for _, f := range t.Floats {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(f))
		}
		return out
	}
	out := make([]byte, 0, 8*len(t.Ints))
	for _, i := range t.Ints {
		out = binary.LittleEndian.AppendUint64(out, uint64(i))
	}
	return out
}

// decode reads an output into the memory of t. Servers answer in raw contents or
// in typed ones. Its errors go on from the name of the output.
func decode(response *inference.ModelInferResponse, t fused.Tensor) error {
	at := slices.IndexFunc(response.GetOutputs(), func(o *inference.ModelInferResponse_InferOutputTensor) bool { return o.GetName() == t.Name })
	if at < 0 {
		return fmt.Errorf("missing")
	}
	output := response.GetOutputs()[at]
	if want := datatype(t.Floats != nil); output.GetDatatype() != want {
		return fmt.Errorf("of type %s, not %s", output.GetDatatype(), want)
	}
	if !slices.Equal(output.GetShape(), t.Shape) {
		return fmt.Errorf("of shape %v, not %v", output.GetShape(), t.Shape)
	}
	if raw := response.GetRawOutputContents(); len(raw) > 0 {
		if at >= len(raw) {
			return fmt.Errorf("without contents")
		}
		return decodeRaw(raw[at], t)
	}
	ints, floats := output.GetContents().GetInt64Contents(), output.GetContents().GetFp32Contents()
	if len(ints) != len(t.Ints) || len(floats) != len(t.Floats) {
		return fmt.Errorf("of %d numbers, not %d", len(ints)+len(floats), len(t.Ints)+len(t.Floats))
	}
	copy(t.Ints, ints)
	copy(t.Floats, floats)
	return nil
}

func decodeRaw(raw []byte, t fused.Tensor) error {
	if want := 8*len(t.Ints) + 4*len(t.Floats); len(raw) != want {
		return fmt.Errorf("of %d bytes, not %d", len(raw), want)
	}
	for i := range t.Ints {
		t.Ints[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	for i := range t.Floats {
		t.Floats[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}
