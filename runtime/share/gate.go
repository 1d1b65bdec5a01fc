package share

import (
	"context"
	"sync"
)

// gate lets one request through at a time. Of clients that wait each has its turn,
// whoever asked more often; of one client's requests the oldest goes first.
type gate struct {
	most int // requests that wait, of all clients together

	mu      sync.Mutex // guards what follows
	taken   bool
	waiting int
	queues  map[any][]chan struct{} // by client
	turns   []any                   // clients that wait, the next one first
}

// enter waits until it is the client's turn. Who was let in must leave.
func (g *gate) enter(ctx context.Context, client any) error {
	g.mu.Lock()
	if !g.taken {
		g.taken = true
		g.mu.Unlock()
		return nil
	}
	if g.waiting >= g.most {
		g.mu.Unlock()
		return ErrBusy
	}
	turn := make(chan struct{})
	if g.queues == nil {
		g.queues = map[any][]chan struct{}{}
	}
	if len(g.queues[client]) == 0 {
		g.turns = append(g.turns, client)
	}
	g.queues[client] = append(g.queues[client], turn)
	g.waiting++
	g.mu.Unlock()

	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	if !g.withdraw(client, turn) { // it was let in meanwhile
		g.leave()
	}
	return ctx.Err()
}

// withdraw takes a request out of the queue, unless it is not there any more.
func (g *gate) withdraw(client any, turn chan struct{}) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	queue := g.queues[client]
	for i, other := range queue {
		if other != turn {
			continue
		}
		g.waiting--
		g.queues[client] = append(queue[:i:i], queue[i+1:]...)
		if len(g.queues[client]) == 0 {
			g.forget(client)
		}
		return true
	}
	return false
}

// forget takes a client without requests off the turns; mu is held.
func (g *gate) forget(client any) {
	delete(g.queues, client)
	for i, other := range g.turns {
		if other == client {
			g.turns = append(g.turns[:i:i], g.turns[i+1:]...)
			return
		}
	}
}

// leave lets in who is next.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.turns) == 0 {
		g.taken = false
		return
	}
	client := g.turns[0]
	queue := g.queues[client]
	g.turns = g.turns[1:]
	g.waiting--
	if len(queue) > 1 {
		g.queues[client] = queue[1:]
		g.turns = append(g.turns, client)
	} else {
		delete(g.queues, client)
	}
	close(queue[0])
}
