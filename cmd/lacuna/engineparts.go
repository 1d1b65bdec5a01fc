package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/models"
	"github.com/lacuna-dev/lacuna/runtime/baseline"
	"github.com/lacuna-dev/lacuna/runtime/fused"
	"github.com/lacuna-dev/lacuna/runtime/ort"
	"github.com/lacuna-dev/lacuna/runtime/remote"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// engineParts opens what an engine runs on: the fused graph with CUDA where it is
// ready, or where it was asked for; else the stepwise graph on the CPU. Behind a
// fused graph the stepwise one is opened when it is first needed.
type engineParts struct {
	bundle     *models.Bundle
	library    ort.Library
	flags      engineFlags
	vocabulary infill.Vocabulary

	device  string // cpu, cuda or the address of a server
	version string // of ONNX Runtime
	warning string
	fused   *fused.Denoiser

	mu     sync.Mutex // guards what follows
	opened []func()   // closes what was opened, the last first
	failed error      // of a call of the fused graph
	closed bool
}

func (p *engineParts) denoiser() (infill.Denoiser, error) {
	if p.sharing() {
		d, err := p.openShared()
		if d != nil {
			p.device = p.flags.shared.address
			return d, err
		}
		if err != nil {
			p.warning = fmt.Sprintf("no shared engine is used, the model runs in this process: %v", err)
		}
	}
	return p.ownDenoiser()
}

// sharing tells whether to look for a shared engine. It runs on the processor, so
// that who wants a device or a server, and did not ask for it, does not get it.
func (p *engineParts) sharing() bool {
	f := p.flags
	return f.shared != nil && (f.shared.asked || f.Remote.URL == "" && f.Device != "cuda" && f.Fused != "on")
}

// ownDenoiser is one of this process, or of a server of the Open Inference Protocol.
func (p *engineParts) ownDenoiser() (infill.Denoiser, error) {
	if p.flags.Remote.URL != "" {
		d, err := p.openRemote()
		if err == nil {
			return d, nil
		}
		p.warning = fmt.Sprintf("the model's server is not used, the model runs on this machine: %v", err)
	}
	if p.flags.Fused != "off" {
		d, err := p.openFused()
		if d != nil || err != nil {
			return d, err
		}
	}
	return p.stepwise()
}

// openFused returns nil where the stepwise engine is the better one.
func (p *engineParts) openFused() (infill.Denoiser, error) {
	config := p.config()
	config.Device = ort.Device(p.flags.Device)
	graphs := func(half bool) ([]byte, error) { return p.bundle.FusedGraph(half || p.flags.half) }
	graph, fallback, err := ort.OpenFused(ort.FusedConfig{Config: config, Graphs: graphs, OnCPU: p.flags.Fused == "on"})
	if fallback != nil {
		p.warning = fallback.Error()
	}
	if err != nil || graph == nil {
		return nil, err
	}
	d := fused.New(graph, fused.Config{Vocab: p.vocabulary, Stepwise: p.stepwise, Failed: p.fail})
	err = p.keep(func() {
		d.Close()
		// The process or the command ends; there is nothing to do about a
		// model that cannot be freed.
		_ = graph.Close()
	})
	p.device, p.fused, p.version = string(graph.Device()), d, ort.LoadedVersion()
	return d, err
}

// remoteRecovery is how long a server that failed is left alone.
const remoteRecovery = 30 * time.Second

// openRemote asks the server whether it has the model of the bundle.
func (p *engineParts) openRemote() (infill.Denoiser, error) {
	config, err := p.flags.Remote.config(p.bundle)
	if err != nil {
		return nil, err
	}
	client, err := remote.Dial(config)
	if err != nil {
		return nil, err
	}
	if err := client.Ready(context.Background()); err != nil { // its attempts are bounded
		_ = client.Close()
		return nil, err
	}
	d := fused.New(client, fused.Config{Vocab: p.vocabulary, Stepwise: p.stepwise, Failed: p.fail, Recover: remoteRecovery})
	err = p.keep(func() {
		d.Close()
		_ = client.Close()
	})
	p.device, p.fused = p.flags.Remote.URL, d
	return d, err
}

// stepwise opens the graph of single steps, on the CPU.
func (p *engineParts) stepwise() (infill.Denoiser, error) {
	config := p.config()
	config.Graph, config.Device = p.bundle.Graph, ort.CPU
	if p.library.Path == "" { // a server was to do without
		var err error
		if config.Library, err = ort.Find(ort.Options{Path: p.flags.Library}); err != nil {
			return nil, err
		}
	}
	session, err := ort.Open(config)
	if err != nil {
		return nil, err
	}
	denoiser, closeDenoiser := overGraph(session, sched.Config{Vocab: p.vocabulary, Memory: int64(p.flags.Cache) << 20})
	err = p.keep(func() {
		closeDenoiser()
		_ = session.Close()
	})
	if p.fused == nil {
		p.device, p.version = string(ort.CPU), session.Version()
	}
	return denoiser, err
}

// overGraph is what runs a model step by step.
func overGraph(graph sched.Graph, config sched.Config) (d infill.Denoiser, close func()) {
	switch graph.Model().Objective {
	case sched.FIM:
		f := baseline.NewFIM(graph, config)
		return f, f.Close
	case sched.Bidirectional:
		return baseline.NewBidirectional(graph, config.Vocab), func() {}
	}
	s := sched.New(graph, config)
	return s, s.Close
}

func (p *engineParts) config() ort.Config {
	return ort.Config{Library: p.library, TokenizerSHA256: p.bundle.TokenizerSHA256(), Threads: p.flags.Threads}
}

// keep has close called by engineParts.close, or at once where that has been.
func (p *engineParts) keep(close func()) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		close()
		return errors.New("the engine is closed")
	}
	p.opened = append(p.opened, close)
	return nil
}

func (p *engineParts) fail(err error) {
	p.mu.Lock()
	p.failed = fmt.Errorf("%s failed, steps are taken on the CPU: %w", p.device, err)
	p.mu.Unlock()
	if p.flags.warn != nil {
		p.flags.warn(p.failed)
	}
}

func (p *engineParts) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

func (p *engineParts) close() {
	p.mu.Lock()
	opened := p.opened
	p.opened, p.closed = nil, true
	p.mu.Unlock()
	for i := len(opened) - 1; i >= 0; i-- {
		opened[i]()
	}
}
