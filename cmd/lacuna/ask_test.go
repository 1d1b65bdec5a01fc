package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp"
	"github.com/lacuna-dev/lacuna/lsp/control"
	"github.com/lacuna-dev/lacuna/lsp/lsptest"
)

// TestAskRunningServers: the commands ask a server that an editor runs.
func TestAskRunningServers(t *testing.T) {
	// Not t.TempDir: the path of a socket must be short.
	runtimeDir, err := os.MkdirTemp("", "lacuna")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(runtimeDir) })
	t.Setenv("XDG_RUNTIME_DIR", runtimeDir)

	a := newTestApp(t, nil)
	a.run(t, exitFailed, "status")
	a.says(t, a.err, "no language server of yours is running")

	filler := lsptest.NewFiller()
	filler.Says("1")
	editor := lsptest.Start(t, lsp.Options{
		Name: "lacuna", Version: "test", ControlDir: control.Dir(),
		Filler: func(context.Context) (infill.Filler, error) { return filler, nil },
	}, lsptest.Profile{})
	buffer := editor.Open("a.go", "package a\n\nvar x = ‸\n")
	editor.Ghosts(buffer, editor.AskInline(buffer, lsptest.Automatic, nil))
	lsptest.Eventually(t, "the control socket", func() bool {
		found, err := filepath.Glob(filepath.Join(control.Dir(), "*.sock"))
		return err == nil && len(found) == 1
	})

	a.run(t, 0, "explain")
	a.says(t, a.out, "line 3, column 9, while typing: a suggestion")
	a.run(t, 0, "status")
	a.says(t, a.out, "the model is ready; 1 documents; of 1 requests 1 with a suggestion")
	a.out.Reset()
	var answers []struct {
		Server   string
		Requests []lsp.Explanation
	}
	a.run(t, 0, "explain", "--json", "--last", "1")
	if err := json.Unmarshal(a.out.Bytes(), &answers); err != nil || len(answers) != 1 || len(answers[0].Requests) != 1 || answers[0].Requests[0].Outcome != "shown" {
		t.Errorf("explain --json: %v, %+v", err, answers)
	}
	a.run(t, exitFailed, "status", "--server", "1")
	a.says(t, a.err, "no language server 1 of yours is running")
	a.run(t, exitUsage, "explain", "--last", "0")
}

// says expects a text in what was written, and forgets what was.
func (a *testApp) says(t *testing.T, to *bytes.Buffer, want string) {
	t.Helper()
	if !strings.Contains(to.String(), want) {
		t.Errorf("%q is not in %q", want, to)
	}
	to.Reset()
}
