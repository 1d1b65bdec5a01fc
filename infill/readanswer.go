package infill

// readAnswer writes an answer as an autoregressive model does that was trained to fill in
// the middle: token by token, for at most limit tokens, up to the end that it gives it
// itself. There is one candidate, or none where the deadline comes before a token.
func (d *denoising) readAnswer(ctx due, reader Reader, limit int) ([]*canvas, error) {
	del := d.rules.vocab.Delete
	w, err := d.write(ctx, reader, del, limit)
	if err != nil || d.late && len(w.text) == 0 {
		return nil, err
	}
	n := len(w.text)
	c := newCanvas(n+1, del)
	copy(c.slots, w.text)
	copy(c.settled, w.sure)
	switch {
	case w.stop.token == del: // a line break may say so too
		c.settled[n] = w.stop.logProb
	case n < len(w.next):
		c.settled[n] = w.next[n]
	default: // the deadline came before that was read
		c.settled[n] = unlikely
	}
	c.steps = n
	return []*canvas{c}, nil
}
