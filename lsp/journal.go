package lsp

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/lacuna-dev/lacuna/infill"
)

// journalSize is how many inline completion requests are remembered: some
// minutes of typing.
const journalSize = 100

// What became of a request, as Explanation.Outcome says it.
const (
	outcomePending = "pending" // still being answered
	outcomeShown   = "shown"   // an item was sent; whether the editor drew it, it does not tell
	outcomeNothing = "nothing" // answered with no item
	outcomeEnded   = "ended"   // cancelled, superseded, or the document has changed
	outcomeFailed  = "failed"
)

// Explanation is what became of one request for a completion, the answer to
// "why did nothing show?". It holds no text of the document.
type Explanation struct {
	URI       string    `json:"uri"`
	Version   int32     `json:"version"`
	Line      uint32    `json:"line"`      // as the client sent it, from 0
	Character uint32    `json:"character"` // likewise
	Automatic bool      `json:"automatic"` // asked while typing
	Popup     bool      `json:"popup"`     // textDocument/completion, not inline
	At        time.Time `json:"at"`
	Outcome   string    `json:"outcome"`
	Reason    string    `json:"reason,omitempty"` // why nothing was shown

	// Remembered is whether an earlier fill answered, without the model.
	Remembered bool `json:"remembered"`

	// Precedent is whether what answered stands elsewhere, in the file or beside it.
	Precedent bool `json:"precedent"`

	// What the editor told of the item, if it tells.
	Drawn    bool `json:"drawn"`    // it was on the screen
	Partly   int  `json:"partly"`   // how much of it was accepted, in UTF-16 units, the largest told
	Accepted bool `json:"accepted"` // all of it was accepted

	Confidence float64 `json:"confidence"` // of the fill, 0 to 1; 0 if there was none
	Wanted     float64 `json:"wanted"`     // the least confidence that is shown
	Tokens     int     `json:"tokens"`     // of the fill
	Steps      int     `json:"steps"`      // denoising steps
	Forwards   int     `json:"forwards"`   // forward passes over canvases

	Milliseconds Timeline `json:"milliseconds"`
}

// Timeline is where the time of a request went, in milliseconds.
type Timeline struct {
	Queue   float64 `json:"queue"`   // until the work began
	Model   float64 `json:"model"`   // until the model was loaded
	Context float64 `json:"context"` // syntax tree, neighbouring files
	Prefill float64 `json:"prefill"` // keys and values of the text around the hole
	Denoise float64 `json:"denoise"` // steps, filters
	Total   float64 `json:"total"`
}

// Counts are the requests of a session by what became of them.
type Counts struct {
	Asked   int `json:"asked"`
	Shown   int `json:"shown"`
	Nothing int `json:"nothing"`
	Ended   int `json:"ended"`
	Failed  int `json:"failed"`

	// Of the items shown, as far as the editor tells.
	Drawn    int `json:"drawn"`
	Partly   int `json:"partly"` // accepted in part, whether or not the rest followed
	Accepted int `json:"accepted"`
}

// journal remembers the latest requests for completions. In memory only.
type journal struct {
	mu     sync.Mutex // guards what follows, and every record
	ring   [journalSize]*record
	asked  int // the next one goes to asked % journalSize
	counts Counts
	times  Timeline // of all requests that are over
}

// record is a journal's entry while it is being written.
type record struct {
	journal *journal
	number  int // names the item to the editor: the how manieth request of the session
	began   time.Time
	reached time.Time // when the latest part of the timeline ended
	e       Explanation

	answered bool // a fill is entered
}

// begin enters a request. Should its context end before anything else is said
// of it, that is what became of it.
func (j *journal) begin(c *call, at *protocol.TextDocumentPositionParams, automatic, popup bool) *record {
	now := time.Now()
	r := &record{journal: j, began: now, reached: now, e: Explanation{
		URI: string(at.TextDocument.URI), Line: at.Position.Line, Character: at.Position.Character,
		Automatic: automatic, Popup: popup, At: now, Outcome: outcomePending,
	}}
	j.mu.Lock()
	r.number = j.asked
	j.ring[j.asked%journalSize] = r
	j.asked++
	j.counts.Asked++
	j.mu.Unlock()
	context.AfterFunc(c.ctx, func() { r.end(outcomeEnded, context.Cause(c.ctx).Error()) })
	return r
}

// blank is an entry of no request.
func (j *journal) blank() *record {
	now := time.Now()
	return &record{journal: j, began: now, reached: now}
}

// document is what an entry's request was about, unless it is forgotten.
func (j *journal) document(number int) (id uri.URI, ok bool) {
	j.tell(number, func(e *Explanation, _ *Counts) { id, ok = uri.URI(e.URI), true })
	return id, ok
}

// follow runs a request's task and enters what became of it.
func (r *record) follow(run task) task {
	return func(ctx context.Context) (result any, err error) {
		r.lap(func(t *Timeline) *float64 { return &t.Queue })
		outcome, reason := outcomeFailed, "the server panicked; its log says more"
		defer func() { r.end(outcome, reason) }()
		result, err = run(ctx)
		switch cause := context.Cause(ctx); {
		case cause != nil:
			outcome, reason = outcomeEnded, cause.Error()
		case err == errModified:
			outcome, reason = outcomeEnded, err.Error()
		case err != nil:
			reason = err.Error()
		case hasItems(result):
			outcome, reason = outcomeShown, ""
		default:
			outcome, reason = outcomeNothing, ""
		}
		return result, err
	}
}

func hasItems(result any) bool {
	switch list := result.(type) {
	case *protocol.InlineCompletionList:
		return len(list.Items) > 0
	case *protocol.CompletionList:
		return len(list.Items) > 0
	}
	return false
}

// lap gives the time since the last one to a part of the timeline.
func (r *record) lap(part func(*Timeline) *float64) {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	now := time.Now()
	*part(&r.e.Milliseconds) += milliseconds(now.Sub(r.reached))
	r.reached = now
}

// about enters what is known of the question.
func (r *record) about(version int32, least float64) {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	r.e.Version, r.e.Wanted = version, least
}

// because enters why there is nothing to show.
func (r *record) because(why string) {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	r.e.Reason = why
}

// filled enters what the engine says of its work.
func (r *record) filled(result infill.Result) {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	if !r.answered { // of several fills the first is what is shown first
		r.e.Confidence, r.e.Tokens, r.e.Steps, r.e.Precedent = result.Confidence, result.Tokens, result.Steps, result.Precedent
		r.answered = true
	}
	r.e.Forwards += result.Forwards
	r.e.Milliseconds.Prefill += milliseconds(result.PrefillTime)
	r.e.Milliseconds.Denoise += milliseconds(result.DenoiseTime)
	r.reached = time.Now()
}

// recalled enters that an earlier fill answers.
func (r *record) recalled(result infill.Result) {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	r.e.Remembered, r.e.Confidence, r.e.Tokens = true, result.Confidence, result.Tokens
}

// end enters what became of the request. The first one counts.
func (r *record) end(outcome, reason string) {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	if r.e.Outcome != outcomePending {
		return
	}
	r.e.Outcome = outcome
	if reason != "" { // otherwise what because() said stands
		r.e.Reason = reason
	}
	r.e.Milliseconds.Total = milliseconds(time.Since(r.began))
	r.journal.times.add(&r.e.Milliseconds)
	switch c := &r.journal.counts; outcome {
	case outcomeShown:
		c.Shown++
	case outcomeNothing:
		c.Nothing++
	case outcomeEnded:
		c.Ended++
	case outcomeFailed:
		c.Failed++
	}
}

// tell enters what the editor says of an item. Items that are forgotten, or
// never were, are passed over: an editor may be late.
func (j *journal) tell(number int, enter func(*Explanation, *Counts)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if number < 0 {
		return
	}
	if r := j.ring[number%journalSize]; r != nil && r.number == number {
		enter(&r.e, &j.counts)
	}
}

func drawn(e *Explanation, c *Counts) {
	if !e.Drawn {
		e.Drawn = true
		c.Drawn++
	}
}

func accepted(e *Explanation, c *Counts) {
	if !e.Accepted {
		e.Accepted = true
		c.Accepted++
	}
}

// partly is of so many UTF-16 units.
func partly(length int) func(*Explanation, *Counts) {
	return func(e *Explanation, c *Counts) {
		if e.Partly == 0 && length > 0 {
			c.Partly++
		}
		e.Partly = max(e.Partly, length)
	}
}

// latest returns at most n requests, the newest first.
func (j *journal) latest(n int) []Explanation {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := []Explanation{}
	for i := j.asked - 1; i >= 0 && i >= j.asked-journalSize && len(out) < n; i-- {
		out = append(out, j.ring[i%journalSize].e)
	}
	return out
}

func (t *Timeline) add(more *Timeline) {
	t.Queue += more.Queue
	t.Model += more.Model
	t.Context += more.Context
	t.Prefill += more.Prefill
	t.Denoise += more.Denoise
	t.Total += more.Total
}

// spent is the time of all requests that are over.
func (j *journal) spent() Timeline {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.times
}

func (j *journal) count() Counts {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.counts
}

// String is the explanation in a sentence, for people; they count from 1.
func (e Explanation) String() string {
	how := "asked for"
	if e.Automatic {
		how = "while typing"
	}
	if e.Popup {
		how = "for the popup"
	}
	what := map[string]string{
		outcomePending: "still being answered",
		outcomeShown:   fmt.Sprintf("a suggestion of %d tokens, confidence %.2f", e.Tokens, e.Confidence),
		outcomeNothing: "no suggestion: " + e.Reason,
		outcomeEnded:   "ended early: " + e.Reason,
		outcomeFailed:  "failed: " + e.Reason,
	}[e.Outcome]
	if e.Reason == infill.ReasonUnsure {
		what += fmt.Sprintf(" (%.2f, wanted %.2f: lacuna.inline.minConfidence)", e.Confidence, e.Wanted)
	}
	if e.Remembered {
		what += ", remembered from before"
	}
	t := e.Milliseconds
	return fmt.Sprintf("%s, line %d, column %d, %s: %s. %.0f ms: queue %.0f, model %.0f, context %.0f, prefill %.0f, denoising %.0f in %d steps.",
		e.URI, e.Line+1, e.Character+1, how, what, t.Total, t.Queue, t.Model, t.Context, t.Prefill, t.Denoise, e.Steps)
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}
