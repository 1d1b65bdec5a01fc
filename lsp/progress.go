package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// createWait is how long a client may take to agree to a progress bar; work
// does not wait longer for an ornament.
const createWait = 2 * time.Second

// progressBook knows the progress bars that can be cancelled.
type progressBook struct {
	mu     sync.Mutex // guards next and cancel
	next   int
	cancel map[protocol.ProgressToken]func()
}

// bar is one progress bar, for one goroutine. A nil bar shows nothing, for
// clients that cannot.
type bar struct {
	server  *Server
	token   protocol.ProgressToken
	percent uint32 // the highest reported, since a bar must not go back
}

// beginProgress shows a progress bar: under the client's token if it gave one
// with its request, else under our own if it supports that. cancel, if not
// nil, is called when the user cancels the bar. Never on the read loop.
func (s *Server) beginProgress(ctx context.Context, title string, token protocol.ProgressToken, cancel func()) *bar {
	if token == nil {
		if !s.client.progress {
			return nil
		}
		token = s.progress.token()
		ctx, stop := context.WithTimeout(ctx, createWait)
		defer stop()
		if err := s.ask(ctx, protocol.MethodWindowWorkDoneProgressCreate, &protocol.WorkDoneProgressCreateParams{Token: token}, nil); err != nil {
			s.log.Debug("the client made no progress bar", "error", err)
			return nil
		}
	}
	s.progress.add(token, cancel)
	b := &bar{server: s, token: token}
	b.send(&protocol.WorkDoneProgressBegin{Kind: "begin", Title: "Lacuna: " + title, Cancellable: new(cancel != nil), Percentage: new(uint32(0))})
	return b
}

// report moves the bar, but never back.
func (b *bar) report(percent uint32, message string) {
	if b != nil {
		b.percent = max(b.percent, percent)
		b.send(&protocol.WorkDoneProgressReport{Kind: "report", Message: &message, Percentage: &b.percent})
	}
}

// end takes the bar away.
func (b *bar) end(message string) {
	if b != nil {
		b.server.progress.remove(b.token)
		b.send(&protocol.WorkDoneProgressEnd{Kind: "end", Message: &message})
	}
}

func (b *bar) send(value any) {
	raw, err := protocol.Marshal(value)
	if err == nil {
		err = b.server.conn.Notify(b.server.ctx, protocol.MethodProgress, &protocol.ProgressParams{Token: b.token, Value: raw})
	}
	if err != nil {
		b.server.log.Debug("progress could not be shown", "error", err)
	}
}

func (p *progressBook) token() protocol.ProgressToken {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	return protocol.String(fmt.Sprintf("lacuna-%d", p.next))
}

func (p *progressBook) add(token protocol.ProgressToken, cancel func()) {
	if cancel == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cancel == nil {
		p.cancel = map[protocol.ProgressToken]func(){}
	}
	p.cancel[token] = cancel
}

func (p *progressBook) remove(token protocol.ProgressToken) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.cancel, token)
}

// cancelProgress is window/workDoneProgress/cancel.
func (s *Server) cancelProgress(params jsonrpc2.RawMessage) error {
	var p struct {
		Token json.RawMessage `json:"token"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return fmt.Errorf("params: %w", err)
	}
	var token protocol.ProgressToken
	var number int32
	var text string
	switch {
	case json.Unmarshal(p.Token, &number) == nil:
		token = protocol.Integer(number)
	case json.Unmarshal(p.Token, &text) == nil:
		token = protocol.String(text)
	}
	s.progress.mu.Lock()
	defer s.progress.mu.Unlock()
	if cancel := s.progress.cancel[token]; cancel != nil {
		cancel()
	}
	return nil
}
