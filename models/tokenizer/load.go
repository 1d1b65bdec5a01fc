package tokenizer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2"
)

// file is the part of a Hugging Face tokenizer.json that matters here.
type file struct {
	AddedTokens []struct {
		ID      int32  `json:"id"`
		Content string `json:"content"`
		Special bool   `json:"special"`
	} `json:"added_tokens"`
	Normalizer    *component `json:"normalizer"`
	PreTokenizer  *component `json:"pre_tokenizer"`
	PostProcessor *component `json:"post_processor"`
	Decoder       *component `json:"decoder"`
	Model         struct {
		Type         string            `json:"type"`
		Dropout      *float64          `json:"dropout"`
		WordPrefix   string            `json:"continuing_subword_prefix"`
		WordSuffix   string            `json:"end_of_word_suffix"`
		ByteFallback bool              `json:"byte_fallback"`
		IgnoreMerges bool              `json:"ignore_merges"`
		Vocab        map[string]int32  `json:"vocab"`
		Merges       []json.RawMessage `json:"merges"`
	} `json:"model"`
}

type component struct {
	Type          string      `json:"type"`
	Pretokenizers []component `json:"pretokenizers"`
	Pattern       struct {
		Regex string `json:"Regex"`
	} `json:"pattern"`
	Behavior       string `json:"behavior"`
	Invert         bool   `json:"invert"`
	AddPrefixSpace bool   `json:"add_prefix_space"`
	UseRegex       bool   `json:"use_regex"`
}

// Load reads a tokenizer.json. It refuses a file that would be encoded
// otherwise by the Python library: the error says which setting is in the way.
func Load(tokenizerJSON []byte) (*Tokenizer, error) {
	t, err := load(tokenizerJSON)
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w; export it again with models/train", err)
	}
	return t, nil
}

func load(data []byte) (*Tokenizer, error) {
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("not valid JSON: %w", err)
	}
	if err := f.checkSettings(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	t := &Tokenizer{
		special: make(map[string]int32, len(f.AddedTokens)),
		merges:  make(map[pair]merge, len(f.Model.Merges)),
		sha256:  hex.EncodeToString(sum[:]),
	}
	t.pool.New = func() any { return new(scratch) }
	var err error
	if t.cache, err = lru.New[string, []int32](cachedPieces); err != nil {
		return nil, err
	}
	if err := t.readTokens(&f); err != nil {
		return nil, err
	}
	if err := t.readMerges(&f); err != nil {
		return nil, err
	}
	return t, nil
}

// checkSettings refuses every setting this package does not implement.
func (f *file) checkSettings() error {
	m := &f.Model
	switch {
	case m.Type != "BPE":
		return fmt.Errorf("model type is %q, want BPE", m.Type)
	case m.Dropout != nil && *m.Dropout != 0:
		return errors.New("model has dropout, which makes encoding random")
	case m.WordPrefix != "" || m.WordSuffix != "":
		return errors.New("model has a subword prefix or word suffix, want none")
	case m.ByteFallback || m.IgnoreMerges:
		return errors.New("model sets byte_fallback or ignore_merges, want neither")
	case f.Normalizer != nil:
		return fmt.Errorf("normalizer is %q, want none", f.Normalizer.Type)
	case f.PostProcessor != nil && f.PostProcessor.Type != "ByteLevel":
		return fmt.Errorf("post-processor is %q, want none", f.PostProcessor.Type)
	case f.Decoder == nil || f.Decoder.Type != "ByteLevel":
		return errors.New("decoder is not ByteLevel")
	}
	return f.PreTokenizer.check()
}

func (c *component) check() error {
	if c == nil || c.Type != "Sequence" || len(c.Pretokenizers) != 2 {
		return errors.New("pre-tokenizer is not a Sequence of Split and ByteLevel")
	}
	split, level := c.Pretokenizers[0], c.Pretokenizers[1]
	switch {
	case split.Type != "Split" || split.Behavior != "Isolated" || split.Invert:
		return errors.New("pre-tokenizer does not begin with an isolating Split")
	case split.Pattern.Regex != pattern:
		return fmt.Errorf("pre-tokenizer splits at %q, this program splits at %q", split.Pattern.Regex, pattern)
	case level.Type != "ByteLevel" || level.AddPrefixSpace || level.UseRegex:
		return errors.New("pre-tokenizer does not end with ByteLevel(add_prefix_space=False, use_regex=False)")
	}
	return nil
}

// readTokens fills bytes, special and byteID.
func (t *Tokenizer) readTokens(f *file) error {
	size := len(f.Model.Vocab)
	for _, a := range f.AddedTokens {
		if !a.Special {
			return fmt.Errorf("added token %q is not special: it would be found in ordinary text", a.Content)
		}
		if _, twice := t.special[a.Content]; twice {
			return fmt.Errorf("added token %q appears twice", a.Content)
		}
		if id, ok := f.Model.Vocab[a.Content]; !ok {
			size++
		} else if id != a.ID {
			return fmt.Errorf("added token %q has id %d, the vocabulary says %d", a.Content, a.ID, id)
		}
		t.special[a.Content] = a.ID
	}
	t.bytes = make([][]byte, size)
	taken := make([]bool, size)
	take := func(token string, id int32) error {
		if id < 0 || int(id) >= size || taken[id] {
			return fmt.Errorf("token %q has id %d, which is taken or outside 0..%d", token, id, size-1)
		}
		taken[id] = true
		return nil
	}
	for content, id := range t.special {
		if err := take(content, id); err != nil {
			return err
		}
	}
	single := 0
	for token, id := range f.Model.Vocab {
		if _, special := t.special[token]; special {
			continue
		}
		if err := take(token, id); err != nil {
			return err
		}
		b, err := decodeAlphabet(token)
		if err != nil {
			return err
		}
		if len(b) == 1 {
			t.byteID[b[0]] = id
			single++
		}
		t.bytes[id] = b
	}
	if single != 256 {
		return fmt.Errorf("vocabulary has %d single bytes, want all 256: train with initial_alphabet=ByteLevel.alphabet()", single)
	}
	return nil
}

// readMerges fills merges. A rank is the merge's place in the file.
func (t *Tokenizer) readMerges(f *file) error {
	for i, raw := range f.Model.Merges {
		left, right, err := splitMerge(raw)
		if err != nil {
			return fmt.Errorf("merge %d: %w", i, err)
		}
		a, okA := f.Model.Vocab[left]
		b, okB := f.Model.Vocab[right]
		ab, okAB := f.Model.Vocab[left+right]
		if !okA || !okB || !okAB {
			return fmt.Errorf("merge %d: %q, %q or both together are not in the vocabulary", i, left, right)
		}
		if t.bytes[a] == nil || t.bytes[b] == nil || t.bytes[ab] == nil {
			return fmt.Errorf("merge %d: makes or takes a special token", i)
		}
		if _, twice := t.merges[pairOf(a, b)]; twice {
			return fmt.Errorf("merge %d: %q and %q are merged twice", i, left, right)
		}
		t.merges[pairOf(a, b)] = merge{rank: int32(i), id: ab}
	}
	return nil
}

// splitMerge reads both notations: ["a","b"], and "a b" of older files.
func splitMerge(raw json.RawMessage) (left, right string, err error) {
	var two []string
	if json.Unmarshal(raw, &two) != nil {
		var joined string
		if err := json.Unmarshal(raw, &joined); err != nil {
			return "", "", fmt.Errorf("%s is neither a pair nor a string", raw)
		}
		two = strings.Split(joined, " ")
	}
	if len(two) != 2 || two[0] == "" || two[1] == "" {
		return "", "", fmt.Errorf("%s does not have two parts", raw)
	}
	return two[0], two[1], nil
}

// alphabet is GPT-2's: each byte as one printable character. Bytes that print
// stand for themselves, the others follow from U+0100 on.
var alphabet = func() map[rune]byte {
	runes := make(map[rune]byte, 256)
	next := rune(256)
	for b := range rune(256) {
		if '!' <= b && b <= '~' || 0xA1 <= b && b <= 0xAC || 0xAE <= b {
			runes[b] = byte(b)
			continue
		}
		runes[next] = byte(b)
		next++
	}
	return runes
}()

func decodeAlphabet(token string) ([]byte, error) {
	out := make([]byte, 0, utf8.RuneCountInString(token))
	for _, r := range token {
		b, ok := alphabet[r]
		if !ok {
			return nil, fmt.Errorf("token %q has %q, which is not of the byte-level alphabet", token, r)
		}
		out = append(out, b)
	}
	if len(out) == 0 {
		return nil, errors.New("the vocabulary has an empty token")
	}
	return out, nil
}
