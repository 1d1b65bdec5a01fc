package lsp

import (
	"context"
	"sync"

	"go.lsp.dev/jsonrpc2"
)

// call is a request that is being answered.
type call struct {
	id     jsonrpc2.ID
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// maxUnanswered is how many requests may wait for their replies. No editor asks so
// much; who does, and does not read what comes back, has to wait.
const maxUnanswered = 4096

// inflight knows the requests being answered, for $/cancelRequest and for the
// end of the session, which waits until they are.
type inflight struct {
	mu         sync.Mutex // guards what follows
	calls      map[jsonrpc2.ID]*call
	unanswered int           // begun, and no reply written
	settled    chan struct{} // closed when unanswered is 0; nil while nobody waits
	abandoned  bool          // there is nobody left to answer
}

// begin registers a request whose context ends with ctx.
func (f *inflight) begin(ctx context.Context, id jsonrpc2.ID) *call {
	c := &call{id: id}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = map[jsonrpc2.ID]*call{}
	}
	f.calls[id] = c
	f.unanswered++
	return c
}

// crowded says whether more requests wait for their replies than may.
func (f *inflight) crowded() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.unanswered > maxUnanswered
}

// end forgets a request whose work is done. Its reply is yet to be written.
func (f *inflight) end(c *call) {
	c.cancel(nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls[c.id] == c {
		delete(f.calls, c.id)
	}
}

// cancel ends a request; one that is answered already is not an error.
func (f *inflight) cancel(id jsonrpc2.ID, why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.calls[id]; c != nil {
		c.cancel(why)
	}
}

// cancelOthers ends every request but one.
func (f *inflight) cancelOthers(keep *call, why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c != keep {
			c.cancel(why)
		}
	}
}

// answered counts a reply that was written.
func (f *inflight) answered() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unanswered--
	f.settle()
}

// abandon gives up on replies: the connection is broken.
func (f *inflight) abandon() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.abandoned = true
	f.settle()
}

// allAnswered returns a channel that is closed when every request has had its
// reply. It is for one caller.
func (f *inflight) allAnswered() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	settled := make(chan struct{})
	f.settled = settled
	f.settle()
	return settled
}

// settle tells who waits; mu is held.
func (f *inflight) settle() {
	if f.settled != nil && (f.unanswered == 0 || f.abandoned) {
		close(f.settled)
		f.settled = nil
	}
}
