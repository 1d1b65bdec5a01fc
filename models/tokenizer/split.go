package tokenizer

// pattern is what pieceLen does by hand. Load refuses a tokenizer.json with
// another one, so the two cannot drift apart unseen.
const pattern = `(?:\r?\n)+[ \t]*|[0-9]|[^\r\n0-9]+|\r`

// pieceLen is the length in bytes of the piece at the start of text, which
// must not be empty. Merges never cross pieces.
func pieceLen(text string) int {
	if n := lineBreaks(text); n > 0 {
		for n < len(text) && (text[n] == ' ' || text[n] == '\t') {
			n++
		}
		return n
	}
	if text[0] == '\r' || isDigit(text[0]) {
		return 1
	}
	n := 1
	for n < len(text) && text[n] != '\r' && text[n] != '\n' && !isDigit(text[n]) {
		n++
	}
	return n
}

// lineBreaks is the length of the run of "\n" and "\r\n" at the start of text.
// A "\r" with no "\n" after it ends the run.
func lineBreaks(text string) int {
	n := 0
	for n < len(text) {
		switch {
		case text[n] == '\n':
			n++
		case text[n] == '\r' && n+1 < len(text) && text[n+1] == '\n':
			n += 2
		default:
			return n
		}
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
