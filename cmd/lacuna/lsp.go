package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp"
	"github.com/lacuna-dev/lacuna/lsp/control"
)

type lspCmd struct {
	engineFlags `embed:""`

	Engine string `placeholder:"WHERE" default:"auto" help:"The engine to use: auto (the one that lacuna serve shares on this machine if it does, else an own one), own, the path of a socket, or tcp://127.0.0.1:PORT."`

	Stdio    bool       `help:"Talk over standard input and output; the only way there is, so it may be left out."`
	LogLevel slog.Level `placeholder:"LEVEL" default:"warn" help:"debug, info, warn or error."`
	LogFile  string     `placeholder:"FILE" help:"Append the log to this file; default: standard error."`
}

func (lspCmd) Help() string {
	return `Editors start this; docs and plugins are under editors/ in the source. The model is loaded after the editor has been answered, and a missing library or a damaged model is reported there without ending the server.

Examples:

  lacuna lsp --stdio
  lacuna lsp --stdio --log-level debug --log-file /tmp/lacuna.log`
}

func (c *lspCmd) Run(a *app) error {
	if err := c.engineFlags.check(); err != nil {
		return err
	}
	shared, err := parseShared(c.Engine)
	if err != nil {
		return err
	}
	log, closeLog, err := c.openLog(a)
	if err != nil {
		return err
	}
	defer closeLog()
	out, err := takeStdout()
	if err != nil {
		return err
	}
	var opened keptEngine
	defer opened.close()
	server := lsp.New(lsp.Options{
		Filler: func(context.Context) (infill.Filler, error) {
			flags := c.engineFlags
			flags.shared = shared
			flags.warn = func(err error) { log.Warn(err.Error()) }
			engine, err := a.open(flags)
			if err != nil {
				return nil, err
			}
			if engine.Warning != "" {
				log.Warn(engine.Warning)
			}
			log.Info("engine ready", "model", engine.Name, "device", engine.Device, "fused", engine.Fused, "onnxruntime", engine.Version, "library", engine.Library.Path)
			return opened.keep(engine)
		},
		Log:        log,
		ControlDir: control.Dir(),
		Name:       "lacuna",
		Version:    buildVersions().Lacuna,
	})
	err = server.Serve(a.ctx, stdio{os.Stdin, out})
	if errors.Is(err, context.Canceled) && a.ctx.Err() != nil {
		return nil // a signal is how some clients end a server
	}
	return err
}

func (c *lspCmd) openLog(a *app) (*slog.Logger, func(), error) {
	w, closeFile := a.stderr, func() {}
	if c.LogFile != "" {
		file, err := os.OpenFile(c.LogFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, nil, fmt.Errorf("--log-file: %w", err)
		}
		w, closeFile = file, func() { file.Close() }
	}
	late := newLateWriter(w)
	closeLog := func() {
		late.Close()
		closeFile()
	}
	return slog.New(slog.NewTextHandler(late, &slog.HandlerOptions{Level: c.LogLevel})), closeLog, nil
}

// keptEngine closes an engine that is opened at some time during the session,
// perhaps after its end.
type keptEngine struct {
	mu     sync.Mutex // guards what follows
	engine *engine
	closed bool
}

func (k *keptEngine) keep(e *engine) (infill.Filler, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		e.Close()
		return nil, errors.New("the session has ended")
	}
	k.engine = e
	return e.Filler, nil
}

func (k *keptEngine) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	if k.engine != nil {
		k.engine.Close()
	}
}

// stdio joins standard input and the private standard output.
type stdio struct {
	io.ReadCloser
	out *os.File
}

func (s stdio) Write(p []byte) (int, error) { return s.out.Write(p) }

func (s stdio) Close() error { return errors.Join(s.ReadCloser.Close(), s.out.Close()) }
