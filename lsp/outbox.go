package lsp

import (
	"context"
	"log/slog"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// outgoing is something said to the client that nobody waits for.
type outgoing struct {
	method string
	params any
	reply  jsonrpc2.Message // instead of method and params
}

// post queues a message. It never blocks: a client that does not read must not
// stop the read loop, so beyond the queue messages are dropped.
func (s *Server) post(message outgoing) {
	select {
	case s.outbox <- message:
	default:
		s.options.Log.Warn("the client reads too slowly; a message to it is dropped", "method", message.method)
	}
}

// sendOutgoing empties the queue until the session ends, and then sends what
// is left of it.
func (s *Server) sendOutgoing() {
	for {
		select {
		case message := <-s.outbox:
			s.send(message)
			continue
		default:
		}
		select {
		case message := <-s.outbox:
			s.send(message)
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Server) send(message outgoing) {
	var err error
	if message.reply != nil {
		_, err = s.stream.Write(s.ctx, message.reply)
	} else {
		err = s.conn.Notify(s.ctx, message.method, message.params)
	}
	if err != nil && s.ctx.Err() == nil {
		s.options.Log.Debug("a message could not be sent", "method", message.method, "error", err)
	}
}

// showMessage tells the user something, in the editor and in the log.
func (s *Server) showMessage(kind protocol.MessageType, text string) {
	s.options.Log.Info("told the user", "message", text)
	s.post(outgoing{
		method: protocol.MethodWindowShowMessage,
		params: &protocol.ShowMessageParams{Type: kind, Message: "Lacuna: " + text},
	})
}

// teeHandler sends warnings and errors to the client's log as well.
type teeHandler struct {
	slog.Handler
	server *Server
	attrs  []slog.Attr
}

func (h teeHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || h.Handler.Enabled(ctx, level)
}

func (h teeHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn && h.server.lively.Load() {
		h.server.post(outgoing{method: protocol.MethodWindowLogMessage, params: &protocol.LogMessageParams{
			Type:    messageType(r.Level),
			Message: h.text(r),
		}})
	}
	if !h.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

func (h teeHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return teeHandler{Handler: h.Handler.WithAttrs(attrs), server: h.server, attrs: append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)}
}

func messageType(level slog.Level) protocol.MessageType {
	if level >= slog.LevelError {
		return protocol.MessageTypeError
	}
	return protocol.MessageTypeWarning
}

func (h teeHandler) text(r slog.Record) string {
	var b strings.Builder
	b.WriteString(r.Message)
	write := func(a slog.Attr) bool {
		b.WriteString(" " + a.String())
		return true
	}
	for _, a := range h.attrs {
		write(a)
	}
	r.Attrs(write)
	return b.String()
}
