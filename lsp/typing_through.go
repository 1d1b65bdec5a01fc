package lsp

import (
	"context"
	"slices"
	"sync"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp/document"
)

// What is typed mostly agrees with what is shown. Then the rest of what was shown
// is the answer, and the model is not asked. What was typed against or dismissed
// does not come up again by itself.

const (
	// keptOffers is how many offers of a document can be typed through.
	keptOffers = 4
	// keptRejections is how many of a document are remembered.
	keptRejections = 32
)

// commandDismissed takes the number of an item that the user sent away. No editor
// sends it by itself; plugins can.
const commandDismissed = "lacuna.dismissed"

// offer is a fill that was sent, or that is ready to be.
type offer struct {
	infill.Offer
	rest   infill.Offer // what was left of it when it answered last
	number int          // of the request it answered last
	shown  bool         // sent at least once
}

// rejection is what a document is not to become, by itself.
type rejection struct {
	lines  string // as infill.Offer.Outcome has them
	before int    // bytes of lines that stood before the cursor then
}

// offersOf are those of one document.
type offersOf struct {
	latest   []*offer    // the newest first
	rejected []rejection // the newest last
}

// offers knows what was offered in each document. The zero value knows nothing.
type offers struct {
	mu        sync.Mutex // guards what follows, and every offer but its infill.Offer
	documents map[uri.URI]*offersOf
}

// of makes room for a document; mu is held.
func (o *offers) of(id uri.URI) *offersOf {
	if o.documents == nil {
		o.documents = map[uri.URI]*offersOf{}
	}
	of := o.documents[id]
	if of == nil {
		of = &offersOf{}
		o.documents[id] = of
	}
	return of
}

// recall answers a request with what is left of an offer, if the text has got on
// the way there. Offers that were typed against are rejected.
func (o *offers) recall(id uri.URI, r infill.Request) (*offer, infill.Result, bool) {
	o.mu.Lock()
	of := o.of(id)
	of.typedAgainst(r)
	latest := slices.Clone(of.latest)
	o.mu.Unlock()
	for _, one := range latest { // parses, so not under the lock
		result, ok := one.Answer(r)
		if !ok {
			continue
		}
		if rest := infill.NewOffer(r, result); !o.rejects(id, rest) {
			o.mu.Lock()
			one.rest = rest
			o.mu.Unlock()
			return one, result, true
		}
	}
	return nil, infill.Result{}, false
}

func (of *offersOf) typedAgainst(r infill.Request) {
	of.latest = slices.DeleteFunc(of.latest, func(one *offer) bool {
		if _, ok := one.Leads(r.Tree.Source(), r.Hole.Start, r.Hole.End); ok {
			return false
		}
		agreed, against := one.TypedAgainst(r.Tree.Source())
		if against && one.shown {
			of.reject(one.Offer, agreed)
		}
		return against
	})
}

// reject remembers an offer of which so many bytes had been typed.
func (of *offersOf) reject(one infill.Offer, typed int) {
	lines, before := one.Outcome()
	of.rejected = append(of.rejected, rejection{lines, before + typed})
	of.rejected = of.rejected[max(0, len(of.rejected)-keptRejections):]
}

// rejects tells whether an offer leads to what was rejected, from the same place
// or from further ahead. Who has typed on since means it.
func (o *offers) rejects(id uri.URI, one infill.Offer) bool {
	lines, before := one.Outcome()
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.of(id).rejected, func(r rejection) bool { return r.lines == lines && before <= r.before })
}

// show remembers what was sent, the likeliest first. What was asked for
// explicitly is not rejected any longer.
func (o *offers) show(id uri.URI, number int, automatic bool, sent []*offer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	of := o.of(id)
	for _, one := range sent {
		one.number, one.shown = number, true
		if !automatic {
			lines, _ := one.Outcome()
			of.rejected = slices.DeleteFunc(of.rejected, func(r rejection) bool { return r.lines == lines })
		}
	}
	of.add(sent...)
}

// prepare remembers what may be shown next.
func (o *offers) prepare(id uri.URI, one *offer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of(id).add(one)
}

func (of *offersOf) add(some ...*offer) {
	for _, one := range of.latest {
		if !slices.Contains(some, one) {
			some = append(some, one)
		}
	}
	of.latest = slices.Clip(some[:min(len(some), keptOffers)])
}

// dismiss rejects what was sent under a number.
func (o *offers) dismiss(number int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, of := range o.documents {
		of.latest = slices.DeleteFunc(of.latest, func(one *offer) bool {
			if one.shown && one.number == number {
				of.reject(one.rest, 0)
				return true
			}
			return false
		})
	}
}

// accepted finds where the cursor stands in a text that has become what an offer
// makes of it.
func (o *offers) accepted(id uri.URI, number int, text []byte) (cursor int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, one := range o.of(id).latest {
		cursor = one.Start + len(one.Text)
		if !one.shown || one.number != number || cursor > len(text) {
			continue
		}
		if rest, leads := one.Leads(text, cursor, cursor); leads && rest == "" {
			return cursor, true
		}
	}
	return 0, false
}

// forget is for a document that was closed.
func (o *offers) forget(id uri.URI) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.documents, id)
}

// fillOrRecall asks the engine, unless an offer answers. What comes out is noted
// in q, to be remembered when it has been sent.
func (s *Server) fillOrRecall(ctx context.Context, filler infill.Filler, q inlineQuestion, r infill.Request) (infill.Result, error) {
	if q.automatic {
		if err := q.ahead.wait(ctx); err != nil {
			return infill.Result{}, err
		}
		if one, result, ok := s.offers.recall(q.snapshot.URI, r); ok {
			q.record.recalled(result)
			q.found.add(one)
			return result, nil
		}
		r.Rejected = func(start, end int, text string) bool {
			return s.offers.rejects(q.snapshot.URI, offered(q, r, infill.Result{Start: start, End: end, Text: text}))
		}
	}
	result, err := filler.Fill(ctx, r)
	if err != nil || result.Text == "" {
		q.record.filled(result)
		return result, err
	}
	made := offered(q, r, result)
	one := &offer{Offer: made, rest: made}
	if q.automatic && s.offers.rejects(q.snapshot.URI, made) { // meanwhile, or it was not passed over
		result.Text, result.Fill, result.Reason = "", "", infill.ReasonRejected
	} else {
		q.found.add(one)
	}
	q.record.filled(result)
	return result, nil
}

// offered is a result as the document will have it.
func offered(q inlineQuestion, r infill.Request, result infill.Result) infill.Offer {
	result.Text = withBreaks(result.Text, lineBreak(q.snapshot.Text))
	return infill.NewOffer(r, result)
}

// found are the offers that a request came upon.
type found struct{ offers []*offer }

func (f *found) add(one *offer) { f.offers = append(f.offers, one) }

// ahead is a fill that nobody has asked for yet: for the place where the cursor
// stands after a suggestion was accepted.
type ahead struct {
	snapshot *document.Snapshot
	cursor   int
	stop     context.CancelFunc
	done     chan struct{}
}

// suits tells whether a question asks for what is being prepared.
func (a *ahead) suits(q *inlineQuestion) bool {
	return a != nil && q.automatic && q.selected == nil && a.snapshot == q.snapshot && a.cursor == q.cursor
}

// wait waits for what is being prepared; nil prepares nothing.
func (a *ahead) wait(ctx context.Context) error {
	if a == nil {
		return nil
	}
	select {
	case <-a.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// prepareNext fills where the cursor stands after an item was accepted, while the
// editor is still waiting before it asks. Read loop only.
func (s *Server) prepareNext(number int) {
	id, ok := s.journal.document(number)
	doc := s.documents[id]
	if !ok || doc == nil {
		return
	}
	head := doc.Head()
	cursor, ok := s.offers.accepted(id, number, head.Text.Bytes())
	if !ok {
		return
	}
	q := s.question(head, head.Text.Position(cursor, s.client.encoding), (&journal{}).blank(), true)
	if s.unwanted(&q) != "" {
		return
	}
	q.around = s.surroundings(head)
	ctx, stop := context.WithCancel(s.ctx)
	next := &ahead{snapshot: head, cursor: cursor, stop: stop, done: make(chan struct{})}
	w := s.on(id)
	w.endAhead()
	w.ahead = next
	s.background.Go(func() {
		defer stop()
		defer close(next.done)
		s.prepareFill(ctx, q)
	})
}

// join has a question wait for what is being prepared, or ends that: the user went
// elsewhere. Read loop only.
func (w *work) join(q *inlineQuestion) {
	if w.ahead.suits(q) {
		q.ahead = w.ahead
	} else {
		w.endAhead()
	}
}

func (w *work) endAhead() {
	if w.ahead != nil {
		w.ahead.stop()
		w.ahead = nil
	}
}

// prepareFill is the rest of it. What goes wrong will go wrong again when the
// editor asks, and be said then.
func (s *Server) prepareFill(ctx context.Context, q inlineQuestion) {
	var err error
	defer s.recovered("preparing the next completion", &err)
	_, err = s.withTree(ctx, q, func(filler infill.Filler, tree *grammars.Tree) (string, error) {
		result, err := s.fillInline(ctx, filler, tree, insertion(tree, q.cursor), q)
		return result.Reason, err
	})
	if err != nil {
		s.log.Debug("nothing was prepared", "because", err)
		return
	}
	for _, one := range q.found.offers {
		s.offers.prepare(q.snapshot.URI, one)
	}
}

// dismissed answers the command that says that an item was sent away.
func (s *Server) dismissed(raw []protocol.LSPAny) (task, error) {
	var n int
	if err := arguments(raw, 1, &n); err != nil {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%s: %v", commandDismissed, err)
	}
	s.offers.dismiss(n)
	return func(context.Context) (any, error) { return nil, nil }, nil
}
