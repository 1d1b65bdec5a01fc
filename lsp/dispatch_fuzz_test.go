package lsp_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"go.lsp.dev/jsonrpc2"

	"github.com/lacuna-dev/lacuna/lsp"
)

// FuzzDispatcher sends frames of any content, one a line. Unless they end the
// session, the server must answer what is asked after them, and it must answer
// no id more often than it was used.
func FuzzDispatcher(f *testing.F) {
	const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}`
	const open = `{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///a.go","languageId":"go","version":1,"text":"package a\n\nfunc f() {}\n"}}}`
	for _, method := range []string{"textDocument/didChange", "textDocument/didClose", "$/cancelRequest", "window/workDoneProgress/cancel", "workspace/didChangeConfiguration", "initialized", "exit"} {
		f.Add(initialize + "\n" + open + "\n" + fmt.Sprintf(`{"jsonrpc":"2.0","method":%q,"params":{}}`, method))
	}
	for _, method := range []string{"textDocument/inlineCompletion", "textDocument/codeAction", "workspace/executeCommand", "shutdown", "initialize"} {
		f.Add(initialize + "\n" + open + "\n" + fmt.Sprintf(`{"jsonrpc":"2.0","id":"x","method":%q,"params":{"textDocument":{"uri":"file:///a.go"},"position":{"line":2,"character":10},"context":{}}}`, method))
	}
	f.Add(initialize + "\n" + open + "\n" + `{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":{"uri":"file:///a.go","version":2},"contentChanges":[{"range":{"start":{"line":0,"character":0},"end":{"line":9,"character":9}},"text":"\ud83d"}]}}`)
	f.Add("[]\n{\n{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"x\"}\n{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":null}")
	f.Fuzz(checkFrames)
}

func checkFrames(t *testing.T, frames string) {
	client, server := net.Pipe()
	verdict := make(chan error, 1)
	go func() { verdict <- lsp.New(options()).Serve(context.Background(), server) }()

	const last = "the last question"
	replies := make(chan map[string]int)
	go func() {
		counted := map[string]int{}
		defer func() { replies <- counted }()
		stream := jsonrpc2.NewStream(client)
		for {
			message, _, err := stream.Read(context.Background())
			if err != nil {
				return
			}
			if reply, ok := message.(*jsonrpc2.Response); ok && reply.ID().IsValid() {
				id := fmt.Sprintf("%q", reply.ID())
				if counted[id]++; id == fmt.Sprintf("%q", last) {
					return
				}
			}
		}
	}()
	question := fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"method":"textDocument/codeAction"}`, last)
	sent := 0
	for _, frame := range append(strings.Split(frames, "\n"), question) {
		if frame == "" {
			continue
		}
		if _, err := fmt.Fprintf(client, "Content-Length: %d\r\n\r\n%s", len(frame), frame); err != nil {
			break // the session is over
		}
		sent++
	}
	counted := <-replies
	client.Close()
	<-verdict
	total := 0
	for _, n := range counted {
		total += n
	}
	if total > sent {
		t.Errorf("%d frames were answered %d times: %v", sent, total, counted)
	}
	if counted[fmt.Sprintf("%q", last)] == 0 && !strings.Contains(frames, "exit") {
		t.Errorf("the session broke off after %q", frames)
	}
}
