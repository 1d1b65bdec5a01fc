package infill

// readAnswer writes an answer as an autoregressive model does that was trained to fill in
// the middle: token by token, for at most limit tokens, up to the end that it gives it
// itself. There is one candidate, or none where the deadline comes before a token.
func (d *denoising) readAnswer(ctx due, reader Reader, limit int) ([]*canvas, error) {
	del := d.rules.vocab.Delete
	var text, next []Token
	var sure []float32
	end := float32(unlikely)
	for {
		p, lp, err := reader.Read(ctx, next, del)
		if ctx.passed(err) {
			d.late = true
			break
		}
		if err != nil {
			return nil, err
		}
		d.forwards++
		end = lp
		best := d.next(p, text, len(text) >= d.request.Oracle.Length)
		if best.token == del { // a line break may say so too
			end = best.logProb
		}
		if len(text) == limit || best.token == del || best.token == d.rules.vocab.Mask {
			break
		}
		text, sure = append(text, best.token), append(sure, best.logProb)
		next = text[len(text)-1:]
	}
	if d.late && len(text) == 0 {
		return nil, nil
	}
	c := newCanvas(len(text)+1, del)
	copy(c.slots, text)
	copy(c.settled, sure)
	c.settled[len(text)] = end
	c.steps = len(text)
	return []*canvas{c}, nil
}
