package tokenizer

import (
	"bufio"
	"cmp"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

func small(t testing.TB) *Tokenizer {
	t.Helper()
	data, err := os.ReadFile("testdata/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Load(data)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// sample is a text and what Python makes of it.
type sample struct {
	Text string  `json:"text"`
	IDs  []int32 `json:"ids"`
}

// eachSample reads a file of JSON lines, one sample a line.
func eachSample(t *testing.T, path string, check func(line int, s sample)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	dec := json.NewDecoder(lines)
	for n := 1; dec.More(); n++ {
		var s sample
		if err := dec.Decode(&s); err != nil {
			t.Fatalf("%s, sample %d: %v", path, n, err)
		}
		check(n, s)
	}
}

func TestEncodeLikePython(t *testing.T) {
	tok := small(t)
	seen := 0
	eachSample(t, "testdata/expected.jsonl", func(n int, s sample) {
		seen++
		for range 2 { // the second time from the cache
			if got := tok.Encode(s.Text); !slices.Equal(got, s.IDs) {
				t.Errorf("sample %d: Encode(%.60q) = %v\nwant %v", n, s.Text, got, s.IDs)
			}
		}
		if got := tok.Decode(s.IDs); got != s.Text {
			t.Errorf("sample %d: Decode = %.60q, want %.60q", n, got, s.Text)
		}
	})
	if seen < 30 {
		t.Fatalf("only %d samples in testdata/expected.jsonl", seen)
	}
}

// TestParityCorpus checks a large file against Python. models/train makes the
// file, names it in LACUNA_PARITY and runs this test. LACUNA_TOKENIZER names the
// tokenizer.json that made the file, if it is not the shipped one.
func TestParityCorpus(t *testing.T) {
	path := os.Getenv("LACUNA_PARITY")
	if path == "" {
		t.Skip("LACUNA_PARITY does not name a file of {\"text\",\"ids\"} lines")
	}
	data, err := os.ReadFile(cmp.Or(os.Getenv("LACUNA_TOKENIZER"), "../small/tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Load(data)
	if err != nil {
		t.Fatal(err)
	}
	texts, tokens := 0, 0
	eachSample(t, path, func(n int, s sample) {
		got := tok.Encode(s.Text)
		if i := firstDifference(got, s.IDs); i >= 0 {
			t.Fatalf("sample %d differs at token %d, after %q", n, i, tok.Decode(s.IDs[max(0, i-8):i]))
		}
		if tok.Decode(got) != s.Text {
			t.Fatalf("sample %d does not decode to itself", n)
		}
		texts++
		tokens += len(s.IDs)
	})
	if tokens == 0 {
		t.Fatalf("%s holds no tokens", path)
	}
	t.Logf("%d texts, %d tokens agree", texts, tokens)
}

// firstDifference is the first index at which a and b differ, -1 if none.
func firstDifference(a, b []int32) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}

func TestSpecialTokens(t *testing.T) {
	tok := small(t)
	for name, want := range map[string]int32{"<|pad|>": 0, "<|mask|>": 1, "<|code|>": 6, "<|python|>": 10, "<|reserved_23|>": 23} {
		if id, ok := tok.ID(name); !ok || id != want {
			t.Errorf("ID(%q) = %d, %v, want %d", name, id, ok, want)
		}
		if b := tok.Bytes(want); b != nil {
			t.Errorf("Bytes(%d) = %q, a special token has none", want, b)
		}
		if got := tok.Decode([]int32{want}); got != "" {
			t.Errorf("Decode(%d) = %q, want nothing", want, got)
		}
		for _, id := range tok.Encode("x " + name) {
			if id < 24 {
				t.Errorf("Encode made special token %d from the text %q", id, name)
			}
		}
	}
	if _, ok := tok.ID("return"); ok {
		t.Error("ID found an ordinary word")
	}
	if tok.Size() != 1000 {
		t.Errorf("Size = %d, want 1000", tok.Size())
	}
	if len(tok.SHA256()) != 64 {
		t.Errorf("SHA256 = %q", tok.SHA256())
	}
	for _, id := range []int32{-1, 1000, 1 << 30} {
		if b := tok.Bytes(id); b != nil {
			t.Errorf("Bytes(%d) = %q, there is no such token", id, b)
		}
	}
}

// TestSplitter compares the hand-written splitter with the regular expression
// it stands for. Go's engine prefers alternatives in order, as Python's does.
func TestSplitter(t *testing.T) {
	re := regexp.MustCompile("^(?:" + pattern + ")")
	for _, text := range []string{"a", "\r", "\r\n", "\r\r\n", "\n\r\n \t x", "\n\r", "12a\r\n3", " \t\n", "日\n本1", "\n\n\n \r"} {
		for rest := text; rest != ""; {
			want := len(re.FindString(rest))
			if got := pieceLen(rest); got != want {
				t.Fatalf("%q: pieceLen(%q) = %d, want %d", text, rest, got, want)
			}
			rest = rest[want:]
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	data, err := os.ReadFile("testdata/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	tests := []struct{ name, old, new, want string }{
		{"not JSON", `{"version"`, `{version`, "not valid JSON"},
		{"other pattern", `[0-9]|`, `[0-9]+|`, "splits at"},
		{"not isolated", `"behavior":"Isolated"`, `"behavior":"Removed"`, "isolating Split"},
		{"prefix space", `"add_prefix_space":false`, `"add_prefix_space":true`, "add_prefix_space"},
		{"other model", `"type":"BPE"`, `"type":"WordPiece"`, "WordPiece"},
		{"dropout", `"dropout":null`, `"dropout":0.1`, "dropout"},
		{"byte fallback", `"byte_fallback":false`, `"byte_fallback":true`, "byte_fallback"},
		{"normalizer", `"normalizer":null`, `"normalizer":{"type":"NFC"}`, "NFC"},
		{"ordinary added token", `"special":true`, `"special":false`, "not special"},
		{"added token moved", `{"id":1,"content":"<|mask|>"`, `{"id":2,"content":"<|mask|>"`, "vocabulary says 1"},
		{"merge of one part", `"merges":[[`, `"merges":[["x"],[`, "merge 0"},
		{"merge unknown", `"merges":[[`, `"merges":[["qqqq","zzzz"],[`, "not in the vocabulary"},
		{"merge with special", `"merges":[[`, `"merges":[["<|mask|>",""],[`, "merge 0"},
		{"byte missing", `"!":24`, `"!!!!!!!":24`, "255 single bytes"},
		{"id outside", `"!":24`, `"!":70000`, "outside"},
		{"id twice", `"!":24`, `"!":25`, "taken"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(good, tt.old) {
				t.Fatalf("the fixture has no %s to break", tt.old)
			}
			_, err := Load([]byte(strings.Replace(good, tt.old, tt.new, 1)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one about %q", err, tt.want)
			}
		})
	}
}

func TestOldMergeNotation(t *testing.T) {
	data, err := os.ReadFile("testdata/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	re := regexp.MustCompile(`\["([^"\\]+)","([^"\\]+)"\]`)
	old, err := Load(re.ReplaceAll(data, []byte(`"$1 $2"`)))
	if err != nil {
		t.Fatal(err)
	}
	text := "func (s *Store) Len() int { return len(s.items) }"
	if got, want := old.Encode(text), small(t).Encode(text); !slices.Equal(got, want) {
		t.Errorf("Encode = %v, want %v", got, want)
	}
}

func TestConcurrentEncode(t *testing.T) {
	tok := small(t)
	corpus, err := os.ReadFile("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := tok.Encode(string(corpus))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if !slices.Equal(tok.Encode(string(corpus)), want) {
					t.Error("concurrent Encode differs")
				}
			}
		})
	}
	wg.Wait()
}

// TestEndlessLine holds the encoder to something like linear time: quadratic
// work on 4 MB would outlast the test's patience.
func TestEndlessLine(t *testing.T) {
	tok := small(t)
	text := strings.Repeat("return nil, err; ", 1<<18)
	if got := tok.Decode(tok.Encode(text)); got != text {
		t.Error("an endless line does not decode to itself")
	}
}

func FuzzRoundTrip(f *testing.F) {
	tok := small(f)
	for _, seed := range []string{"", "x := 1\r\n\t\ty", "\xff\xfe<|mask|>", "日本\n\n  12", "\xf0\x9f\x91"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids := tok.Encode(text)
		if got := tok.Decode(ids); got != text {
			t.Fatalf("Decode(Encode(%q)) = %q", text, got)
		}
		for _, id := range ids {
			if id < 24 || int(id) >= tok.Size() {
				t.Fatalf("Encode(%q) made id %d", text, id)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	corpus, err := os.ReadFile("testdata/corpus.txt")
	if err != nil {
		b.Fatal(err)
	}
	text := string(corpus[:3<<10])
	b.Run("cached", func(b *testing.B) {
		tok := small(b)
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			tok.Encode(text)
		}
	})
	b.Run("fresh", func(b *testing.B) {
		tok := small(b)
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			tok.cache.Purge()
			tok.Encode(text)
		}
	})
}
