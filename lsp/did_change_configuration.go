package lsp

import (
	"context"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

func (s *Server) didChangeConfiguration(params jsonrpc2.RawMessage) error {
	var p protocol.DidChangeConfigurationParams
	if err := decode(params, &p); err != nil {
		return err
	}
	if len(p.Settings) == 0 || string(p.Settings) == "null" {
		// A client that is asked for its settings says only that they changed.
		s.background.Go(s.askSettings)
		return nil
	}
	settings := s.base
	s.configure(&settings, p.Settings, "didChangeConfiguration")
	s.useSettings(settings)
	return nil
}

// configure reads a client's settings over into, and says what was not
// understood.
func (s *Server) configure(into *Settings, raw []byte, source string) {
	for _, complaint := range into.merge(raw) {
		s.log.Warn("a setting is ignored", "from", source, "setting", complaint)
	}
}

func (s *Server) useSettings(settings Settings) {
	old := s.settings.Swap(&settings)
	if s.lively.Load() {
		s.background.Go(func() {
			s.serveLocally()
			s.rehint(old.Hints, settings.Hints)
		})
	}
}

// askSettings pulls the settings from a client that wants to be asked. The
// fields of s it reads are constant once the session runs.
func (s *Server) askSettings() {
	if !s.client.configuration {
		return
	}
	var answer []protocol.LSPAny
	params := &protocol.ConfigurationParams{Items: []protocol.ConfigurationItem{{Section: new("lacuna")}}}
	if err := s.ask(s.ctx, protocol.MethodWorkspaceConfiguration, params, &answer); err != nil {
		s.log.Debug("the client did not tell its settings", "error", err)
		return
	}
	if len(answer) == 1 {
		settings := s.base
		s.configure(&settings, answer[0], "workspace/configuration")
		s.useSettings(settings)
	}
}

// registerSettings asks to be told when the settings change.
func (s *Server) registerSettings() {
	if !s.client.watchSettings {
		return
	}
	params := &protocol.RegistrationParams{Registrations: []protocol.Registration{{
		ID:              "lacuna-settings",
		Method:          protocol.MethodWorkspaceDidChangeConfiguration,
		RegisterOptions: protocol.LSPAny(`{"section":"lacuna"}`),
	}}}
	if err := s.ask(s.ctx, protocol.MethodClientRegisterCapability, params, nil); err != nil {
		s.log.Debug("the client does not announce settings", "error", err)
	}
}

// ask calls the client. Never on the read loop, which reads the answer.
func (s *Server) ask(ctx context.Context, method string, params, result any) error {
	_, err := s.conn.Call(ctx, method, params, result)
	return err
}
