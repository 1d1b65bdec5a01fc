// Package tokenizer turns source text into the tokens of the model and back:
// byte-level BPE, token for token what the Python library "tokenizers" makes
// of the same tokenizer.json (docs/model.md says which pieces and ids).
//
// It must never know what the tokens are for: no language server, no holes, no
// engine, no grammar.
package tokenizer

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// cachedPieces bounds the cache of encoded pieces. A piece is the rest of
	// a line, so this holds a few files; at maxCachedPiece bytes each it stays
	// under 2 MB.
	cachedPieces = 8192
	// maxCachedPiece keeps endless lines out of the cache, in bytes.
	maxCachedPiece = 128
)

// Tokenizer encodes and decodes text. It is immutable but for an internal
// cache, and safe for concurrent use.
type Tokenizer struct {
	bytes   [][]byte         // by id: what the token stands for; nil for special tokens
	special map[string]int32 // content of a special token -> id
	byteID  [256]int32       // the token of each single byte
	merges  map[pair]merge
	sha256  string
	cache   *lru.Cache[string, []int32]
	pool    sync.Pool // of *scratch
}

// Size is the number of ids, special tokens included.
func (t *Tokenizer) Size() int { return len(t.bytes) }

// SHA256 is the hexadecimal checksum of the tokenizer.json that was loaded.
func (t *Tokenizer) SHA256() string { return t.sha256 }

// ID is the id of a special token such as "<|mask|>".
func (t *Tokenizer) ID(special string) (int32, bool) {
	id, ok := t.special[special]
	return id, ok
}

// Bytes is the text of one token: nil for special tokens and for ids that do
// not exist. It need not be valid UTF-8 and must not be changed.
func (t *Tokenizer) Bytes(id int32) []byte {
	if id < 0 || int(id) >= len(t.bytes) {
		return nil
	}
	return t.bytes[id]
}

// Encode returns the tokens of text. Any bytes are allowed, and what looks
// like a special token is ordinary text.
func (t *Tokenizer) Encode(text string) []int32 {
	s := t.pool.Get().(*scratch)
	defer t.pool.Put(s)
	ids := make([]int32, 0, len(text)/3+1)
	for len(text) > 0 {
		n := pieceLen(text)
		ids = t.appendPiece(ids, text[:n], s)
		text = text[n:]
	}
	return ids
}

// Decode returns the text of tokens. Special tokens and ids that do not exist
// stand for nothing.
func (t *Tokenizer) Decode(ids []int32) string {
	n := 0
	for _, id := range ids {
		n += len(t.Bytes(id))
	}
	out := make([]byte, 0, n)
	for _, id := range ids {
		out = append(out, t.Bytes(id)...)
	}
	return string(out)
}

// appendPiece appends the tokens of one piece, from the cache where it can.
func (t *Tokenizer) appendPiece(ids []int32, piece string, s *scratch) []int32 {
	if len(piece) == 1 {
		return append(ids, t.byteID[piece[0]])
	}
	if len(piece) > maxCachedPiece {
		return t.appendBPE(ids, piece, s)
	}
	if known, ok := t.cache.Get(piece); ok {
		return append(ids, known...)
	}
	from := len(ids)
	ids = t.appendBPE(ids, piece, s)
	// The key is a copy: the cache must not keep the whole text alive.
	t.cache.Add(string([]byte(piece)), append([]int32(nil), ids[from:]...))
	return ids
}
