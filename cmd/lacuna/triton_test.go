package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lacuna-dev/lacuna/grammars"
)

// envServePython names the environment variable with the Python of a virtual
// environment that has models/train/requirements-serve.txt.
const envServePython = "LACUNA_SERVE_PYTHON"

// TestTriton serves the model with a real Triton, from the repository that lacuna
// repository writes, and fills with it. Triton's onnxruntime backend is in no
// package, so its Python backend runs the same file; protocol, configuration and
// dynamic batching are Triton's own.
func TestTriton(t *testing.T) {
	python := os.Getenv(envServePython)
	if python == "" {
		t.Skipf("NOT RUN: no Triton. make test-remote fetches one and runs this test")
	}
	dir := t.TempDir()
	model := tritonRepository(t, filepath.Join(dir, "models"))
	cert, key := selfSigned(t, dir)
	server := startTriton(t, python, dir, cert, key)

	flags := engineFlags{Device: "cpu", Remote: remoteFlags{URL: "grpcs://" + server.address, CA: cert, Timeout: 30 * time.Second}}
	a := newTestApp(t, nil)
	a.open = openEngine
	remote, err := a.engine(flags)
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	if !remote.Fused || remote.Device != flags.Remote.URL || remote.Warning != "" {
		t.Fatalf("the engine runs on %s: %s", remote.Device, remote.Warning)
	}
	local, err := a.engine(engineFlags{Device: "cpu", Fused: "off"})
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()

	t.Run("fills the same", func(t *testing.T) {
		same, cuts := 0, someCuts(t, a.app, 10)
		for i := range cuts {
			if want, got := fillText(t, local, &cuts[i]), fillText(t, remote, &cuts[i]); want == got {
				same++
			} else {
				t.Logf("here %q, there %q", want, got)
			}
		}
		if same < len(cuts)-1 {
			t.Errorf("%d of %d holes are filled the same", same, len(cuts))
		}
	})
	t.Run("clients share calls", func(t *testing.T) {
		cuts := someCuts(t, a.app, 1)
		want := fillText(t, local, &cuts[0])
		var group sync.WaitGroup
		for range 6 {
			group.Go(func() {
				client, err := openEngine(flags)
				if err != nil {
					t.Error(err)
					return
				}
				defer client.Close()
				for range 4 {
					if got := fillText(t, client, &cuts[0]); got != want {
						t.Errorf("got %q, want %q", got, want)
					}
				}
			})
		}
		group.Wait()
		largest := 0
		log, err := os.ReadFile(filepath.Join(model, "batches"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(log)) {
			var requests, rows int
			if _, err := fmt.Sscan(line, &requests, &rows); err != nil {
				t.Fatal(err)
			}
			largest = max(largest, requests)
		}
		if largest < 2 {
			t.Error("Triton gathered no two requests into one call")
		}
	})
	t.Run("a certificate that is not trusted", func(t *testing.T) {
		other := flags
		other.Remote.CA, other.Remote.Timeout = "", 2*time.Second
		e, err := openEngine(other)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if e.Device != "cpu" || !strings.Contains(e.Warning, "the model's server is not used") || !strings.Contains(e.Warning, "certificate") {
			t.Errorf("on %s: %s", e.Device, e.Warning)
		}
	})
	t.Run("another model", func(t *testing.T) {
		if err := os.Rename(model, model+".away"); err != nil {
			t.Fatal(err)
		}
		defer os.Rename(model+".away", model)
		other := flags
		other.Bundle = renamedBundle(t)
		e, err := openEngine(other)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if e.Device != "cpu" || !strings.Contains(e.Warning, "lacuna repository") {
			t.Errorf("on %s: %s", e.Device, e.Warning)
		}
	})
	t.Run("a server that goes away", func(t *testing.T) {
		cuts := someCuts(t, a.app, 1)
		want := fillText(t, local, &cuts[0])
		server.stop()
		if got := fillText(t, remote, &cuts[0]); got != want {
			t.Errorf("got %q, want %q, on the CPU", got, want)
		}
		if remote.Failure() == nil || strings.Count(a.err.String(), "is the server running") != 1 {
			t.Errorf("told %q", a.err)
		}
	})
}

func fillText(t *testing.T, e *engine, c *cut) string {
	t.Helper()
	tree, err := grammars.Parse(c.Lang, c.holed())
	if err != nil {
		t.Error(err)
		return ""
	}
	defer tree.Close()
	hole := tree.Cursor(c.Start)
	hole.Multiline = hole.Multiline || c.Kind.multiline()
	_, result, err := (&evalCmd{}).attempt(t.Context(), e, c, tree, hole, nil)
	if err != nil {
		t.Error(err)
	}
	return result.Text
}

// tritonRepository runs lacuna repository and puts the Python backend into it. It
// returns the model's folder.
func tritonRepository(t *testing.T, dir string) string {
	t.Helper()
	a := newTestApp(t, nil)
	a.run(t, 0, "repository", "--out", dir, "--device", "cpu", "--wait", "20ms")
	models, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(models) != 1 {
		t.Fatal(models, err)
	}
	path := filepath.Join(models[0], "config.pbtxt")
	config, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(config, []byte(`backend: "onnxruntime"`)) {
		t.Fatalf("no backend in\n%s", config)
	}
	config = bytes.Replace(config, []byte(`backend: "onnxruntime"`), []byte(`backend: "python"`), 1)
	code, err := os.ReadFile("../../runtime/remote/testdata/triton/model.py")
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string][]byte{path: config, filepath.Join(models[0], "1", "model.py"): code} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return models[0]
}

// renamedBundle is the embedded bundle under another name.
func renamedBundle(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"manifest.json", "model.onnx", "tokenizer.json"} {
		data, err := os.ReadFile(filepath.Join("../../models/small", name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "manifest.json" {
			data = bytes.Replace(data, []byte(`"name": "`), []byte(`"name": "other-`), 1)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

type triton struct {
	address string
	stop    func()
}

// startTriton starts the tritonserver of the Python package and waits until it
// serves.
func startTriton(t *testing.T, python, dir, cert, key string) *triton {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), python, "-c", `import pytriton, sys; print(pytriton.__path__[0], "%d.%d" % sys.version_info[:2])`).CombinedOutput()
	if err != nil {
		t.Fatalf("%s has no Triton: %v\n%s", python, err, out)
	}
	fields := strings.Fields(string(out))
	packages, version := filepath.Dir(fields[0]), fields[1]
	home := filepath.Join(fields[0], "tritonserver")
	backends := filepath.Join(dir, "backends", "python")
	copies := exec.CommandContext(t.Context(), "sh", "-c", `mkdir -p "$1" && cp "$2"/backends/python/*.* "$2/python_backend_stubs/$3/triton_python_backend_stub" "$1"`, "sh", backends, home, version)
	if out, err := copies.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "triton.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(home, "bin", "tritonserver"), "--model-repository="+filepath.Join(dir, "models"),
		"--backend-directory="+filepath.Dir(backends), "--allow-http=false", "--allow-metrics=false", "--exit-timeout-secs=1",
		"--grpc-address=127.0.0.1", "--grpc-port="+port, "--grpc-use-ssl=true", "--grpc-server-cert="+cert, "--grpc-server-key="+key, "--grpc-root-cert="+cert)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages, "LD_LIBRARY_PATH="+filepath.Join(packages, "nvidia_pytriton.libs"),
		"PATH="+filepath.Dir(python)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	deadline := time.Now().Add(2 * time.Minute)
	for {
		text, _ := os.ReadFile(log.Name())
		if bytes.Contains(text, []byte("Started GRPCInferenceService")) {
			return &triton{address: "127.0.0.1:" + port, stop: stop}
		}
		if time.Now().After(deadline) || bytes.Contains(text, []byte("failed to load all models")) {
			t.Fatalf("Triton does not start:\n%s", text)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "triton"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
