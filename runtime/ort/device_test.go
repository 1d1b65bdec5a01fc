package ort

import (
	"errors"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestParseDevice(t *testing.T) {
	for name, want := range map[string]Device{"": Auto, "auto": Auto, "CPU": CPU, "cuda": CUDA} {
		if got, err := ParseDevice(name); got != want || err != nil {
			t.Errorf("%q: got %q, %v; want %q", name, got, err, want)
		}
	}
	if _, err := ParseDevice("tpu"); err == nil || !strings.Contains(err.Error(), "auto, cpu and cuda") {
		t.Errorf("got %v", err)
	}
}

// TestCUDAFolder: install.sh --cuda has a folder of its own, which goes first
// where CUDA is wanted and last where not.
func TestCUDAFolder(t *testing.T) {
	isolate(t)
	library := fakeLibrary(t, t.TempDir(), "VERS_1.99.0", "1.99.0")
	cache, err := CacheFolder()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{cache, cache + cudaSuffix} {
		if out, err := exec.Command("sh", "-c", `mkdir -p "$2" && cp "$1" "$2"`, "sh", library, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for device, want := range map[Device]string{CPU: cache, CUDA: cache + cudaSuffix} {
		lib, err := Find(Options{Device: device})
		if err != nil || filepath.Dir(lib.Path) != want {
			t.Errorf("%s: got %s, %v; want it in %s", device, lib.Path, err, want)
		}
	}
}

// TestOpenFallsBack asks for CUDA with whatever library this machine has. Where
// that does not work the model still runs.
func TestOpenFallsBack(t *testing.T) {
	config := defaultConfig(t)
	config.Device = CUDA
	s, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if (s.Device() == CUDA) != (s.Fallback() == nil) {
		t.Errorf("on %s with fallback %v", s.Device(), s.Fallback())
	}
	if s.Device() == CPU && !strings.HasPrefix(s.Fallback().Error(), "CUDA is not used, the model runs on the CPU: ") {
		t.Errorf("got %q", s.Fallback())
	}
}

// TestPlace: a provider that does not start, or not with this graph, is one more
// reason to use the CPU.
func TestPlace(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nothing is tried elsewhere")
	}
	var tried []bool
	open := func(cuda bool) (string, error) {
		tried = append(tried, cuda)
		return "opened", nil
	}
	lib := Library{Path: filepath.Join(t.TempDir(), "libonnxruntime.so.1")}
	got, device, why, err := place(lib, CUDA, open)
	if got != "opened" || device != CPU || why == nil || err != nil || !slices.Equal(tried, []bool{false}) {
		t.Errorf("got %q on %s, %v, %v after %v; want the CPU at once, and why", got, device, why, err, tried)
	}
	if got, device, why, err := place(lib, CPU, open); got != "opened" || device != CPU || why != nil || err != nil {
		t.Errorf("got %q on %s, %v, %v; want the CPU and no word", got, device, why, err)
	}
}

func TestFirstLine(t *testing.T) {
	err := errors.New("does not start: /onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1988 onnxruntime::Provider& " +
		"onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library x.so with error: y\n\nstack")
	if got, want := firstLine(err), "does not start: Failed to load library x.so with error: y"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProbeOfWhatIsNoDriver(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("CUDA is for Linux")
	}
	if d := probeDriver("libnothing.so.1"); !strings.Contains(d.Fault, "there is no NVIDIA driver") || d.Remedy == "" {
		t.Errorf("got %+v", d)
	}
	if d := probeDriver(someLibrary(t)); !strings.Contains(d.Fault, "it has no cuInit") {
		t.Errorf("got %+v", d)
	}
}
