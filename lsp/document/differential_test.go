//go:build conformance

package document_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.lsp.dev/protocol"

	"github.com/lacuna-dev/lacuna/lsp/document"
	"github.com/lacuna-dev/lacuna/lsp/position"
)

var (
	editCount = flag.Int("edits", 30_000, "random edits to compare, of all encodings together")
	editSeed  = flag.Uint64("seed", 1, "of the random edits")
)

// editScript is what the oracle is asked: see editors/conformance/textdocument.mjs.
type editScript struct {
	Encoding string              `json:"encoding"`
	Text     string              `json:"text"`
	Changes  [][]scriptedContent `json:"changes"`
	Full     bool                `json:"full,omitempty"`
}

type scriptedContent struct {
	Range *protocol.Range `json:"range,omitempty"`
	Text  string          `json:"text"`
}

// pieces are what makes positions go wrong in editors and servers.
var pieces = []string{
	"a", "bc", " ", "\t", "x := 1", "{", "}", "ä", "ß", "中文", "🙂", "𝒳", "👩‍👩‍👧", "e\u0301", "\u0301", "\u200b", "\ufeff",
	"\n", "\n", "\r\n", "\r\n", "\r", "\n\n", "\r\r\n", "\n\r", "\u2028", "\u2029", "\v", "\f", "\u0085", "", "",
}

func somePieces(random *rand.Rand, most int) string {
	var text string
	for range random.IntN(most + 1) {
		text += pieces[random.IntN(len(pieces))]
	}
	return text
}

// somePosition is mostly within a text of so many lines, sometimes far out.
func somePosition(random *rand.Rand, lines int) protocol.Position {
	p := protocol.Position{Line: random.Uint32N(uint32(lines) + 1), Character: random.Uint32N(14)}
	switch random.IntN(30) {
	case 0:
		p.Line = 1 << 31 // beyond what a signed 32-bit number holds, LSP's largest
		p.Line--
	case 1:
		p.Character = 1<<31 - 1
	}
	return p
}

// scriptOf makes up a session and what our document makes of it: a digest of the
// text after each notification.
func scriptOf(random *rand.Rand, encoding position.Encoding) (editScript, []string, int) {
	s := editScript{Encoding: string(encoding.Kind()), Text: somePieces(random, 60)}
	d := open("a.txt", "plaintext", s.Text)
	defer d.Close()
	var digests []string
	edits := 0
	for version := int32(2); version < 102; version++ {
		var notification []scriptedContent
		var changes []document.Edit
		for range 1 + random.IntN(4) {
			c := scriptedContent{Text: somePieces(random, 6)}
			if random.IntN(60) > 0 {
				lines := d.Head().Text.Lines()
				c.Range = &protocol.Range{Start: somePosition(random, lines), End: somePosition(random, lines)}
				switch random.IntN(4) {
				case 0, 1: // typing
					c.Range.End = c.Range.Start
				case 2: // on one line
					c.Range.End.Line = c.Range.Start.Line
				}
				if d.Head().Text.Len() > 1500 && random.IntN(2) == 0 {
					c.Text = ""
				}
			}
			notification = append(notification, c)
			changes = append(changes, document.Edit{Range: c.Range, Text: c.Text})
		}
		// The version grows; there is nothing else to go wrong.
		_ = d.Change(version, changes, encoding)
		edits += len(changes)
		s.Changes = append(s.Changes, notification)
		digests = append(digests, digest(d.Head().Text.Bytes()))
	}
	return s, digests, edits
}

func digest(text []byte) string {
	sum := sha1.Sum(text)
	return hex.EncodeToString(sum[:])[:12]
}

// oracleProcess is textdocument.mjs running in Node.
type oracleProcess struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func startOracle(t *testing.T) *oracleProcess {
	t.Helper()
	cmd := exec.Command("node", "textdocument.mjs")
	cmd.Dir = filepath.Join("..", "..", "editors", "conformance")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: the differential test needs Node.js, and editors/conformance/run.sh to fetch the package it compares with", err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("node: %v", err)
		}
	})
	return &oracleProcess{in, bufio.NewReaderSize(out, 1<<20)}
}

func (o *oracleProcess) ask(t *testing.T, s editScript) []string {
	t.Helper()
	line, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.in.Write(append(line, '\n')); err != nil {
		t.Fatalf("the oracle is gone: %v", err)
	}
	answer, err := o.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("the oracle is gone: %v", err)
	}
	var out []string
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDifferential types at random in documents of all encodings, and wants the
// text that vscode-languageserver-textdocument has after each notification.
func TestDifferential(t *testing.T) {
	oracle := startOracle(t)
	encodings := []position.Encoding{position.UTF16, position.UTF8, position.UTF32}
	done, began, told := 0, time.Now(), time.Now()
	for n := 0; done < *editCount; n++ {
		encoding := encodings[n%len(encodings)]
		random := rand.New(rand.NewPCG(*editSeed, uint64(n)))
		s, ours, edits := scriptOf(random, encoding)
		theirs := oracle.ask(t, s)
		for i := range ours {
			if i >= len(theirs) || ours[i] != theirs[i] {
				explainDifference(t, oracle, s, i, encoding)
				t.Fatalf("seed %d, script %d, notification %d differs", *editSeed, n, i)
			}
		}
		done += edits
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			t.Logf("%d of %d edits, %.0f a second, no difference", done, *editCount, float64(done)/time.Since(began).Seconds())
		}
	}
	t.Logf("%d edits in utf-16, utf-8 and utf-32, seed %d: no difference (%.0f s)", done, *editSeed, time.Since(began).Seconds())
}

// explainDifference logs the notification and the texts before and after it.
func explainDifference(t *testing.T, oracle *oracleProcess, s editScript, i int, encoding position.Encoding) {
	t.Helper()
	s.Full, s.Changes = true, s.Changes[:i+1]
	theirs := oracle.ask(t, s)
	d := open("a.txt", "plaintext", s.Text)
	defer d.Close()
	before := ""
	for version, notification := range s.Changes {
		var changes []document.Edit
		for _, c := range notification {
			changes = append(changes, document.Edit{Range: c.Range, Text: c.Text})
		}
		before = string(d.Head().Text.Bytes())
		_ = d.Change(int32(version+2), changes, encoding)
	}
	for _, c := range s.Changes[i] {
		t.Logf("%s change: range %+v, text %q", encoding.Kind(), c.Range, c.Text)
	}
	t.Logf("before: %q", before)
	t.Logf("ours:   %q", d.Head().Text.Bytes())
	t.Logf("theirs: %q", theirs[i])
}
