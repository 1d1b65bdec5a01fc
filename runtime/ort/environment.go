package ort

import (
	"fmt"
	"runtime"
	"sync"

	ortgo "github.com/yalue/onnxruntime_go"
)

// environment is ONNX Runtime in this process. The library is loaded once and
// never unloaded: its threads do not survive that.
var environment struct {
	sync.Mutex
	path    string // of the loaded library, empty before
	version string
}

// load loads the library, or checks that it is the one loaded already. It
// returns the version that the library reports.
func load(lib Library) (version string, err error) {
	environment.Lock()
	defer environment.Unlock()
	if environment.path != "" {
		if environment.path != lib.Path {
			return "", fmt.Errorf("ONNX Runtime is already loaded from %s; a process cannot load %s as well", environment.path, lib.Path)
		}
		return environment.version, nil
	}
	// A Library is plain data that anyone can make up, and the loader runs
	// code of whatever it is given.
	known, err := inspect(lib.Path, runtime.GOOS)
	if err == nil {
		err = checkVersion(known)
	}
	if err != nil {
		return "", fmt.Errorf("%s %w", lib.Path, err)
	}
	ortgo.SetSharedLibraryPath(lib.Path)
	// Errors come back from every call; logging them too, for instance at each
	// cancellation, would fill the editor's log.
	if err := ortgo.InitializeEnvironment(ortgo.WithLogLevelFatal()); err != nil {
		return "", fmt.Errorf("%s cannot be used as ONNX Runtime %s or later: %w", lib.Path, MinimumVersion, err)
	}
	environment.path, environment.version = lib.Path, ortgo.GetVersion()
	return environment.version, nil
}

// Provider is an execution provider of ONNX Runtime.
type Provider struct {
	Name      string // "cpu", "cuda"
	Available bool
	Fault     string // why it is not available
}

// Providers loads the library and tells which execution providers it has.
func Providers(lib Library) ([]Provider, error) {
	if _, err := load(lib); err != nil {
		return nil, err
	}
	return []Provider{{Name: "cpu", Available: true}, cuda()}, nil
}

// cuda appends the provider to a session's options: that loads the provider's
// own library, and fails where it or the driver is missing. Its options alone
// can be made without either.
func cuda() Provider {
	if err := appendCUDA(); err != nil {
		return Provider{Name: "cuda", Fault: err.Error()}
	}
	return Provider{Name: "cuda", Available: true}
}

func appendCUDA() error {
	settings, err := ortgo.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer settings.Destroy()
	options, err := ortgo.NewSessionOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	return options.AppendExecutionProviderCUDA(settings)
}
