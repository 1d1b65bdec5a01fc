package lsp

import (
	"unicode"
	"unicode/utf8"
)

const zeroWidthJoiner = '\u200d'

// isOneCharacter tells whether text is what a user takes for one character: a
// line break, or a letter with its accents, or an emoji with its joiners and
// skin tones, or a flag. It errs towards many for scripts that join letters.
func isOneCharacter(text []byte) bool {
	switch string(text) {
	case "":
		return false
	case "\n", "\r\n", "\r":
		return true
	}
	first, size := utf8.DecodeRune(text)
	previous := first
	for rest := text[size:]; len(rest) > 0; rest = rest[size:] {
		var r rune
		r, size = utf8.DecodeRune(rest)
		flag := previous == first && isRegional(first) && isRegional(r)
		if previous != zeroWidthJoiner && r != zeroWidthJoiner && !flag && !unicode.Is(unicode.M, r) && !isSkinTone(r) {
			return false
		}
		previous = r
	}
	return true
}

func isRegional(r rune) bool { return 0x1F1E6 <= r && r <= 0x1F1FF }

func isSkinTone(r rune) bool { return 0x1F3FB <= r && r <= 0x1F3FF }
