package lsp

import (
	"context"
	"fmt"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// phase is where the session stands.
type phase uint8

const (
	fresh   phase = iota // before initialize
	running              // initialize was accepted
	stopped              // shutdown was accepted
)

// initialize answers at once: nothing that takes time happens here.
func (s *Server) initialize(_ *call, params jsonrpc2.RawMessage) (task, error) {
	if s.phase != fresh {
		return nil, jsonrpc2.NewError(jsonrpc2.InvalidRequest, "initialize was sent before")
	}
	var p protocol.InitializeParams
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	s.phase = running
	s.client = readClient(&p)
	s.configure(&s.base, p.InitializationOptions, "initializationOptions")
	s.useSettings(s.base)
	s.lenses.Store(s.base.Hints.CodeLens)
	if p.ProcessID != nil {
		pid := int(*p.ProcessID)
		s.background.Go(func() { s.watchParent(pid) })
	}
	result := &protocol.InitializeResult{
		Capabilities: serverCapabilities(&s.client, &s.base),
		ServerInfo: protocol.ServerInfo{
			Name:    s.options.Name,
			Version: protocol.NewOptional(s.options.Version),
		},
	}
	return func(context.Context) (any, error) { return result, nil }, nil
}

// initialized starts what has to ask or tell the client something.
func (s *Server) initialized(jsonrpc2.RawMessage) error {
	s.lively.Store(true)
	s.startLoading()
	s.background.Go(s.registerSettings)
	s.background.Go(s.serveLocally)
	s.background.Go(s.askSettings)
	return nil
}

// shutdown stops all work; only exit is listened to from here on.
func (s *Server) shutdown(c *call, _ jsonrpc2.RawMessage) (task, error) {
	s.phase = stopped
	s.calls.cancelOthers(c, errServerStopping)
	return func(context.Context) (any, error) { return nil, nil }, nil
}

// exit ends the session.
func (s *Server) exit(jsonrpc2.RawMessage) error {
	if s.phase == stopped {
		s.finish(nil)
	} else {
		s.finish(fmt.Errorf("%w: the client sent exit without it", ErrNoShutdown))
	}
	return nil
}

// watchParent ends the session when the editor's process is gone, which a
// closed standard input does not tell where another process has inherited the
// pipe.
func (s *Server) watchParent(pid int) {
	ticker := time.NewTicker(s.parentPoll)
	defer ticker.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-ticker.C:
			if !processAlive(pid) {
				s.finish(fmt.Errorf("%w: the client's process %d is gone", ErrNoShutdown, pid))
				return
			}
		}
	}
}

// serverCapabilities is what we offer. inlineCompletionProvider is static
// because Neovim ignores a dynamic registration; code actions carry commands
// only and are never resolved, because Helix freezes while it resolves.
func serverCapabilities(c *client, settings *Settings) protocol.ServerCapabilities {
	capabilities := protocol.ServerCapabilities{
		PositionEncoding: c.encoding.Kind(),
		TextDocumentSync: &protocol.TextDocumentSyncOptions{
			OpenClose: new(true),
			Change:    new(protocol.TextDocumentSyncKindIncremental),
			Save:      protocol.Boolean(true),
		},
		Workspace: &protocol.WorkspaceOptions{WorkspaceFolders: &protocol.WorkspaceFoldersServerCapabilities{
			Supported: new(true), ChangeNotifications: protocol.Boolean(true),
		}},
		InlineCompletionProvider: protocol.Boolean(true),
		CodeActionProvider: &protocol.CodeActionOptions{
			CodeActionKinds: []protocol.CodeActionKind{protocol.CodeActionKindQuickFix, protocol.CodeActionKindRefactorRewrite},
			ResolveProvider: new(false),
		},
		ExecuteCommandProvider: protocol.ExecuteCommandOptions{Commands: commandNames()},
	}
	if c.completes(settings) {
		capabilities.CompletionProvider = &protocol.CompletionOptions{TriggerCharacters: triggers, ResolveProvider: new(false)}
	}
	if settings.Hints.CodeLens {
		capabilities.CodeLensProvider = &protocol.CodeLensOptions{ResolveProvider: new(false)}
	}
	return capabilities
}
