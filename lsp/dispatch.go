package lsp

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/lacuna-dev/lacuna/lsp/document"
)

// The dispatcher is our own because the libraries' reorders notifications and
// ends the connection when one fails.

// task is the part of a request that runs off the read loop.
type task func(ctx context.Context) (any, error)

// prepare is the part of a request that runs on the read loop. params are
// borrowed: they must be decoded before it returns.
type prepare func(s *Server, c *call, params jsonrpc2.RawMessage) (task, error)

// notice handles a notification, entirely on the read loop. An error is logged.
type notice func(s *Server, params jsonrpc2.RawMessage) error

var requests = map[string]prepare{
	protocol.MethodInitialize:                   (*Server).initialize,
	protocol.MethodShutdown:                     (*Server).shutdown,
	protocol.MethodTextDocumentInlineCompletion: (*Server).inlineCompletion,
	protocol.MethodTextDocumentCompletion:       (*Server).completion,
	protocol.MethodTextDocumentCodeLens:         (*Server).codeLens,
	protocol.MethodTextDocumentCodeAction:       (*Server).codeAction,
	protocol.MethodWorkspaceExecuteCommand:      (*Server).executeCommand,
}

var notices = map[string]notice{
	protocol.MethodInitialized:                        (*Server).initialized,
	protocol.MethodExit:                               (*Server).exit,
	protocol.MethodCancelRequest:                      (*Server).cancelRequest,
	protocol.MethodWindowWorkDoneProgressCancel:       (*Server).cancelProgress,
	protocol.MethodTextDocumentDidOpen:                (*Server).didOpen,
	protocol.MethodTextDocumentDidChange:              (*Server).didChange,
	protocol.MethodTextDocumentDidSave:                (*Server).didSave,
	protocol.MethodNotebookDocumentDidOpen:            (*Server).didNotebook,
	protocol.MethodNotebookDocumentDidChange:          (*Server).didNotebook,
	protocol.MethodNotebookDocumentDidSave:            (*Server).didNotebook,
	protocol.MethodNotebookDocumentDidClose:           (*Server).didNotebook,
	protocol.MethodWorkspaceDidChangeWorkspaceFolders: (*Server).didChangeFolders,
	protocol.MethodTextDocumentDidClose:               (*Server).didClose,
	methodDidShow:                                     (*Server).didShow,
	methodDidPartlyAccept:                             (*Server).didPartlyAccept,
	protocol.MethodWorkspaceDidChangeConfiguration:    (*Server).didChangeConfiguration,
}

// Why a request ended early. Each is what the client is answered.
var (
	errCancelled      = jsonrpc2.NewError(protocol.CodeRequestCancelled, "cancelled by the client")
	errSuperseded     = jsonrpc2.NewError(protocol.CodeRequestCancelled, "superseded by a newer request for the same document")
	errModified       = jsonrpc2.NewError(protocol.CodeContentModified, "the document has changed since the request")
	errCrowded        = jsonrpc2.NewError(jsonrpc2.Code(protocol.LSPErrorCodesRequestFailed), "too many requests wait for their answers already")
	errServerStopping = jsonrpc2.NewError(protocol.CodeRequestCancelled, "the server is stopping")
)

// handle is called for every message, on the read loop. It must not fail for a
// notification: that would end the connection.
func (s *Server) handle(ctx context.Context, req *jsonrpc2.Request) (any, error) {
	method := strings.Clone(req.Method())
	if !req.IsCall() {
		s.notify(method, req.Params())
		return nil, nil
	}
	// Nothing is derived from ctx: it is recycled with the request.
	c := s.calls.begin(s.ctx, req.ID())
	defer s.calls.end(c)
	if method != protocol.MethodShutdown && s.calls.crowded() {
		// This reply is written on the read loop, which so reads no faster than the
		// client does.
		return nil, errCrowded
	}
	run, err := s.prepare(c, method, req.Params())
	if err != nil {
		// Before the read loop goes on: what it reads next, an exit say, is not why.
		err = wireError(c.ctx, err)
	}
	jsonrpc2.Async(ctx)
	if err != nil {
		return nil, err
	}
	result, err := s.run(c.ctx, method, run)
	if err == nil && c.ctx.Err() != nil {
		err = c.ctx.Err()
	}
	if err != nil {
		wire := wireError(c.ctx, err)
		if errors.Is(wire, jsonrpc2.ErrInternal) {
			s.options.Log.Error("a request failed", "method", method, "error", err)
		}
		return nil, wire
	}
	return result, nil
}

// prepare does the read loop's part of a request.
func (s *Server) prepare(c *call, method string, params jsonrpc2.RawMessage) (run task, err error) {
	defer s.recovered(method, &err)
	switch {
	case s.phase == fresh && method != protocol.MethodInitialize:
		return nil, jsonrpc2.Errorf(jsonrpc2.ServerNotInitialized, "%s before initialize", method)
	case s.phase == stopped:
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidRequest, "%s after shutdown", method)
	}
	begin, ok := requests[method]
	if !ok {
		return nil, jsonrpc2.Errorf(jsonrpc2.MethodNotFound, "%q is not supported", method)
	}
	return begin(s, c, params)
}

// run does the rest of it.
func (s *Server) run(ctx context.Context, method string, run task) (result any, err error) {
	defer s.recovered(method, &err)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return run(ctx)
}

// notify handles a notification.
func (s *Server) notify(method string, params jsonrpc2.RawMessage) {
	handle, ok := notices[method]
	switch {
	case !ok:
		// Among them everything under "$/", which a server is free to ignore.
		s.log.Debug("ignored a notification", "method", method)
		return
	case s.phase != running && method != protocol.MethodExit:
		s.log.Debug("ignored a notification outside of a session", "method", method)
		return
	}
	err := func() (err error) {
		defer s.recovered(method, &err)
		return handle(s, params)
	}()
	if err != nil {
		s.log.Warn("a notification could not be handled", "method", method, "error", err)
	}
}

// recovered turns a panic into an error: one bad request must not take the
// session down.
func (s *Server) recovered(method string, err *error) {
	if r := recover(); r != nil {
		s.log.Error("a panic was caught; please report it with what the server printed", "method", method, "panic", r)
		s.options.Log.Error("the panic's stack", "stack", string(debug.Stack()))
		*err = jsonrpc2.Errorf(jsonrpc2.InternalError, "%s panicked: %v", method, r)
	}
}

// wireError is the reply for an error. Once the request's context has ended,
// the reason for that is the answer, whatever the work made of it.
func wireError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	var wire *jsonrpc2.Error
	switch {
	case errors.As(err, &wire):
		return wire
	case errors.Is(err, document.ErrModified), errors.Is(err, document.ErrClosed):
		return errModified
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errCancelled
	}
	return jsonrpc2.NewError(jsonrpc2.InternalError, err.Error())
}

// decode reads params; a failure is the client's.
func decode(params jsonrpc2.RawMessage, v any) error {
	if len(params) == 0 {
		return jsonrpc2.NewError(jsonrpc2.InvalidParams, "params are missing")
	}
	if err := protocol.Unmarshal(params, v); err != nil {
		return jsonrpc2.Errorf(jsonrpc2.InvalidParams, "params: %v", err)
	}
	return nil
}
