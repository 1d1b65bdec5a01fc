package infill

import (
	"flag"
	"fmt"
	"go/build"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/models"
	"github.com/lacuna-dev/lacuna/models/tokenizer"
)

var truthFiles = flag.Int("files", 30, "files that TestConstraintsAllowTheTruth cuts holes out of, twenty of each")

// TestConstraintsAllowTheTruth: whatever is cut out of a real file, constraints allow
// every token of it, unless it leaves the block that it begins in. A bracket too many,
// or one too few, is mended.
func TestConstraintsAllowTheTruth(t *testing.T) {
	bundle, err := models.Default()
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := tokenizer.Load(bundle.Tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	mask, _ := tokens.ID("<|mask|>")
	r := rules{vocab: Vocabulary{Mask: mask}, traits: traitsOf(tokens.Size(), tokens)}
	files := realFiles(t)
	files = files[:min(len(files), *truthFiles)]
	holes, bounded := 0, 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lang, _ := grammars.ByPath(file)
		whole, err := grammars.Parse(lang, source)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, uint64(len(source))))
		for range 20 {
			start, end := drawSpan(rng, source)
			holed, err := whole.Splice(start, end, "")
			if err != nil {
				t.Fatal(err)
			}
			r.limits = constraintsOf(holed, holed.Cursor(start))
			holed.Close()
			holes++
			if r.limits != unconstrained {
				bounded++
			}
			if why := r.objection(tokens, string(source[start:end])); why != "" {
				t.Errorf("%s: %s\n%q\nbefore %q\nbehind %q\n%+v", file, why, source[start:end],
					source[max(0, start-80):start], source[end:min(len(source), end+80)], r.limits)
			}
		}
		whole.Close()
	}
	t.Logf("%d holes of %d files, constraints on %d", holes, len(files), bounded)
	if bounded < holes/2 {
		t.Errorf("constraints say nothing of %d of %d holes", holes-bounded, holes)
	}
}

// objection is what the constraints have against a text, or nothing.
func (r rules) objection(t Tokenizer, text string) string {
	tokens := t.Encode(text)
	leaves := r.limits.indent > 0 && leavesBlock(text+"x", r.limits.indent)
	for i, token := range tokens {
		here := r.placeOf(tokens, i)
		switch {
		case here.forbids(token):
			return fmt.Sprintf("token %d, %q, is forbidden", i, t.Decode([]Token{token}))
		case here.leaves(token) && !leaves:
			return fmt.Sprintf("token %d, %q, ends the answer", i, t.Decode([]Token{token}))
		}
	}
	if _, changes := r.limits.mend(text); changes > 0 || text == "" {
		return "" // it closes what surrounds it and opens it again
	}
	var damaged []string
	for kind, closer := range []string{")", "]"} {
		if r.limits.openable[kind] == 0 {
			damaged = append(damaged, text+closer)
		}
	}
	if strings.HasSuffix(text, ")") || strings.HasSuffix(text, "]") {
		damaged = append(damaged, text[:len(text)-1])
	}
	for _, d := range damaged {
		if mended, changes := r.limits.mend(d); changes > 0 && unspaced(mended) != unspaced(text) {
			return fmt.Sprintf("%q is mended to %q", d, mended)
		}
	}
	return ""
}

func unspaced(text string) string { return strings.Join(strings.Fields(text), "") }

// leavesBlock says whether a line is indented by less than so much.
func leavesBlock(text string, indent int) bool {
	for _, line := range strings.Split(text, "\n")[1:] {
		if code := strings.TrimLeft(line, " \t"); code != "" && len(line)-len(code) < indent {
			return true
		}
	}
	return false
}

// drawSpan draws whole lines, the rest of a line, or any bytes.
func drawSpan(rng *rand.Rand, source []byte) (start, end int) {
	start = rng.IntN(len(source))
	for ; start > 0 && source[start]&0xC0 == 0x80; start-- {
	}
	switch rng.IntN(3) {
	case 0: // lines, from behind the indentation of the first
		for ; start > 0 && source[start-1] != '\n'; start-- {
		}
		for ; start < len(source) && (source[start] == ' ' || source[start] == '\t'); start++ {
		}
		end = start
		for range 1 + rng.IntN(5) {
			for end = min(end+1, len(source)); end < len(source) && source[end] != '\n'; end++ {
			}
		}
	case 1:
		for end = start; end < len(source) && source[end] != '\n'; end++ {
		}
	default:
		end = min(len(source), start+rng.IntN(80))
		for ; end < len(source) && source[end]&0xC0 == 0x80; end++ {
		}
	}
	return start, end
}

// realFiles are those of this repository and some of the standard library.
func realFiles(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{
		"../examples/*.go", "../examples/*.py", "../examples/*/*.go", "../examples/*/*.py", "../models/train/*.py", "*.go",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
	}
	for _, dir := range []string{"fmt", "net/http", "go/parser", "encoding/json", "text/template", "strconv"} {
		found, _ := filepath.Glob(filepath.Join(build.Default.GOROOT, "src", dir, "*.go"))
		out = append(out, found...)
	}
	if len(out) < 20 {
		t.Fatalf("only %d files", len(out))
	}
	rng := rand.New(rand.NewPCG(7, 7))
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
