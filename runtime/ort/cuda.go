package ort

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// GPU is a CUDA device.
type GPU struct {
	Name       string
	Memory     int64  // bytes
	Capability string // compute capability, for instance "9.0"
}

// Driver is what the NVIDIA driver says of itself.
type Driver struct {
	// CUDA is the newest version of CUDA that the driver supports, as the
	// driver counts: 13000 is 13.0.
	CUDA int
	GPUs []GPU
	// Fault says why there is nothing to run on; empty where there is.
	Fault  string
	Remedy string
}

// driver asks the NVIDIA driver once per process.
var driver = sync.OnceValue(func() Driver { return probeDriver(driverLibrary) })

// driverLibrary is what the loader is asked for.
const driverLibrary = "libcuda.so.1"

// CUDAStatus says whether a library can run models with CUDA on this machine.
type CUDAStatus struct {
	Usable bool
	Driver Driver
	// Provider is the file with the provider; empty when there is none beside
	// the library.
	Provider string
	// Needs lists the CUDA libraries that the provider is linked with.
	Needs []Need
	// Fault says why CUDA cannot be used, Remedy what to do.
	Fault, Remedy string
}

// Need is a library that the provider needs.
type Need struct {
	Name  string // for instance libcublas.so.13
	Path  string // where it was loaded from; empty for one the loader found itself
	Fault string // why it could not be loaded
}

// EnvCUDA names the environment variable with folders of CUDA libraries, as in
// a path list, that are looked at before all others.
const EnvCUDA = "LACUNA_CUDA_PATH"

const (
	installCUDA = "run runtime/ort/install.sh --cuda"
	// leastCapability is the least compute capability that the provider's kernels
	// are compiled for.
	leastCapability = "7.5"
)

// CUDAStatusOf looks at everything that running with CUDA needs, in the order
// in which a person would set it up: driver, device, provider, its libraries.
// What it can load it loads, so that ONNX Runtime finds it; it runs nothing.
func CUDAStatusOf(lib Library) CUDAStatus {
	s := CUDAStatus{Driver: driver()}
	s.Provider = providerBeside(lib.Path)
	switch {
	case runtime.GOOS != "linux" || runtime.GOARCH != "amd64":
		s.Fault = fmt.Sprintf("CUDA is supported on linux/amd64, this is %s/%s", runtime.GOOS, runtime.GOARCH)
	case s.Driver.Fault != "":
		s.Fault, s.Remedy = s.Driver.Fault, s.Driver.Remedy
	case s.Provider == "":
		s.Fault = fmt.Sprintf("%s has no CUDA provider beside it (%s)", lib.Path, providerName)
		s.Remedy = installCUDA
	default:
		s.checkProvider()
	}
	s.Usable = s.Fault == ""
	return s
}

const providerName = "libonnxruntime_providers_cuda.so"

func providerBeside(library string) string {
	if real, err := filepath.EvalSymlinks(library); err == nil {
		library = real
	}
	path := filepath.Join(filepath.Dir(library), providerName)
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return ""
	}
	return path
}

// checkProvider loads what the provider needs and compares versions.
func (s *CUDAStatus) checkProvider() {
	needed, err := cudaLibraries(s.Provider)
	if err != nil {
		s.Fault, s.Remedy = fmt.Sprintf("%s %v", s.Provider, err), installCUDA+" --force"
		return
	}
	if major := runtimeMajor(needed); major > s.Driver.CUDA/1000 {
		s.Fault = fmt.Sprintf("the driver supports CUDA %s, the provider needs CUDA %d", cudaVersion(s.Driver.CUDA), major)
		s.Remedy = "update the NVIDIA driver"
		return
	}
	for _, gpu := range s.Driver.GPUs[:1] { // the provider runs on the first
		if older(gpu.Capability, leastCapability) {
			s.Fault = fmt.Sprintf("%s has compute capability %s, the provider needs %s", gpu.Name, gpu.Capability, leastCapability)
			return
		}
	}
	var missing []string
	for _, name := range needed {
		need := loadCUDALibrary(name, filepath.Dir(s.Provider))
		s.Needs = append(s.Needs, need)
		if need.Fault != "" {
			missing = append(missing, name)
		}
	}
	// ONNX Runtime does without cuDNN but for a few operators; what needs it
	// finds it loaded. Its absence is no fault.
	if path := filepath.Join(filepath.Dir(s.Provider), "libcudnn.so.9"); len(missing) == 0 {
		_ = preload(path)
	}
	if len(missing) > 0 {
		s.Fault = fmt.Sprintf("the CUDA libraries %s cannot be loaded", strings.Join(missing, ", "))
		s.Remedy = fmt.Sprintf("%s, or set %s to the folders that have them", installCUDA, EnvCUDA)
	}
}

// cudaLibraries reads from the provider what it is linked with, those without
// needs of their own first. The driver is not among them.
func cudaLibraries(provider string) ([]string, error) {
	f, err := elf.Open(provider)
	if err != nil {
		return nil, fmt.Errorf("is not a shared library: %w", err)
	}
	defer f.Close()
	all, err := f.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	var out []string
	for _, name := range all {
		if strings.HasPrefix(name, "libcu") && name != driverLibrary {
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("is not the CUDA provider: it needs no CUDA library")
	}
	return out, nil
}

// runtimeMajor is the major version in libcudart.so.N, 0 for none.
func runtimeMajor(needed []string) int {
	for _, name := range needed {
		if version, ok := strings.CutPrefix(name, "libcudart.so."); ok {
			major, _ := strconv.Atoi(version)
			return major
		}
	}
	return 0
}

func cudaVersion(v int) string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

// older compares versions of the form "7.5".
func older(a, b string) bool {
	aMajor, aMinor, errA := majorMinor(a)
	bMajor, bMinor, errB := majorMinor(b)
	return errA == nil && errB == nil && (aMajor < bMajor || aMajor == bMajor && aMinor < bMinor)
}

// loadCUDALibrary loads name from LACUNA_CUDA_PATH, from beside the provider,
// from where the loader looks, or from the folders of a CUDA installation. A
// library that is loaded is found by its name afterwards, wherever it lay.
func loadCUDALibrary(name, beside string) Need {
	folders := append(filepath.SplitList(os.Getenv(EnvCUDA)), beside, "",
		"/usr/local/cuda/lib64", "/usr/local/cuda-13/lib64", "/opt/cuda/lib64")
	fault := ""
	for _, dir := range folders {
		path := name
		if dir != "" {
			path = filepath.Join(dir, name)
			if _, err := os.Stat(path); err != nil {
				continue
			}
		}
		err := preload(path)
		if err == nil {
			need := Need{Name: name}
			if dir != "" {
				need.Path = path
			}
			return need
		}
		if fault == "" || dir != "" { // a file that is there and broken says more
			fault = err.Error()
		}
	}
	return Need{Name: name, Fault: fault}
}
