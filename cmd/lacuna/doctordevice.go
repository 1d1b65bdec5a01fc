package main

import (
	"fmt"
	"strings"

	"github.com/lacuna-dev/lacuna/runtime/ort"
)

// cudaFinding is what doctor --json says of CUDA, whether it is wanted or not.
type cudaFinding struct {
	Usable   bool   `json:"usable"`
	Fault    string `json:"fault,omitempty"`
	Remedy   string `json:"remedy,omitempty"`
	Driver   string `json:"driver_cuda,omitempty"` // newest CUDA it supports
	GPUs     []gpu  `json:"gpus"`
	Provider string `json:"provider,omitempty"`
	Needs    []need `json:"needs"`
}

type gpu struct {
	Name       string `json:"name"`
	Megabytes  int64  `json:"memory_mb"`
	Capability string `json:"compute_capability"`
}

type need struct {
	Name  string `json:"name"`
	Path  string `json:"path,omitempty"`
	Fault string `json:"fault,omitempty"`
}

// checkDevice says where models will run with this library, and why not with
// CUDA. Only who asked for CUDA has a fault without it.
func (d *diagnosis) checkDevice(library ort.Library, want ort.Device) {
	status := ort.CUDAStatusOf(library)
	d.CUDA = &cudaFinding{
		Usable: status.Usable, Fault: status.Fault, Remedy: status.Remedy, Provider: status.Provider,
		GPUs: []gpu{}, Needs: []need{},
	}
	if v := status.Driver.CUDA; v > 0 {
		d.CUDA.Driver = fmt.Sprintf("%d.%d", v/1000, v%1000/10)
	}
	var names []string
	for _, g := range status.Driver.GPUs {
		d.CUDA.GPUs = append(d.CUDA.GPUs, gpu{g.Name, g.Memory / 1e6, g.Capability})
		names = append(names, fmt.Sprintf("%s (%.0f GB, compute capability %s)", g.Name, float64(g.Memory)/1e9, g.Capability))
	}
	for _, n := range status.Needs {
		d.CUDA.Needs = append(d.CUDA.Needs, need{n.Name, n.Path, n.Fault})
	}
	switch {
	case want == ort.CPU:
		d.add("device", checkOK, "cpu, as asked for", "")
	case status.Usable:
		d.add("device", checkOK, fmt.Sprintf("cuda: %s, driver for CUDA %s", strings.Join(names, ", "), d.CUDA.Driver), "")
	case want == ort.CUDA:
		d.add("device", checkFault, "CUDA is asked for and cannot be used, the model runs on the CPU: "+status.Fault, status.Remedy)
	case len(names) > 0 || status.Driver.CUDA > 0:
		d.add("device", checkNote, fmt.Sprintf("cpu, though there is %s: %s", orElse(strings.Join(names, ", "), "an NVIDIA driver"), status.Fault), status.Remedy)
	default:
		d.add("device", checkOK, fmt.Sprintf("cpu; not cuda: %s", status.Fault), "")
	}
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
