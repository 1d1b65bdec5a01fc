package remote

import (
	"strings"
	"testing"
	"time"

	"github.com/lacuna-dev/lacuna/runtime/fused"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// TestRepositoryText: a real Triton reads it in make test-remote; this is what it
// must say.
func TestRepositoryText(t *testing.T) {
	gpu := Repository{Name: Name("m", "0123456789"), Model: sched.Model{TopK: 8}, GPU: true}.Text()
	for _, want := range []string{
		"name: \"m-01234567\"\n", "backend: \"onnxruntime\"\n", "max_batch_size: 32\n", "max_queue_delay_microseconds: 1000\n",
		"{ count: 1 kind: KIND_GPU }", "{ name: \"left\" data_type: TYPE_INT64 dims: [ -1 ] },",
		"{ name: \"noise\" data_type: TYPE_FP32 dims: [ -1, -1, -1, 9 ] }\n]", "{ name: \"forwards_out\" data_type: TYPE_INT64 dims: [ 1 ] }\n]",
	} {
		if !strings.Contains(gpu, want) {
			t.Errorf("lacks %q:\n%s", want, gpu)
		}
	}
	for _, tensor := range append(fused.Inputs(8), fused.Outputs()...) {
		if strings.Count(gpu, "name: \""+tensor.Name+"\"") != 1 {
			t.Errorf("%s is not there once", tensor.Name)
		}
	}
	cpu := Repository{Name: "m", Model: sched.Model{TopK: 8}, Batch: 4, Wait: 3 * time.Millisecond, Instances: 2}.Text()
	for _, want := range []string{"max_batch_size: 4\n", "max_queue_delay_microseconds: 3000\n", "{ count: 2 kind: KIND_CPU }"} {
		if !strings.Contains(cpu, want) {
			t.Errorf("lacks %q:\n%s", want, cpu)
		}
	}
}
