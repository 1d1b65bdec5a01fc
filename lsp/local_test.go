package lsp_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp"
	"github.com/lacuna-dev/lacuna/lsp/control"
	"github.com/lacuna-dev/lacuna/lsp/lsptest"
)

// shortTemp is a folder whose name leaves room for that of a socket.
func shortTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lacuna")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// filling starts a server that fills, and asks it once.
func filling(t *testing.T, options lsp.Options, settings map[string]any) *lsptest.Editor {
	t.Helper()
	filler := lsptest.NewFiller()
	filler.Says("1")
	options.Filler = func(context.Context) (infill.Filler, error) { return filler, nil }
	editor := lsptest.Start(t, options, lsptest.Profile{Options: settings})
	buffer := editor.Open("a.go", "package a\n\nvar x = ‸\n")
	editor.Accept(buffer, editor.Ghosts(buffer, editor.AskInline(buffer, lsptest.Automatic, nil))[0])
	return editor
}

// TestMetrics: counters are served where the user wants them, and nowhere else.
func TestMetrics(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	editor := filling(t, lsp.Options{}, map[string]any{"metrics": map[string]any{"address": address}})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var text string
	lsptest.Eventually(t, "metrics", func() bool {
		response, err := client.Get("http://" + address + "/metrics")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		raw, err := io.ReadAll(response.Body)
		text = string(raw)
		return err == nil
	})
	for _, want := range []string{`lacuna_requests_total{outcome="shown"} 1`, `lacuna_items_total{fate="accepted"} 1`, "lacuna_open_documents 1", "lacuna_model_ready 1", `lacuna_seconds_total{part="total"} `} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	editor.Notify("workspace/didChangeConfiguration", map[string]any{"settings": map[string]any{"metrics.address": ""}})
	lsptest.Eventually(t, "metrics to end", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
}

// TestControlSocket: it is there while the session runs, unless it is switched off.
func TestControlSocket(t *testing.T) {
	dir := filepath.Join(shortTemp(t), "lacuna")
	sockets := func() int {
		found, err := filepath.Glob(filepath.Join(dir, "*.sock"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	editor := filling(t, lsp.Options{ControlDir: dir}, nil)
	lsptest.Eventually(t, "the socket", func() bool { return sockets() == 1 })
	found, err := control.Servers(dir)
	if err != nil || len(found) != 1 {
		t.Fatalf("found %v, %v", found, err)
	}
	raw, err := found[0].Ask(t.Context(), "/explain?last=1")
	if err != nil || !strings.Contains(string(raw), `"outcome":"shown"`) {
		t.Errorf("explain: %s, %v", raw, err)
	}
	if _, err := found[0].Ask(t.Context(), "/explain?last=all"); err == nil || !strings.Contains(err.Error(), "last must be a whole number") {
		t.Errorf("a bad question: %v", err)
	}
	editor.Notify("workspace/didChangeConfiguration", map[string]any{"settings": map[string]any{"control": map[string]any{"enable": false}}})
	lsptest.Eventually(t, "the socket to go", func() bool { return sockets() == 0 })
	editor.Notify("workspace/didChangeConfiguration", map[string]any{"settings": map[string]any{"control": map[string]any{"enable": true}}})
	lsptest.Eventually(t, "the socket to come back", func() bool { return sockets() == 1 })
	editor.Stop()
	if n := sockets(); n != 0 {
		t.Errorf("the session leaves %d sockets", n)
	}
}

// TestStatistics: a session adds a line to the user's file, if there is one.
func TestStatistics(t *testing.T) {
	file := filepath.Join(t.TempDir(), "statistics.jsonl")
	for range 2 {
		filling(t, lsp.Options{Version: "test"}, map[string]any{"statistics": map[string]any{"file": file}}).Stop()
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	var line struct {
		Version                string
		Asked, Shown, Accepted int
	}
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil || len(lines) != 2 || line.Version != "test" || line.Asked != 1 || line.Accepted != 1 {
		t.Errorf("%v: %s", err, raw)
	}
}
