package infill

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	layout "github.com/lacuna-dev/lacuna/infill/context"
)

// repairRounds is how often a candidate that breaks the parse is denoised again
// with the offending tokens forbidden.
const repairRounds = 1

// denoising is one Fill under way.
type denoising struct {
	engine   *Engine
	request  Request
	document layout.Document
	held     Context // see stand
	before   []Token // of settled blocks
	right    []Token // the right stream: its end next to the hole
	rules    rules
	rng      *rand.Rand
	limit    int // steps a round
	forwards int
	late     bool      // the deadline came before the last step
	broken   []attempt // candidates that broke the syntax
	rejected bool      // there was something to show, but it was turned down before
}

// fill denoises one canvas of each size as a batch, then offers the candidates
// to acceptance, best first. An answer that they have no room for goes on in blocks.
func (d *denoising) fill(ctx due) (Result, error) {
	all, err := d.candidates(ctx)
	if err != nil {
		return Result{}, err
	}
	refused := Result{Reason: ReasonEmpty, Forwards: d.forwards}
	for round := 0; ; round++ {
		if err := d.run(ctx, all); err != nil {
			return Result{}, err
		}
		if d.late {
			all = slices.DeleteFunc(all, func(c *canvas) bool { return c.masked(d.rules.vocab.Mask) > 0 })
			refused = Result{Reason: ReasonLate, Forwards: d.forwards}
		}
		if err := d.order(ctx, all); err != nil {
			return Result{}, err
		}
		if round == 0 {
			if all, err = d.goOn(ctx, all); err != nil {
				return Result{}, err
			}
		}
		for n, c := range all {
			result, faults, err := d.accept(c)
			if err != nil {
				return Result{}, err
			}
			if result.Reason == "" {
				return result, nil
			}
			if n == 0 {
				refused = result
			}
			if len(faults) > 0 {
				d.broken = append(d.broken, d.attempt(c))
			}
			d.forbid(c, faults)
		}
		if round == repairRounds || d.late || d.engine.info.Autoregressive { // which has no canvas to mend
			return d.mended(refused)
		}
		all = slices.DeleteFunc(all, func(c *canvas) bool { return c.masked(d.rules.vocab.Mask) == 0 })
		if len(all) == 0 {
			return d.mended(refused)
		}
		if len(d.before) > 0 {
			if err := d.stand(ctx, nil); err != nil {
				return Result{}, err
			}
			if d.late {
				return d.mended(refused)
			}
		}
	}
}

// candidates are the canvases to be denoised and those that were read on, which
// are settled already.
func (d *denoising) candidates(ctx due) ([]*canvas, error) {
	o := d.engine.options
	var all []*canvas
	if o.Decoder != Autoregressive {
		all = d.canvases()
	}
	reader, ok := d.held.(Reader)
	if o.judges() && !ok {
		return nil, errNoReader
	}
	if o.Decoder == Denoising {
		return all, nil
	}
	limit := slices.Max(d.engine.sizes(d.rules.multiline)) - 1
	if d.request.Oracle.Length > 0 {
		limit = d.request.Oracle.Length
	}
	read := d.readOn
	if d.engine.info.Autoregressive {
		read = d.readAnswer
	}
	more, err := read(ctx, reader, limit)
	return append(all, more...), err
}

// order puts the best candidate first: by the left stream's judgement where it is
// asked for, else by the canvases' own.
func (d *denoising) order(ctx due, all []*canvas) error {
	if reader, ok := d.held.(Reader); ok && !d.late && d.engine.options.judges() && len(all) > 1 {
		if err := d.judge(ctx, reader, all); !ctx.passed(err) {
			return err
		}
		d.late = true
	}
	slices.SortStableFunc(all, d.better)
	return nil
}

// better orders candidates: the likelier per token first.
func (d *denoising) better(a, b *canvas) int {
	return cmp.Compare(b.score(d.rules.vocab.Delete), a.score(d.rules.vocab.Delete))
}

// run takes denoising steps until no slot of any canvas is masked. The context
// is checked before each. When the deadline comes, or would before another step is
// done, what is masked is settled by the latest prediction.
func (d *denoising) run(ctx due, all []*canvas) error {
	done, err := d.loop(ctx, all)
	if ctx.passed(err) {
		d.late = true
		return nil
	}
	if done || err != nil {
		return err
	}
	mask := d.rules.vocab.Mask
	for step := 1; step <= d.limit; step++ {
		var live []*canvas
		var rows [][]Token
		for _, c := range all {
			if c.masked(mask) > 0 {
				live = append(live, c)
				rows = append(rows, c.slots)
			}
		}
		if len(live) == 0 {
			return nil
		}
		if err := ctx.parent.Err(); err != nil {
			return err
		}
		began := time.Now()
		predictions, err := d.held.Denoise(ctx, rows)
		if ctx.passed(err) {
			d.late = true
			for _, c := range live {
				if c.latest.K > 0 {
					c.advance(c.latest, d.rules, d.rng, true)
				}
			}
			return nil
		}
		if err != nil {
			return err
		}
		d.forwards++
		d.late = d.late || step < d.limit && ctx.before(time.Since(began))
		for i, c := range live {
			c.latest = predictions[i]
			c.advance(predictions[i], d.rules, d.rng, step == d.limit || d.late)
		}
		if d.request.OnStep != nil {
			lead := slices.MinFunc(live, func(a, b *canvas) int { return a.masked(mask) - b.masked(mask) })
			d.request.OnStep(d.step(lead))
		}
	}
	return nil
}

// step is what a canvas looks like between two steps.
func (d *denoising) step(c *canvas) Step {
	slots := len(d.before) + len(c.slots)
	return Step{Number: d.forwards, Settled: slots - c.masked(d.rules.vocab.Mask), Slots: slots, Draft: d.draft(c)}
}

// draft decodes neighbouring settled slots together, those of earlier blocks too: a
// character may be spread over several tokens.
func (d *denoising) draft(c *canvas) []Run {
	mask := d.rules.vocab.Mask
	var runs []Run
	for slots := slices.Concat(d.before, c.slots[:c.end(d.rules.vocab.Delete)]); len(slots) > 0; {
		n := 1
		for n < len(slots) && (slots[n] == mask) == (slots[0] == mask) {
			n++
		}
		if slots[0] == mask {
			runs = append(runs, Run{Masked: n})
		} else {
			runs = append(runs, Run{Text: strings.ToValidUTF8(d.engine.tokenizer.Decode(slots[:n]), "\ufffd")})
		}
		slots = slots[n:]
	}
	return runs
}

// forbid masks the tokens of a candidate that lie in faults (byte spans of the
// fill) and keeps the least likely of them from coming back: one wrong token is
// enough to break a parse, and its neighbours may be right.
func (d *denoising) forbid(c *canvas, faults []span) {
	if c.banned == nil { // of several blocks
		return
	}
	var inside []int // slots
	at := 0
	for i := range c.end(d.rules.vocab.Delete) {
		end := at + len(d.engine.tokenizer.Decode(c.slots[i:i+1]))
		if overlaps(faults, at, max(end, at+1)) {
			inside = append(inside, i)
		}
		at = end
	}
	if len(inside) == 0 {
		return
	}
	worst := inside[0]
	for _, i := range inside {
		if c.settled[i] <= c.settled[worst] {
			worst = i
		}
	}
	c.banned[worst] = append(c.banned[worst], c.slots[worst])
	for _, i := range inside {
		c.mask(i, d.rules.vocab.Mask)
	}
}

// span is a half-open byte range of a fill.
type span struct{ start, end int }

func overlaps(spans []span, start, end int) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return start < s.end && s.start < end })
}
