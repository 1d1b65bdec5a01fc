package lsp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.lsp.dev/jsonrpc2"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp"
	"github.com/lacuna-dev/lacuna/lsp/lsptest"
)

// options are those of a server whose model says nothing.
func options() lsp.Options {
	return lsp.Options{
		Name:   "lacuna",
		Filler: func(context.Context) (infill.Filler, error) { return lsptest.NewFiller(), nil },
	}
}

func wantCode(t *testing.T, p *lsptest.Pending, want jsonrpc2.Code) {
	t.Helper()
	reply := p.Wait()
	if reply.Err == nil || reply.Err.Code != want {
		t.Errorf("%s was answered with %s, %v; want error %d", p.Method, reply.Result, reply.Err, want)
	}
}

func TestBeforeInitializeRequestsAreRefused(t *testing.T) {
	e := lsptest.Connect(t, lsp.New(options()), lsptest.Profile{})
	e.Notify("textDocument/didOpen", map[string]any{})
	wantCode(t, e.Request("textDocument/inlineCompletion", map[string]any{}), jsonrpc2.ServerNotInitialized)
	wantCode(t, e.Request("shutdown", nil), jsonrpc2.ServerNotInitialized)
	wantCode(t, e.Request("initialize", nil), jsonrpc2.InvalidParams)
	e.Initialize()
	e.Stop()
}

func TestAfterShutdownRequestsAreRefused(t *testing.T) {
	e := lsptest.Connect(t, lsp.New(options()), lsptest.Profile{})
	e.Initialize()
	e.Request("shutdown", nil).Wait()
	wantCode(t, e.Request("textDocument/codeAction", map[string]any{}), jsonrpc2.InvalidRequest)
	wantCode(t, e.Request("initialize", map[string]any{}), jsonrpc2.InvalidRequest)
	e.Notify("exit", nil)
	if err := e.Ended(); err != nil {
		t.Errorf("the verdict is %v, want none", err)
	}
}

func TestShutdownEndsWhatIsUnderWay(t *testing.T) {
	filler := lsptest.NewFiller()
	filler.Block()
	o := options()
	o.Filler = func(context.Context) (infill.Filler, error) { return filler, nil }
	e := lsptest.Start(t, o, lsptest.Profile{})
	b := e.Open("a.go", "package a\n\nvar x = ‸\n")
	asked := e.AskInline(b, lsptest.Automatic, nil)
	filler.Wait(t)
	e.Stop()
	wantCode(t, asked, -32800)
}

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		name  string
		end   func(e *lsptest.Editor)
		clean bool
		says  string
	}{
		{"exit without shutdown", func(e *lsptest.Editor) { e.Notify("exit", nil) }, false, "sent exit"},
		{"connection lost", func(e *lsptest.Editor) { e.Disconnect() }, false, "closed the connection"},
		{"connection lost after shutdown", func(e *lsptest.Editor) { e.Request("shutdown", nil).Wait(); e.Disconnect() }, true, ""},
		{"broken framing", func(e *lsptest.Editor) { e.Write("Content-Length: many\r\n\r\n") }, false, "header"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := lsptest.Connect(t, lsp.New(options()), lsptest.Profile{})
			e.Initialize()
			test.end(e)
			err := e.Ended()
			if test.clean != (err == nil) || !test.clean && (!errors.Is(err, lsp.ErrNoShutdown) || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("the verdict is %v", err)
			}
		})
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	client, server := net.Pipe()
	defer client.Close()
	reason := errors.New("interrupted")
	cancel(reason)
	if err := lsp.New(options()).Serve(ctx, server); !errors.Is(err, reason) {
		t.Errorf("the verdict is %v, want %v", err, reason)
	}
}

func TestServerFollowsItsParent(t *testing.T) {
	parent := exec.Command("sleep", "1000")
	if err := parent.Start(); err != nil {
		t.Skipf("no process to play the parent: %v", err)
	}
	server := lsp.New(options())
	lsp.SetParentPoll(server, time.Millisecond)
	e := lsptest.Connect(t, server, lsptest.Profile{})
	e.Request("initialize", map[string]any{"processId": parent.Process.Pid, "rootUri": nil, "capabilities": map[string]any{}}).Wait()
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	if err := e.Ended(); !errors.Is(err, lsp.ErrNoShutdown) || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("the verdict is %v", err)
	}
}

func TestNonsenseIsAnsweredAndSurvived(t *testing.T) {
	e := lsptest.Start(t, options(), lsptest.Profile{})
	for _, frame := range []string{"{", "[]", "7", `{"jsonrpc":"2.0"}`, `{"jsonrpc":"2.0","id":{},"method":"x"}`, "\xff\xfe"} {
		e.WriteFrame(frame)
		e.Event("an error for "+frame, func(got lsptest.Event) bool { return got.Method == "error without id" })
	}
}

func TestLargeAndForeignDocumentsAreTrackedButNotFilled(t *testing.T) {
	filler := lsptest.NewFiller()
	filler.Says("1")
	o := options()
	o.Filler = func(context.Context) (infill.Filler, error) { return filler, nil }
	e := lsptest.Start(t, o, lsptest.Profile{})
	b := e.Open("a.go", "package a\n\nvar x = ‸\n"+strings.Repeat("// "+strings.Repeat("x", 1000)+"\n", 2100))
	e.Event("a warning about its size", func(got lsptest.Event) bool {
		return got.Method == "window/logMessage" && strings.Contains(string(got.Params), "more than the 2097152 that are filled")
	})
	if got := e.Ghosts(b, e.AskInline(b, lsptest.Automatic, nil)); len(got) != 0 {
		t.Errorf("a document of %d bytes is filled: %+v", len(b.Text), got)
	}
	// Made shorter, it is filled again.
	e.Change(b, lsptest.Change{Start: b.Cursor, End: len(b.Text), Text: "\n"})
	b.Cursor = strings.LastIndex(b.Text, "\n")
	if got := e.Ghosts(b, e.AskInline(b, lsptest.Automatic, nil)); len(got) != 1 {
		t.Errorf("a document of %d bytes is not filled", len(b.Text))
	}
}

func TestAPanickingProviderIsAMissingModel(t *testing.T) {
	o := options()
	o.Filler = func(context.Context) (infill.Filler, error) { panic("no such symbol") }
	e := lsptest.Start(t, o, lsptest.Profile{})
	e.Event("a message", func(got lsptest.Event) bool {
		return got.Method == "window/showMessage" && strings.Contains(string(got.Params), "no such symbol")
	})
}

func TestEveryRequestIsAnsweredOnce(t *testing.T) {
	filler := lsptest.NewFiller()
	filler.Says("1")
	o := options()
	o.Filler = func(context.Context) (infill.Filler, error) { return filler, nil }
	e := lsptest.Start(t, o, lsptest.Profile{})
	b := e.Open("a.go", "package a\n\nvar x = ‸\n")
	var asked []*lsptest.Pending
	for i := range 200 {
		p := e.AskInline(b, lsptest.Automatic, nil)
		asked = append(asked, p)
		switch i % 4 {
		case 1:
			e.Change(b, lsptest.Change{Start: b.Cursor, End: b.Cursor, Text: "y"})
		case 2:
			e.Notify("$/cancelRequest", map[string]any{"id": p.ID})
		}
	}
	// A second reply to one of them would be reported by the editor.
	for _, p := range asked {
		if reply := p.Wait(); reply.Err != nil && reply.Err.Code != -32800 && reply.Err.Code != -32801 {
			t.Errorf("request %d: %v", p.ID, reply.Err)
		}
	}
}

// stubborn is a connection whose Read does not end with Close, as that of
// standard input.
type stubborn struct {
	io.Reader
	io.Writer
}

func (stubborn) Close() error { return nil }

func TestExitDoesNotWaitForTheClientToHangUp(t *testing.T) {
	in, client := io.Pipe()
	defer client.Close()
	var log bytes.Buffer
	o := options()
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	verdict := make(chan error)
	go func() { verdict <- lsp.New(o).Serve(context.Background(), stubborn{in, io.Discard}) }()
	const body = `{"jsonrpc":"2.0","method":"exit"}`
	if _, err := fmt.Fprintf(client, "Content-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		t.Fatal(err)
	}
	if err := <-verdict; !errors.Is(err, lsp.ErrNoShutdown) {
		t.Errorf("the verdict is %v", err)
	}
	if log.Len() > 0 {
		t.Errorf("the server had to give up waiting: %s", log.Bytes())
	}
}
