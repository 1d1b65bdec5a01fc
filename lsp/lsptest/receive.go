package lsptest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.lsp.dev/jsonrpc2"
)

// read takes in what the server sends until the connection ends.
func (e *Editor) read() {
	for {
		message, _, err := e.stream.Read(e.ctx)
		if err != nil {
			return
		}
		switch m := message.(type) {
		case *jsonrpc2.Response:
			e.answered(m)
		case *jsonrpc2.Notification:
			e.conforms((*metaModel).checkNotification, m.Method(), m.Params())
			e.note(m.Method(), m.Params())
		case *jsonrpc2.Call:
			e.conforms((*metaModel).checkRequest, m.Method(), m.Params())
			result := e.serve(m.Method(), m.Params())
			if _, err := e.stream.Write(e.ctx, jsonrpc2.NewResponse(m.ID(), raw(result), nil)); err != nil {
				return
			}
		}
	}
}

// answered hands a reply to its request. A second one, or one without a
// request, is a fault of the server.
func (e *Editor) answered(r *jsonrpc2.Response) {
	reply := Reply{Result: json.RawMessage(r.Result())}
	if r.Err() != nil && !errors.As(r.Err(), &reply.Err) {
		e.t.Errorf("an error of unknown kind: %v", r.Err())
	}
	id, _ := r.ID().Number()
	e.mu.Lock()
	p := e.pending[id]
	delete(e.pending, id)
	e.mu.Unlock()
	if p == nil {
		if r.ID().IsValid() {
			e.t.Errorf("reply %d answers nothing: %s", id, r.Result())
		}
		e.note("error without id", raw(reply.Err))
		return
	}
	if reply.Err == nil {
		e.conforms((*metaModel).checkResult, p.Method, r.Result())
	}
	p.reply = reply
	close(p.done)
}

// conforms checks a message of the server's against the specification.
func (e *Editor) conforms(check func(*metaModel, string, []byte) error, method string, data []byte) {
	m, err := specification()
	if err == nil {
		err = check(m, method, data)
	}
	if err != nil {
		e.t.Errorf("the server's message is not as LSP 3.18 has it: %v", err)
	}
}

// note keeps a notification until someone waits for it. The message borrows the
// stream's buffer.
func (e *Editor) note(method string, params []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, Event{Method: strings.Clone(method), Params: slices.Clone(json.RawMessage(params))})
	close(e.arrived)
	e.arrived = make(chan struct{})
}

// Event waits for a notification, or a call of the server's, that match
// accepts, and takes it.
func (e *Editor) Event(what string, match func(Event) bool) Event {
	e.t.Helper()
	for {
		e.mu.Lock()
		i := slices.IndexFunc(e.events, match)
		if i >= 0 {
			event := e.events[i]
			e.events = slices.Delete(e.events, i, i+1)
			e.mu.Unlock()
			return event
		}
		arrived := e.arrived
		e.mu.Unlock()
		select {
		case <-arrived:
		case <-e.ctx.Done():
			e.t.Fatalf("waited in vain for %s; the server sent %s", what, e.Unread())
		}
	}
}

// Unread lists the notifications nobody has waited for.
func (e *Editor) Unread() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := "nothing"
	for i, event := range e.events {
		if i == 0 {
			list = ""
		}
		list += fmt.Sprintf("\n\t%s %s", event.Method, event.Params)
	}
	return list
}

// serve answers a call of the server's.
func (e *Editor) serve(method string, params []byte) any {
	e.note(method, params)
	switch method {
	case "workspace/applyEdit":
		return e.applyEdit(params)
	case "workspace/configuration":
		return []any{e.profile.Settings}
	}
	return nil
}

type textEdit struct {
	Range   Range  `json:"range"`
	NewText string `json:"newText"`
}

// applyEdit does what workspace/applyEdit asks, unless the edit is for another
// version or refused.
func (e *Editor) applyEdit(params []byte) any {
	var p struct {
		Edit struct {
			Changes         map[string][]textEdit `json:"changes"`
			DocumentChanges []struct {
				TextDocument struct {
					URI     string `json:"uri"`
					Version *int   `json:"version"`
				} `json:"textDocument"`
				Edits []textEdit `json:"edits"`
			} `json:"documentChanges"`
		} `json:"edit"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		e.t.Errorf("workspace/applyEdit: %v", err)
	}
	refused := func(why string) any { return map[string]any{"applied": false, "failureReason": why} }
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refuse != "" {
		return refused(e.refuse)
	}
	versions := e.profile.has("versions", true)
	if versions != (p.Edit.DocumentChanges != nil) || versions == (p.Edit.Changes != nil) {
		e.t.Errorf("the edit has not the form the client declared: %s", params)
	}
	for uri, edits := range p.Edit.Changes {
		e.applyTo(uri, edits)
	}
	for _, change := range p.Edit.DocumentChanges {
		buffer := e.buffers[change.TextDocument.URI]
		if buffer == nil || change.TextDocument.Version == nil || *change.TextDocument.Version != buffer.Version {
			return refused("the document has changed")
		}
		e.applyTo(change.TextDocument.URI, change.Edits)
	}
	return map[string]any{"applied": true}
}

// applyTo changes a buffer and tells the server; e.mu is held.
func (e *Editor) applyTo(uri string, edits []textEdit) {
	buffer := e.buffers[uri]
	if buffer == nil {
		e.t.Errorf("an edit for %s, which is not open", uri)
		return
	}
	old := buffer.Text
	offset := func(p Position) int { return OffsetOf(old, p, e.Encoding) }
	slices.SortFunc(edits, func(a, b textEdit) int { return offset(b.Range.Start) - offset(a.Range.Start) })
	for i, edit := range edits {
		if i > 0 && offset(edit.Range.End) > offset(edits[i-1].Range.Start) {
			e.t.Errorf("edits overlap: %+v and %+v", edit, edits[i-1])
		}
		buffer.replace(offset(edit.Range.Start), offset(edit.Range.End), edit.NewText)
	}
	buffer.Version++
	e.Notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": uri, "version": buffer.Version},
		"contentChanges": []any{map[string]any{"text": buffer.Text}},
	})
}
