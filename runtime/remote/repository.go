package remote

import (
	"fmt"
	"strings"
	"time"

	"github.com/lacuna-dev/lacuna/runtime/fused"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// Repository says how Triton is to serve the graph.
type Repository struct {
	Name  string // of the model, as in Config
	Model sched.Model
	GPU   bool // on a GPU, else on the CPU
	// Batch is the most requests of one call, Wait the longest that Triton holds
	// one back for others. 0 takes those of package fused.
	Batch int
	Wait  time.Duration
	// Instances is the number of copies of the graph; 0 is one.
	Instances int
}

// ConfigFile is the name of the file that Text is for, beside the folder of the
// version, and GraphFile that of the graph within it.
const (
	ConfigFile = "config.pbtxt"
	GraphFile  = "model.onnx"
)

// Name of a model on a server: what it calls itself and which weights it has, so
// that a client with another bundle is told so and not answered wrongly.
func Name(model, sha256 string) string { return fmt.Sprintf("%s-%.8s", model, sha256) }

// Text is the model's config.pbtxt: tensors, dynamic batching and placement, in
// protobuf's text format (Triton's model_config.proto).
func (r Repository) Text() string {
	if r.Batch <= 0 {
		r.Batch = fused.DefaultBatch
	}
	if r.Wait <= 0 {
		r.Wait = fused.DefaultWait
	}
	if r.Instances <= 0 {
		r.Instances = 1
	}
	kind := "KIND_CPU"
	if r.GPU {
		kind = "KIND_GPU"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Made by lacuna repository. Only requests of one shape share a call; lacuna pads to few.\n")
	fmt.Fprintf(&b, "name: %q\nbackend: \"onnxruntime\"\nmax_batch_size: %d\n", r.Name, r.Batch)
	writeTensors(&b, "input", fused.Inputs(r.Model.TopK))
	writeTensors(&b, "output", fused.Outputs())
	fmt.Fprintf(&b, "dynamic_batching {\n  max_queue_delay_microseconds: %d\n}\n", r.Wait.Microseconds())
	fmt.Fprintf(&b, "instance_group [\n  { count: %d kind: %s }\n]\n", r.Instances, kind)
	return b.String()
}

func writeTensors(b *strings.Builder, title string, tensors []fused.Input) {
	fmt.Fprintf(b, "%s [\n", title)
	for i, t := range tensors {
		comma := ","
		if i == len(tensors)-1 {
			comma = ""
		}
		dims := strings.Trim(strings.ReplaceAll(fmt.Sprint(t.Shape), " ", ", "), "[]")
		fmt.Fprintf(b, "  { name: %q data_type: TYPE_%s dims: [ %s ] }%s\n", t.Name, datatype(t.Floats), dims, comma)
	}
	b.WriteString("]\n")
}
