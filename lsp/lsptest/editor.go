package lsptest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.lsp.dev/jsonrpc2"

	"github.com/lacuna-dev/lacuna/lsp"
)

// patience bounds every wait, so that a server that does not answer fails the
// test instead of hanging it. No test passes because of it.
const patience = 60 * time.Second

// Profile is what an editor declares of itself.
type Profile struct {
	Encodings []string       // offered, in order; nil offers nothing
	Without   []string       // abilities left out: progress, versions, literals, tags, apply, inline
	With      []string       // abilities added: configuration
	Options   map[string]any // initializationOptions
	Settings  any            // what workspace/configuration answers for the section
	Folder    string         // where the files are; "" is a folder that does not exist
}

// Editor is a client connected to a server.
type Editor struct {
	t       testing.TB
	ctx     context.Context
	wire    net.Conn
	stream  jsonrpc2.Stream
	served  chan error
	profile Profile

	// Encoding is the one the server chose.
	Encoding string
	// Capabilities are what the server says it can do.
	Capabilities json.RawMessage

	mu      sync.Mutex // guards what follows
	last    int64
	pending map[int64]*Pending
	buffers map[string]*Buffer
	refuse  string        // why edits are refused, "" if they are not
	events  []Event       // that nobody has waited for yet
	arrived chan struct{} // closed and replaced when an event comes in
	stopped bool
}

// Event is something that the server sent unasked.
type Event struct {
	Method string
	Params json.RawMessage
}

// Start connects an editor to a server and initializes the session. The test
// ends with a proper shutdown, unless the script has ended the session before.
func Start(t testing.TB, options lsp.Options, profile Profile) *Editor {
	e := Connect(t, lsp.New(options), profile)
	e.Initialize()
	t.Cleanup(func() { e.Stop() })
	return e
}

// Connect connects an editor and says nothing yet.
func Connect(t testing.TB, server *lsp.Server, profile Profile) *Editor {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	ours, theirs := net.Pipe()
	e := &Editor{
		t: t, ctx: ctx, profile: profile,
		served:  make(chan error, 1),
		buffers: map[string]*Buffer{},
		arrived: make(chan struct{}),
		pending: map[int64]*Pending{},
	}
	go func() { e.served <- server.Serve(context.Background(), theirs) }()
	e.wire, e.stream = ours, jsonrpc2.NewStream(ours)
	read := make(chan struct{})
	go func() {
		defer close(read)
		e.read()
	}()
	t.Cleanup(func() {
		cancel()
		_ = ours.Close()
		<-read
	})
	return e
}

// Initialize opens the session.
func (e *Editor) Initialize() {
	e.t.Helper()
	params := map[string]any{
		"processId":             nil,
		"rootUri":               e.folder(),
		"capabilities":          e.profile.capabilities(),
		"initializationOptions": e.profile.Options,
	}
	var result struct {
		Capabilities json.RawMessage `json:"capabilities"`
	}
	e.decode(e.Request("initialize", params), &result)
	var chosen struct {
		PositionEncoding string `json:"positionEncoding"`
	}
	if err := json.Unmarshal(result.Capabilities, &chosen); err != nil {
		e.t.Fatalf("the capabilities: %v", err)
	}
	e.Encoding, e.Capabilities = chosen.PositionEncoding, result.Capabilities
	e.Notify("initialized", map[string]any{})
}

func (p *Profile) has(ability string, usually bool) bool {
	if usually {
		return !slices.Contains(p.Without, ability)
	}
	return slices.Contains(p.With, ability)
}

func (p *Profile) capabilities() map[string]any {
	codeAction := map[string]any{}
	if p.has("literals", true) {
		codeAction["codeActionLiteralSupport"] = map[string]any{"codeActionKind": map[string]any{"valueSet": []string{"quickfix", "refactor"}}}
	}
	if p.has("tags", true) {
		codeAction["tagSupport"] = map[string]any{"valueSet": []int{1}}
	}
	capabilities := map[string]any{
		"general": map[string]any{},
		"window":  map[string]any{"workDoneProgress": p.has("progress", true)},
		"workspace": map[string]any{
			"applyEdit":     p.has("apply", true),
			"configuration": p.has("configuration", false),
			"codeLens":      map[string]any{"refreshSupport": true},
			"workspaceEdit": map[string]any{"documentChanges": p.has("versions", true)},
		},
		"textDocument": p.textDocument(codeAction),
	}
	if p.Encodings != nil {
		capabilities["general"] = map[string]any{"positionEncodings": p.Encodings}
	}
	return capabilities
}

// Stop ends the session properly and expects the server to agree. A session
// that a script has ended is left alone.
func (e *Editor) Stop() {
	e.t.Helper()
	if e.stopped || e.t.Failed() {
		return
	}
	if got := e.Request("shutdown", nil).Wait(); string(got.Result) != "null" {
		e.t.Errorf("shutdown was answered with %s, %v", got.Result, got.Err)
	}
	e.Notify("exit", nil)
	if err := e.Ended(); err != nil {
		e.t.Errorf("after shutdown and exit the server says: %v", err)
	}
}

// Disconnect breaks the connection off, as a crash of the editor does.
func (e *Editor) Disconnect() { _ = e.wire.Close() }

// Write writes bytes as they are.
func (e *Editor) Write(text string) {
	e.t.Helper()
	if _, err := e.wire.Write([]byte(text)); err != nil {
		e.t.Fatalf("the server does not read: %v", err)
	}
}

// WriteFrame writes a framed body that need not be a message.
func (e *Editor) WriteFrame(body string) {
	e.t.Helper()
	e.Write(fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
}

// Ended waits for the session to end and returns the server's verdict.
func (e *Editor) Ended() error {
	e.t.Helper()
	e.stopped = true
	select {
	case err := <-e.served:
		return err
	case <-e.ctx.Done():
		e.t.Fatal("the server did not end the session")
		return nil
	}
}

// Reply is the answer to a request.
type Reply struct {
	Result json.RawMessage
	Err    *jsonrpc2.Error
}

// Pending is a request that may not be answered yet.
type Pending struct {
	e      *Editor
	Method string
	ID     int64
	done   chan struct{}
	reply  Reply
}

// Request sends a request and does not wait for the reply.
func (e *Editor) Request(method string, params any) *Pending {
	e.t.Helper()
	e.mu.Lock()
	e.last++
	p := &Pending{e: e, Method: method, ID: e.last, done: make(chan struct{})}
	e.pending[p.ID] = p
	e.mu.Unlock()
	e.send(jsonrpc2.NewCall(jsonrpc2.NewNumberID(p.ID), method, raw(params)))
	return p
}

// Wait returns the reply.
func (p *Pending) Wait() Reply {
	p.e.t.Helper()
	select {
	case <-p.done:
	case <-p.e.ctx.Done():
		p.e.t.Fatalf("%s was not answered", p.Method)
	}
	return p.reply
}

// Notify sends a notification.
func (e *Editor) Notify(method string, params any) {
	e.t.Helper()
	e.send(jsonrpc2.NewNotification(method, raw(params)))
}

func (e *Editor) send(message jsonrpc2.Message) {
	e.t.Helper()
	if _, err := e.stream.Write(e.ctx, message); err != nil {
		e.t.Fatalf("the server does not read: %v", err)
	}
}

func raw(v any) jsonrpc2.RawMessage {
	if v == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func (e *Editor) decode(p *Pending, into any) {
	e.t.Helper()
	reply := p.Wait()
	if reply.Err != nil {
		e.t.Fatalf("%s: %v", p.Method, reply.Err)
	}
	if err := json.Unmarshal(reply.Result, into); err != nil {
		e.t.Fatalf("%s: %v in %s", p.Method, err, reply.Result)
	}
}
