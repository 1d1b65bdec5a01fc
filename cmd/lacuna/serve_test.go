package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// serving runs lacuna serve until the test, or the test itself, ends it.
func serving(t *testing.T, args ...string) (stop func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	a := newTestApp(t, nil)
	a.ctx, a.open = ctx, openEngine
	done := make(chan int, 1)
	go func() { done <- runWith(a.app, append([]string{"serve"}, args...)) }()
	stopped := false
	stop = func() string {
		if !stopped {
			stopped = true
			cancel()
			if status := <-done; status != exitInterrupted {
				t.Errorf("lacuna serve ended with status %d", status)
			}
		}
		return a.out.String()
	}
	t.Cleanup(func() { stop() })
	return stop
}

// shortDir is for sockets, whose paths must be short.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lacuna")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// openShared waits for the server and opens an engine on it.
func openShared(t *testing.T, where string) *engine {
	t.Helper()
	shared, err := parseShared(where)
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial(shared.network, shared.address); err == nil {
			conn.Close()
			break
		} else if time.Since(began) > time.Minute {
			t.Fatal(err)
		}
	}
	e, err := openEngine(engineFlags{Device: "cpu", Fused: "off", shared: shared})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	if e.Warning != "" {
		t.Fatalf("the shared engine is not used: %s", e.Warning)
	}
	return e
}

// TestServe: editors that share an engine are filled for as by an own one, also when
// it is killed under them, and when it is back.
func TestServe(t *testing.T) {
	socket := filepath.Join(shortDir(t), "folder", "engine")
	stop := serving(t, "--socket", socket)
	one, other := openShared(t, socket), openShared(t, "unix://"+socket)
	if info, err := os.Stat(socket); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	own, err := openEngine(engineFlags{Device: "cpu", Fused: "off"})
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	a := newTestApp(t, nil)
	a.open = openEngine
	cuts := someCuts(t, a.app, 2)
	same := func(when string) {
		t.Helper()
		for i := range cuts {
			want := fillText(t, own, &cuts[i])
			for _, e := range []*engine{one, other} {
				if got := fillText(t, e, &cuts[i]); got != want {
					t.Errorf("%s: %q, an own engine says %q", when, got, want)
				}
			}
		}
	}
	same("shared")
	if out := stop(); !strings.Contains(out, "on unix://"+socket) {
		t.Errorf("it printed %q", out)
	}
	same("killed")
	serving(t, "--socket", socket)
	openShared(t, socket)
	same("restarted")
}

// TestServeWhatIsLeft: a socket of a server that was killed is replaced, one that is
// in use is not, nor anything else.
func TestServeWhatIsLeft(t *testing.T) {
	socket := filepath.Join(shortDir(t), "engine")
	left, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listenUnix(socket); err == nil || !strings.Contains(err.Error(), "served") {
		t.Errorf("one in use: %v", err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()
	if again, err := listenUnix(socket); err != nil {
		t.Errorf("one that is left over: %v", err)
	} else {
		again.Close()
	}
	if err := os.WriteFile(socket, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listenUnix(socket); err == nil {
		t.Error("a file was replaced")
	}
}

func TestServeTCP(t *testing.T) {
	t.Setenv(envEngineToken, "secret")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(address)
	serving(t, "--tcp", port)
	openShared(t, "tcp://"+address)
	t.Setenv(envEngineToken, "guess")
	shared, _ := parseShared("tcp://" + address)
	e, err := openEngine(engineFlags{Device: "cpu", Fused: "off", shared: shared})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if !strings.Contains(e.Warning, "the token is not the server's") {
		t.Errorf("with a wrong token: %q", e.Warning)
	}
}

func TestParseShared(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/me")
	for text, want := range map[string]*sharedEngine{
		"auto": {"unix", "/run/me/lacuna/engine", false}, "own": nil, "/a/b": {"unix", "/a/b", true}, "unix:///a/b": {"unix", "/a/b", true},
		"tcp://127.0.0.1:1": {"tcp", "127.0.0.1:1", true}, "tcp://[::1]:1": {"tcp", "[::1]:1", true}, "tcp://localhost:1": {"tcp", "localhost:1", true},
	} {
		if got, err := parseShared(text); err != nil || (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"a/b", "tcp://10.0.0.1:1", "tcp://example.org:1", "tcp://127.0.0.1"} {
		if _, err := parseShared(text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
