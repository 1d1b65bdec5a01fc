package control

import (
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAsk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lacuna")
	if found, err := Servers(dir); err != nil || found != nil {
		t.Errorf("before there is any: %v, %v", found, err)
	}
	listener, err := Listen(dir, 42, 0)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/status" {
			http.Error(w, "no such thing", http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(`{"ok":true}`))
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	for path, want := range map[string]fs.FileMode{dir: 0o700, filepath.Join(dir, "42.sock"): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	found, err := Servers(dir)
	if err != nil || len(found) != 1 || found[0].Name != "42" {
		t.Fatalf("found %v, %v", found, err)
	}
	if raw, err := found[0].Ask(t.Context(), "/status"); err != nil || string(raw) != `{"ok":true}` {
		t.Errorf("answered %s, %v", raw, err)
	}
	if _, err := found[0].Ask(t.Context(), "/other"); err == nil {
		t.Error("an error of the server is none here")
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	<-done
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("a closed server leaves %v, %v", entries, err)
	}
}

// TestKilled: what a killed server leaves is cleared away, and in nobody's way.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	address := &net.UnixAddr{Name: filepath.Join(dir, "7.sock"), Net: "unix"}
	left, err := net.ListenUnix("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err := Servers(dir); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
	if err := os.WriteFile(address.Name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Listen(dir, 7, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// TestNoFolder: what is no folder of ours is refused.
func TestNoFolder(t *testing.T) {
	real := t.TempDir()
	link := filepath.Join(t.TempDir(), "lacuna")
	if err := os.Symlink(real, link); err != nil {
		t.Skip("no links here")
	}
	if listener, err := Listen(link, 1, 0); err == nil {
		listener.Close()
		t.Error("a link is taken for the folder")
	}
}
