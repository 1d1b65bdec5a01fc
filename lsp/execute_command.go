package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/lacuna-dev/lacuna/infill"
)

// commandNames are the commands that clients may run.
func commandNames() []string {
	return append(slices.Sorted(maps.Keys(fillCommands)), commandExplain, commandStatus, commandAccepted, commandDismissed)
}

func command(name string, arguments ...any) protocol.Command {
	c := protocol.Command{Command: name}
	for _, argument := range arguments {
		raw, err := protocol.Marshal(argument)
		if err != nil {
			panic(err) // our own strings, numbers and positions
		}
		c.Arguments = append(c.Arguments, raw)
	}
	return c
}

func (s *Server) executeCommand(c *call, params jsonrpc2.RawMessage) (task, error) {
	var p protocol.ExecuteCommandParams
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	switch p.Command {
	case commandExplain:
		return s.explain(p.Arguments)
	case commandAccepted:
		return s.accept(p.Arguments)
	case commandDismissed:
		return s.dismissed(p.Arguments)
	case commandStatus:
		return s.status(), nil
	}
	kind, ok := fillCommands[p.Command]
	if !ok {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "there is no command %q", p.Command)
	}
	where, err := kind.read(p.Arguments)
	if err != nil {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%s: %v", p.Command, err)
	}
	return s.takeOrder(c, kind, where, p.WorkDoneToken), nil
}

// arguments decodes positional arguments, of which some at the end may be
// missing.
func arguments(raw []protocol.LSPAny, needed int, into ...any) error {
	if len(raw) < needed {
		return fmt.Errorf("it needs %d arguments and got %d", needed, len(raw))
	}
	for i, target := range into[:min(len(into), len(raw))] {
		if err := json.Unmarshal(raw[i], target); err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return nil
}

// takeOrder is the read loop's part of a command.
func (s *Server) takeOrder(c *call, kind fillCommand, where orderPlace, token protocol.ProgressToken) task {
	doc := s.documents[where.uri]
	if doc == nil {
		return s.decline(protocol.MessageTypeWarning, "%s is not open, so it is not filled", where.uri)
	}
	snapshot := doc.Head()
	if where.version != nil && *where.version != snapshot.Version {
		return s.decline(protocol.MessageTypeWarning, "the document has changed since the command was offered; run it again")
	}
	if err := snapshot.Fillable(); err != nil {
		return s.decline(protocol.MessageTypeWarning, "the document is not filled: %v", err)
	}
	order := fillOrder{fillCommand: kind, id: c.id, snapshot: snapshot, scope: s.scope(snapshot), path: s.client.relative(snapshot.URI), around: s.surroundings(snapshot), token: token}
	order.start, order.end = snapshot.Text.Span(where.place, s.client.encoding)
	order.filling, order.stop = context.WithCancelCause(c.ctx)
	w := s.on(where.uri)
	w.fills = append(w.fills, order.stop)
	return func(ctx context.Context) (any, error) {
		defer order.stop(nil)
		return nil, s.execute(ctx, order)
	}
}

// decline tells the user why a command does nothing. The command itself
// succeeds: an error reply would be shown a second time.
func (s *Server) decline(kind protocol.MessageType, format string, args ...any) task {
	return func(context.Context) (any, error) {
		s.showMessage(kind, fmt.Sprintf(format, args...))
		return nil, nil
	}
}

// errStopped is the cause when the user cancelled the progress bar.
var errStopped = jsonrpc2.NewError(protocol.CodeRequestCancelled, "stopped by the user")

// execute fills and edits. What goes wrong is told to the user; the error is
// only for a request that the client itself cancelled.
func (s *Server) execute(ctx context.Context, order fillOrder) error {
	if why := s.switchedOff(ctx, order.scope); why != "" {
		s.showMessage(protocol.MessageTypeWarning, why)
		return nil
	}
	progress := s.beginProgress(order.filling, order.title, order.token, func() { order.stop(errStopped) })
	edits, why, err := s.fill(order, progress)
	switch cause := context.Cause(order.filling); {
	case ctx.Err() != nil:
		progress.end("cancelled")
		return ctx.Err()
	case cause == errStopped:
		progress.end("cancelled")
		return nil
	case cause != nil, err == nil && !order.snapshot.Current():
		progress.end("the document has changed")
		s.showMessage(protocol.MessageTypeWarning, "the document changed while it was being filled, so nothing was inserted; run the command again")
		return nil
	case err != nil:
		progress.end("failed")
		s.showMessage(protocol.MessageTypeError, err.Error())
		return nil
	case len(edits) == 0:
		progress.end("nothing to insert")
		s.showMessage(protocol.MessageTypeInfo, "nothing was filled: "+why)
		return nil
	}
	progress.end(fmt.Sprintf("%d filled", len(edits)))
	s.applyEdits(ctx, order.snapshot, edits)
	return ctx.Err()
}

// fill asks for each hole of an order, in document order; each sees the fills
// before it. why says what came in the way of the last one that stayed empty.
func (s *Server) fill(order fillOrder, progress *bar) (edits []edit, why string, err error) {
	filler, err := s.engine(order.filling)
	if err != nil {
		return nil, "", fmt.Errorf("%s", unloaded(err))
	}
	tree, err := order.snapshot.Tree()
	if err != nil {
		return nil, "", err
	}
	defer func() { tree.Close() }()
	neighbours := s.neighbours(order.filling, order.around)
	holes, why := order.holes(tree, order.start, order.end)
	growth := 0 // how much longer the text before the hole has become
	for i, hole := range holes {
		draw := s.denoises(order.id, order.snapshot, hole.Span)
		result, err := filler.Fill(order.filling, infill.Request{
			Document: string(order.snapshot.URI),
			Path:     order.path,
			Tree:     tree,
			Hole:     hole.Shift(growth),

			Neighbours: neighbours,
			Precedents: s.settings.Load().Precedents,

			OnStep: func(step infill.Step) {
				progress.step(i, len(holes), step)
				if draw != nil {
					draw(step)
				}
			},
		})
		if err != nil {
			return nil, "", fmt.Errorf("a hole could not be filled: %w", err)
		}
		if result.Text == "" {
			why = result.Reason
			continue
		}
		filled, err := tree.Splice(result.Start, result.End, result.Text)
		if err != nil {
			return nil, "", fmt.Errorf("a filled hole could not be parsed: %w", err)
		}
		if because := order.refuses(tree, filled, result); because != "" {
			filled.Close()
			why = because
			continue
		}
		tree.Close()
		tree = filled
		result.Start, result.End = result.Start-growth, result.End-growth
		growth += len(result.Text) - (result.End - result.Start)
		edits = append(edits, editOf(result, order.snapshot.Text))
	}
	return edits, why, nil
}

// step reports one denoising step of the i-th of n holes. How many there will
// be nobody knows beforehand, so the share of settled slots stands for it.
func (b *bar) step(i, n int, step infill.Step) {
	done := float64(i)
	if step.Slots > 0 {
		done += float64(step.Settled) / float64(step.Slots)
	}
	message := fmt.Sprintf("step %d", step.Number)
	if n > 1 {
		message = fmt.Sprintf("hole %d of %d, step %d", i+1, n, step.Number)
	}
	b.report(uint32(100*done/float64(n)), message)
}
