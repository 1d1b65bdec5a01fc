package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	// PinnedVersion is the release that install.sh fetches and that this
	// package is tested with.
	PinnedVersion = "1.30.0"
	// MinimumVersion is the first release with the C API (24) that
	// onnxruntime_go asks for.
	MinimumVersion = "1.24"
	// EnvLibrary names the environment variable that points at the library or
	// its folder.
	EnvLibrary = "LACUNA_ONNXRUNTIME"
)

// ErrNotFound is what errors.Is finds in the error of Find when no usable
// library is in any of the places.
var ErrNotFound = errors.New("ONNX Runtime was not found")

// Options steer Find.
type Options struct {
	// Path is the library, or a folder with it. When it is set, or the
	// environment variable LACUNA_ONNXRUNTIME is, no other place is tried: a
	// wrong choice must not be papered over.
	Path string
	// Device decides between the library of install.sh and that of install.sh
	// --cuda where both are installed: the second goes first for CUDA, and for
	// Auto, or "", on a machine with a device.
	Device Device
}

// Library is a shared library that looks usable.
type Library struct {
	Path string
	// Version is read from the file; empty where the format does not tell.
	// Open checks the version that the loaded library reports.
	Version string
	// Source says why this file was tried, for instance "cache folder".
	Source string
	// Looked lists every place that was looked at, this one last.
	Looked []Place
}

// Place is one place that was looked at.
type Place struct {
	Path   string
	Source string
	Fault  string // why it was not taken; empty for the one that was
}

// NotFoundError lists where Find looked. It matches ErrNotFound.
type NotFoundError struct{ Looked []Place }

// Error implements error, with the places and what to do.
func (e *NotFoundError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v (%s, version %s or later). Looked at:\n", ErrNotFound, names(runtime.GOOS)[0], MinimumVersion)
	for _, p := range e.Looked {
		fmt.Fprintf(&b, "  %s (%s): %s\n", p.Path, p.Source, p.Fault)
	}
	fmt.Fprintf(&b, "Install it with runtime/ort/install.sh, or set %s to the path of the library.", EnvLibrary)
	return b.String()
}

// Is makes errors.Is(err, ErrNotFound) hold.
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// Find looks for the shared library, without loading it: in Options.Path, else
// where LACUNA_ONNXRUNTIME points, else next to the executable, in the cache
// folder that install.sh fills, in the loader's path and in the folders of the
// system. The error is a *NotFoundError.
func Find(opts Options) (Library, error) {
	var looked []Place
	for _, c := range candidates(opts) {
		place := Place{Path: c.path, Source: c.source}
		path, fault := locate(c.path)
		if fault == nil {
			var version string
			if version, fault = inspect(path, runtime.GOOS); fault == nil {
				fault = checkVersion(version)
			}
			if fault == nil {
				place.Path = path
				looked = append(looked, place)
				return Library{Path: path, Version: version, Source: c.source, Looked: looked}, nil
			}
			place.Path = path
		}
		place.Fault = fault.Error()
		looked = append(looked, place)
	}
	return Library{}, &NotFoundError{Looked: looked}
}

type candidate struct{ path, source string }

func candidates(opts Options) []candidate {
	if opts.Path != "" {
		return []candidate{{opts.Path, "given path"}}
	}
	if path := os.Getenv(EnvLibrary); path != "" {
		return []candidate{{path, EnvLibrary}}
	}
	var out []candidate
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		out = append(out, candidate{filepath.Dir(exe), "next to the executable"})
	}
	if dir, err := CacheFolder(); err == nil {
		plain, cuda := candidate{dir, "cache folder"}, candidate{dir + cudaSuffix, "cache folder, CUDA"}
		if opts.Device.wants() {
			out = append(out, cuda, plain)
		} else {
			out = append(out, plain, cuda)
		}
	}
	variable := loaderPath(runtime.GOOS)
	for _, dir := range filepath.SplitList(os.Getenv(variable)) {
		if dir != "" {
			out = append(out, candidate{dir, variable})
		}
	}
	for _, dir := range systemFolders(runtime.GOOS, runtime.GOARCH) {
		out = append(out, candidate{dir, "system"})
	}
	return out
}

// CacheFolder is where install.sh puts the pinned version:
// ${XDG_CACHE_HOME:-~/.cache}/lacuna/onnxruntime/<version>, on every system.
func CacheFolder() (string, error) {
	base := os.Getenv("XDG_CACHE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(home, ".cache")
	}
	return filepath.Join(base, "lacuna", "onnxruntime", PinnedVersion), nil
}

// cudaSuffix ends the name of the folder that install.sh --cuda fills.
const cudaSuffix = "-cuda"

// locate returns the library at path, which may be a folder with one.
func locate(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", errors.New("does not exist")
	case err != nil:
		return "", err
	case !info.IsDir():
		return filepath.Abs(path)
	}
	for _, name := range names(runtime.GOOS) {
		file := filepath.Join(path, name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return filepath.Abs(file)
		}
	}
	return "", fmt.Errorf("has no %s", names(runtime.GOOS)[0])
}

// names lists what the library may be called, the usual name first.
func names(goos string) []string {
	switch goos {
	case "windows":
		return []string{"onnxruntime.dll"}
	case "darwin":
		return []string{"libonnxruntime.1.dylib", "libonnxruntime." + PinnedVersion + ".dylib", "libonnxruntime.dylib"}
	default:
		return []string{"libonnxruntime.so.1", "libonnxruntime.so." + PinnedVersion, "libonnxruntime.so"}
	}
}

func loaderPath(goos string) string {
	switch goos {
	case "windows":
		return "PATH"
	case "darwin":
		return "DYLD_LIBRARY_PATH"
	default:
		return "LD_LIBRARY_PATH"
	}
}

// systemFolders leaves out System32: the onnxruntime.dll there belongs to
// Windows and is old.
func systemFolders(goos, goarch string) []string {
	switch goos {
	case "windows":
		return nil
	case "darwin":
		return []string{"/opt/homebrew/lib", "/usr/local/lib"}
	}
	folders := []string{"/usr/local/lib", "/usr/lib"}
	switch goarch {
	case "amd64":
		folders = append(folders, "/usr/lib/x86_64-linux-gnu", "/usr/lib64")
	case "arm64":
		folders = append(folders, "/usr/lib/aarch64-linux-gnu", "/usr/lib64")
	}
	return folders
}
