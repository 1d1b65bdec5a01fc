package ort

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// isolate empties every place that Find would look at on this machine.
func isolate(t *testing.T) {
	t.Helper()
	t.Setenv(EnvLibrary, "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv(loaderPath(runtime.GOOS), "")
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fakeLibrary compiles a library that answers like ONNX Runtime: it has the
// given version, and none of the APIs it is asked for.
func fakeLibrary(t *testing.T, dir, symbolVersion, version string) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("builds an ELF library")
	}
	source := write(t, dir, "fake.c", `
		static const void *api(unsigned version) { return 0; }
		static const char *text(void) { return "`+version+`"; }
		static struct { const void *(*api)(unsigned); const char *(*text)(void); } base = {api, text};
		const void *OrtGetApiBase(void) { return &base; }`)
	script := write(t, dir, "fake.map", symbolVersion+" { global: *; };")
	path := filepath.Join(dir, "libonnxruntime.so.1")
	out, err := exec.Command("cc", "-shared", "-fPIC", "-Wl,--version-script="+script, "-o", path, source).CombinedOutput()
	if err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	return path
}

func TestFindRefuses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the files are ELF")
	}
	tests := []struct {
		name string
		file func(dir string) string
		want string
	}{
		{"missing", func(dir string) string { return filepath.Join(dir, "nothing") }, "does not exist"},
		{"empty folder", func(dir string) string { return dir }, "has no libonnxruntime.so.1"},
		{"text", func(dir string) string { return write(t, dir, "libonnxruntime.so.1", "hello\n") }, "is not a shared library"},
		{"empty", func(dir string) string { return write(t, dir, "libonnxruntime.so.1", "") }, "is empty"},
		{"another library", func(string) string { return someLibrary(t) }, "does not export OrtGetApiBase"},
		{"truncated", func(dir string) string { return truncated(t, someLibrary(t), dir) }, "is not a shared library"},
		{"a program", func(string) string { return "/proc/self/exe" }, "is not a"},
		{"too old", func(dir string) string { return fakeLibrary(t, dir, "VERS_1.17.3", "1.17.3") }, "is version 1.17.3, but 1.24 or later is needed"},
		{"odd version", func(dir string) string { return fakeLibrary(t, dir, "VERS_one", "one") }, "unreadable version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			isolate(t)
			path := test.file(t.TempDir())
			_, err := Find(Options{Path: path})
			var fault *NotFoundError
			if !errors.As(err, &fault) || !errors.Is(err, ErrNotFound) {
				t.Fatalf("got error %v, want a *NotFoundError", err)
			}
			if len(fault.Looked) != 1 || !strings.Contains(fault.Looked[0].Fault, test.want) {
				t.Errorf("got %+v, want one place that %q", fault.Looked, test.want)
			}
			if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "install.sh") {
				t.Errorf("the message names no place or no remedy:\n%v", err)
			}
		})
	}
}

// someLibrary is a shared library that every program of this machine uses.
func someLibrary(t *testing.T) string {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip(err)
	}
	path := regexp.MustCompile(`/\S*/libc\.so\.6`).FindString(string(maps))
	if path == "" {
		t.Skip("no libc in /proc/self/maps")
	}
	return path
}

func truncated(t *testing.T, path, dir string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, dir, "libonnxruntime.so.1", string(data[:len(data)/2]))
}

func TestFindOrder(t *testing.T) {
	isolate(t)
	library := fakeLibrary(t, t.TempDir(), "VERS_1.99.0", "1.99.0")
	place := func(dir string) string {
		data, err := os.ReadFile(library)
		if err != nil {
			t.Fatal(err)
		}
		return write(t, dir, "libonnxruntime.so.1", string(data))
	}
	find := func(opts Options, path, source string) Library {
		t.Helper()
		lib, err := Find(opts)
		if err != nil {
			t.Fatal(err)
		}
		if lib.Path != path || lib.Source != source || lib.Version != "1.99.0" {
			t.Errorf("got %s (%s) version %s, want %s (%s)", lib.Path, lib.Source, lib.Version, path, source)
		}
		return lib
	}

	inLoaderPath := place(t.TempDir())
	t.Setenv("LD_LIBRARY_PATH", "/nonexistent:"+filepath.Dir(inLoaderPath))
	lib := find(Options{}, inLoaderPath, "LD_LIBRARY_PATH")
	if n := len(lib.Looked); n < 4 || lib.Looked[n-1].Fault != "" || lib.Looked[n-2].Path != "/nonexistent" {
		t.Errorf("the places looked at are incomplete: %+v", lib.Looked)
	}

	cache, err := CacheFolder()
	if err != nil {
		t.Fatal(err)
	}
	find(Options{}, place(cache), "cache folder")

	// A broken file does not hide a good one further on.
	write(t, cache, "libonnxruntime.so.1", "broken")
	find(Options{}, inLoaderPath, "LD_LIBRARY_PATH")

	named := place(t.TempDir())
	t.Setenv(EnvLibrary, filepath.Dir(named))
	find(Options{}, named, EnvLibrary)
	find(Options{Path: library}, library, "given path")

	// What is named must be right: there is no falling back.
	if _, err := Find(Options{Path: "/nonexistent"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a wrong path: got %v, want ErrNotFound", err)
	}
}

// Where the file does not tell its version, the loaded library does. The
// process survives that, and can load another one.
func TestOldLibraryIsRefusedWhenLoaded(t *testing.T) {
	path := fakeLibrary(t, t.TempDir(), "ANY", "1.17.3")
	lib, err := Find(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if lib.Version != "" {
		t.Errorf("got version %s, want none", lib.Version)
	}
	environment.Lock()
	loaded := environment.path
	environment.Unlock()
	if loaded != "" {
		t.Skip("a library is loaded already")
	}
	if _, err := Open(Config{Library: lib}); err == nil || !strings.Contains(err.Error(), path+" cannot be used as ONNX Runtime 1.24 or later") {
		t.Errorf("got %v", err)
	}
}

// Open does not trust a Library that somebody made up.
func TestOpenInspects(t *testing.T) {
	path := write(t, t.TempDir(), "libonnxruntime.so.1", "hello\n")
	environment.Lock()
	loaded := environment.path
	environment.Unlock()
	_, err := Open(Config{Library: Library{Path: path}})
	want := "is not a"
	if loaded != "" {
		want = "already loaded from"
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestCheckVersion(t *testing.T) {
	for version, ok := range map[string]bool{
		"": true, "1.24.0": true, "1.24": true, "1.30.0": true, "1.100.2": true, "1.24.0-dev": true,
		"1.23.9": false, "1.9.0": false, "0.30.0": false, "2.0.0": false, "1": false, "1.x": false,
	} {
		if err := checkVersion(version); (err == nil) != ok {
			t.Errorf("checkVersion(%q) = %v, want ok %v", version, err, ok)
		}
	}
}

func TestInstallScriptFetchesThePinnedVersion(t *testing.T) {
	script, err := os.ReadFile("install.sh")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(script), "\nversion="+PinnedVersion+" ") {
		t.Errorf("install.sh does not pin version %s", PinnedVersion)
	}
}
