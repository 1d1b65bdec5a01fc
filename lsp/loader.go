package lsp

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"go.lsp.dev/protocol"

	"github.com/lacuna-dev/lacuna/infill"
)

// loader loads the engine once, in the background: initialize must be answered
// long before a model can be loaded, and a machine where none can be loaded
// still has a server that says so.
type loader struct {
	load  func(context.Context) (infill.Filler, error)
	begun atomic.Bool
	done  chan struct{} // closed when filler and err are set

	filler infill.Filler
	err    error
}

// startLoading begins to load, the first time it is called.
func (s *Server) startLoading() {
	if s.loader.begun.CompareAndSwap(false, true) {
		s.background.Go(s.loadFiller)
	}
}

func (s *Server) loadFiller() {
	defer close(s.loader.done)
	bar := s.beginProgress(s.ctx, "Loading the model", nil, nil)
	filler, err := s.callLoad()
	s.loader.filler, s.loader.err = filler, err
	switch {
	case err == nil:
		bar.end("ready")
		s.log.Info("the model is loaded")
	case s.ctx.Err() != nil:
	default:
		bar.end("failed")
		s.log.Error("the model could not be loaded", "error", err)
		s.showMessage(protocol.MessageTypeError, unloaded(err))
	}
}

// callLoad calls the provider, whose panic is an error like any other.
func (s *Server) callLoad() (filler infill.Filler, err error) {
	defer s.recovered("loading the model", &err)
	if s.loader.load == nil {
		return nil, errors.New("this build has no engine")
	}
	return s.loader.load(s.ctx)
}

// unloaded tells the user that there will be no fills, and what to do.
func unloaded(err error) string {
	return fmt.Sprintf("the model could not be loaded, so nothing will be filled: %v. Run \"lacuna doctor\" to see what is missing, then restart the language server.", err)
}

// state is how far the loading is, and what went wrong.
func (l *loader) state() (state, problem string) {
	select {
	case <-l.done:
		if l.err != nil {
			return "failed", l.err.Error()
		}
		return "ready", ""
	default:
	}
	if !l.begun.Load() {
		return "not started", ""
	}
	return "loading", ""
}

// engine waits for the engine. The error is ctx's when that ends first, and
// else says why there is none.
func (s *Server) engine(ctx context.Context) (infill.Filler, error) {
	s.startLoading()
	select {
	case <-s.loader.done:
		return s.loader.filler, s.loader.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
