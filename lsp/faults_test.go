package lsp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp"
	"github.com/lacuna-dev/lacuna/lsp/lsptest"
)

// What may go wrong around a server: no crash, no wrong text, no memory without
// bound.

// saying is a server whose model says "1" wherever it is asked.
func saying(t *testing.T) (*lsptest.Editor, *lsptest.Filler) {
	filler := lsptest.NewFiller()
	filler.Says("1")
	o := options()
	o.Filler = func(context.Context) (infill.Filler, error) { return filler, nil }
	return lsptest.Start(t, o, lsptest.Profile{}), filler
}

// checkGhost asks at the buffer's cursor and wants the model's text there, for
// the text that the editor has.
func checkGhost(t *testing.T, e *lsptest.Editor, filler *lsptest.Filler, b *lsptest.Buffer) {
	t.Helper()
	var asked string // the tree is closed after the fill, the string is ours
	filler.Answer(func(r infill.Request) (infill.Result, error) {
		asked = string(r.Tree.Source())
		return infill.Result{Start: r.Hole.Start, End: r.Hole.End, Text: r.Hole.Lead + "1" + r.Hole.Trail, Fill: "1", Confidence: 1}, nil
	})
	if got := e.Ghosts(b, e.AskInline(b, lsptest.Invoked, nil)); len(got) != 1 {
		t.Fatalf("%s: %d suggestions, want one", b.URI, len(got))
	}
	if asked != b.Text {
		t.Fatalf("%s: the model was asked about a text of %d bytes, the editor has another of %d", b.URI, len(asked), len(b.Text))
	}
}

func TestTwoHundredOpenDocuments(t *testing.T) {
	e, filler := saying(t)
	var buffers []*lsptest.Buffer
	for i := range 200 {
		buffers = append(buffers, e.Open(fmt.Sprintf("f%d.go", i), fmt.Sprintf("package a\n\nvar x%d = ‸\n", i)))
	}
	for _, b := range buffers {
		e.Change(b, lsptest.Change{Start: 0, End: 0, Text: "// é🙂\n"})
	}
	for i := 0; i < len(buffers); i += 20 {
		checkGhost(t, e, filler, buffers[i])
	}
}

func TestADocumentOfFiveMegabytes(t *testing.T) {
	e, filler := saying(t)
	b := e.Open("a.go", "package a\n\nvar x = ‸\n")
	end := len(b.Text)
	e.Change(b, lsptest.Change{Start: end, End: end, Text: strings.Repeat("// "+strings.Repeat("é", 48)+"\n", 50_000)})
	if got := e.Ghosts(b, e.AskInline(b, lsptest.Invoked, nil)); len(got) != 0 {
		t.Errorf("a document of %d bytes is filled", len(b.Text))
	}
	for range 3 { // typing goes on, far into it
		at := len(b.Text) - 1
		e.Change(b, lsptest.Change{Start: at, End: at, Text: "🙂"})
	}
	e.Change(b, lsptest.Change{Start: end, End: len(b.Text)})
	b.Cursor = strings.LastIndex(b.Text, "\n")
	checkGhost(t, e, filler, b)
}

// All of them are asked before the first is answered.
func TestAThousandRequestsAtOnce(t *testing.T) {
	e, filler := saying(t)
	filler.Block()
	b := e.Open("a.go", "package a\n\nvar x = ‸\n")
	var asked []*lsptest.Pending
	for range 1000 {
		asked = append(asked, e.AskInline(b, lsptest.Automatic, nil))
	}
	filler.Release()
	for _, p := range asked[:999] {
		if reply := p.Wait(); reply.Err != nil && reply.Err.Code != -32800 {
			t.Fatalf("request %d: %v", p.ID, reply.Err)
		}
	}
	if reply := asked[999].Wait(); reply.Err != nil {
		t.Errorf("the newest request: %v", reply.Err)
	}
}

// A disk that stops, a network drive say, holds up neither requests nor the session.
func TestADiskThatStops(t *testing.T) {
	filler := lsptest.NewFiller()
	filler.Says("1")
	o := options()
	o.Filler = func(context.Context) (infill.Filler, error) { return filler, nil }
	server := lsp.New(o)
	var stopped atomic.Bool
	back := make(chan struct{})
	lsp.StallDisk(server, func() {
		if stopped.Load() {
			<-back
		}
	})
	e := lsptest.Connect(t, server, lsptest.Profile{})
	e.Initialize()
	b := e.Open("a.go", "package a\n\nvar x = ‸\n")
	checkGhost(t, e, filler, b)
	stopped.Store(true)
	for range 12 { // more than may be reading at once
		e.Change(b, lsptest.Change{Start: 0, End: 0, Text: "\n"})
		if got := e.Ghosts(b, e.AskInline(b, lsptest.Invoked, nil)); len(got) != 0 {
			t.Fatalf("%d suggestions in a file that may be ignored", len(got))
		}
	}
	pending := e.AskInline(b, lsptest.Invoked, nil)
	e.Notify("$/cancelRequest", map[string]any{"id": pending.ID})
	wantCode(t, pending, -32800)
	stopped.Store(false)
	close(back)
	checkGhost(t, e, filler, b)
}

// What panics while a file is read ends its request, and nothing else.
func TestAReadThatPanics(t *testing.T) {
	filler := lsptest.NewFiller()
	o := options()
	o.Filler = func(context.Context) (infill.Filler, error) { return filler, nil }
	server := lsp.New(o)
	var broken atomic.Bool
	lsp.StallDisk(server, func() {
		if broken.Load() {
			panic("a file like no other")
		}
	})
	e := lsptest.Connect(t, server, lsptest.Profile{})
	e.Initialize()
	b := e.Open("a.go", "package a\n\nvar x = ‸\n")
	broken.Store(true)
	wantCode(t, e.AskInline(b, lsptest.Invoked, nil), -32603)
	broken.Store(false)
	checkGhost(t, e, filler, b)
}

// A client that keeps sending after shutdown is told so, and exit ends it.
func TestAClientThatSendsWhileShuttingDown(t *testing.T) {
	e, filler := saying(t)
	filler.Block()
	b := e.Open("a.go", "package a\n\nvar x = ‸\n")
	before := e.AskInline(b, lsptest.Automatic, nil)
	filler.Wait(t)
	down := e.Request("shutdown", nil)
	var after []*lsptest.Pending
	for range 100 {
		e.Change(b, lsptest.Change{Start: 0, End: 0, Text: "\n"})
		after = append(after, e.AskInline(b, lsptest.Automatic, nil))
	}
	e.Notify("exit", nil)
	if err := e.Ended(); err != nil {
		t.Errorf("the verdict is %v", err)
	}
	wantCode(t, before, -32800)
	if got := down.Wait(); got.Err != nil || string(got.Result) != "null" {
		t.Errorf("shutdown was answered with %s, %v", got.Result, got.Err)
	}
	for _, p := range after {
		wantCode(t, p, -32600)
	}
}

// A client that writes and does not read: what waits for it must not grow without
// bound, and the session must still end.
func TestAClientThatStopsReading(t *testing.T) {
	client, server := net.Pipe()
	verdict := make(chan error, 1)
	go func() { verdict <- lsp.New(options()).Serve(context.Background(), server) }()
	write := func(message map[string]any) error {
		message["jsonrpc"] = "2.0"
		body, err := json.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		if err := client.SetWriteDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, err = fmt.Fprintf(client, "Content-Length: %d\r\n\r\n%s", len(body), body)
		return err
	}
	if err := write(map[string]any{"id": 0, "method": "initialize", "params": map[string]any{"processId": nil, "rootUri": nil, "capabilities": map[string]any{}}}); err != nil {
		t.Fatal(err)
	}
	const unread = 4_000
	text := strings.Repeat("x", 5000)
	var heaps []uint64
	for i := range unread {
		// Each makes a warning of five kilobytes for the client's log.
		err := write(map[string]any{"method": "textDocument/didChange", "params": map[string]any{"textDocument": map[string]any{"uri": "file:///" + text, "version": i}}})
		if err != nil {
			t.Fatalf("message %d: the server stopped reading: %v", i, err)
		}
		if i == 0 {
			if err := write(map[string]any{"method": "initialized", "params": map[string]any{}}); err != nil {
				t.Fatal(err)
			}
		}
		if i == unread/10 || i == unread-1 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heaps = append(heaps, m.HeapAlloc)
		}
	}
	// All of it would be twenty megabytes.
	if heaps[1] > heaps[0]+8<<20 {
		t.Errorf("the heap grew from %d to %d bytes", heaps[0], heaps[1])
	}
	client.Close()
	if err := <-verdict; !errors.Is(err, lsp.ErrNoShutdown) {
		t.Errorf("the verdict is %v", err)
	}
}

// A client that asks and does not read is not read from either, sooner or later.
func TestAClientThatAsksWithoutEnd(t *testing.T) {
	client, server := net.Pipe()
	verdict := make(chan error, 1)
	go func() { verdict <- lsp.New(options()).Serve(context.Background(), server) }()
	var blocked error
	for id := range 20_000 {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"lacuna/nothing"}`, id)
		if err := client.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, blocked = fmt.Fprintf(client, "Content-Length: %d\r\n\r\n%s", len(body), body); blocked != nil {
			break
		}
	}
	if !errors.Is(blocked, os.ErrDeadlineExceeded) {
		t.Errorf("20,000 requests are taken in, and nobody reads an answer: %v", blocked)
	}
	client.Close()
	if err := <-verdict; !errors.Is(err, lsp.ErrNoShutdown) {
		t.Errorf("the verdict is %v", err)
	}
}

// patience is far longer than any of this takes.
const patience = time.Minute

// An engine that fails under way is an error to that request, and the next one is
// served.
func TestAnEngineThatFailsUnderWay(t *testing.T) {
	e, filler := saying(t)
	b := e.Open("a.go", "package a\n\nvar x = ‸\n")
	for _, fault := range []func(infill.Request) (infill.Result, error){
		func(infill.Request) (infill.Result, error) { return infill.Result{}, io.ErrUnexpectedEOF },
		func(infill.Request) (infill.Result, error) { panic("the engine is gone") },
	} {
		filler.Answer(fault)
		if reply := e.AskInline(b, lsptest.Invoked, nil).Wait(); reply.Err == nil || reply.Err.Code != -32603 {
			t.Errorf("it was answered with %s, %v; want error -32603", reply.Result, reply.Err)
		}
		checkGhost(t, e, filler, b)
	}
}
