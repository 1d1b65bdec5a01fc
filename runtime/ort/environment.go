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

// Load loads the library, or checks that it is the one loaded already.
func Load(lib Library) error {
	_, err := load(lib)
	return err
}

// LoadedVersion is the version that the loaded library reports; empty before.
func LoadedVersion() string {
	environment.Lock()
	defer environment.Unlock()
	return environment.version
}

// appendCUDA has a session run on the first CUDA device. That loads the
// provider's library.
func appendCUDA(options *ortgo.SessionOptions) error {
	settings, err := ortgo.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer settings.Destroy()
	if err := settings.Update(map[string]string{"device_id": "0"}); err != nil {
		return err
	}
	return options.AppendExecutionProviderCUDA(settings)
}
