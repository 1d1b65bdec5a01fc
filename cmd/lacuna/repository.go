package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lacuna-dev/lacuna/runtime/fused"
	"github.com/lacuna-dev/lacuna/runtime/ort"
	"github.com/lacuna-dev/lacuna/runtime/remote"
)

type repositoryCmd struct {
	Out       string        `required:"" placeholder:"DIR" help:"Folder of the repository; the model becomes a folder in it."`
	Bundle    string        `placeholder:"DIR" help:"Model bundle; default: the one in this binary."`
	Device    string        `enum:"cpu,cuda" default:"cuda" help:"What the server has: cuda (float16) or cpu (float32)."`
	Batch     int           `default:"${batch}" help:"Most requests of one call."`
	Wait      time.Duration `default:"${wait}" help:"How long the server holds a request back for others to join it."`
	Instances int           `default:"1" help:"Copies of the graph."`
}

func (repositoryCmd) Help() string {
	return `Writes DIR/MODEL/config.pbtxt and DIR/MODEL/1/model.onnx, a model repository for Triton: the fused graph with its weights, its tensors, dynamic batching and placement. The name of the model ends with the beginning of its checksum, so that a client with another bundle finds no such model instead of answers from other weights.

Examples:

  lacuna repository --out models
  tritonserver --model-repository=models
  lacuna fill --remote grpc://localhost:8001 main.go

docs/serving.md says how to deploy it on Kubernetes with KServe.`
}

func (c *repositoryCmd) Run(a *app) error {
	switch {
	case c.Batch < 1:
		return usageErrorf("--batch %d: must be at least 1", c.Batch)
	case c.Wait < 0:
		return usageErrorf("--wait %v: must not be negative", c.Wait)
	case c.Instances < 1:
		return usageErrorf("--instances %d: must be at least 1", c.Instances)
	}
	bundle, err := engineFlags{Bundle: c.Bundle}.loadBundle()
	if err != nil {
		return err
	}
	config, err := remoteFlags{}.config(bundle)
	if err != nil {
		return err
	}
	gpu := c.Device == string(ort.CUDA)
	graph, err := bundle.FusedGraph(gpu)
	if err != nil {
		return err
	}
	repository := remote.Repository{Name: config.Name, Model: config.Model, GPU: gpu, Batch: c.Batch, Wait: c.Wait, Instances: c.Instances}
	folder := filepath.Join(c.Out, config.Name)
	if err := os.MkdirAll(filepath.Join(folder, "1"), 0o755); err != nil {
		return err
	}
	// The graph first: a server that polls takes the configuration for complete.
	if err := os.WriteFile(filepath.Join(folder, "1", remote.GraphFile), graph, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, remote.ConfigFile), []byte(repository.Text()), 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s: model %s, %.1f MB, for %s\n", folder, config.Name, float64(len(graph))/1e6, c.Device)
	return err
}

// repositoryDefaults are the variables of repositoryCmd's flags.
func repositoryDefaults() map[string]string {
	return map[string]string{"batch": fmt.Sprint(fused.DefaultBatch), "wait": fused.DefaultWait.String()}
}
