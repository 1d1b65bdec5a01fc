package ort

import (
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// entryPoint is the one symbol every ONNX Runtime exports.
const entryPoint = "OrtGetApiBase"

// inspect tells, without loading the file at path, whether it is an ONNX
// Runtime library for this machine. The version is empty where the file does
// not say.
func inspect(path, goos string) (version string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Size() == 0 {
		return "", errors.New("is empty: remove it and install again")
	}
	switch goos {
	case "windows":
		return "", inspectPE(path)
	case "darwin":
		return inspectMachO(path)
	default:
		return inspectELF(path)
	}
}

var elfMachines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// inspectELF reads the version from the name of the symbol version,
// "VERS_1.30.0", that the library's linker script defines.
func inspectELF(path string) (string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("is not a shared library: %w", err)
	}
	defer f.Close()
	if want, ok := elfMachines[runtime.GOARCH]; ok && f.Machine != want {
		return "", fmt.Errorf("is for another processor (%v)", f.Machine)
	}
	if f.Type != elf.ET_DYN {
		return "", fmt.Errorf("is not a shared library (%v)", f.Type)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return "", fmt.Errorf("is not an ONNX Runtime library: %w", err)
	}
	for _, s := range symbols {
		if s.Name == entryPoint && s.Section != elf.SHN_UNDEF {
			return elfVersion(f), nil
		}
	}
	return "", fmt.Errorf("is not an ONNX Runtime library: it does not export %s", entryPoint)
}

func elfVersion(f *elf.File) string {
	versions, err := f.DynamicVersions()
	if err != nil {
		return ""
	}
	for _, v := range versions {
		if version, ok := strings.CutPrefix(v.Name, "VERS_"); ok {
			return version
		}
	}
	return ""
}

var machoCPUs = map[string]macho.Cpu{"amd64": macho.CpuAmd64, "arm64": macho.CpuArm64}

// inspectMachO reads the current version from LC_ID_DYLIB.
func inspectMachO(path string) (string, error) {
	f, err := macho.Open(path)
	if err != nil {
		return "", fmt.Errorf("is not a shared library: %w", err)
	}
	defer f.Close()
	if want, ok := machoCPUs[runtime.GOARCH]; ok && f.Cpu != want {
		return "", fmt.Errorf("is for another processor (%v)", f.Cpu)
	}
	const idDylib = 0xd // LC_ID_DYLIB; its current version is the word at 16
	for _, load := range f.Loads {
		raw := load.Raw()
		if len(raw) >= 20 && f.ByteOrder.Uint32(raw) == idDylib {
			v := f.ByteOrder.Uint32(raw[16:])
			if v>>16 == 0 {
				return "", nil
			}
			return fmt.Sprintf("%d.%d.%d", v>>16, v>>8&0xff, v&0xff), nil
		}
	}
	return "", errors.New("is not a shared library (no LC_ID_DYLIB)")
}

var peMachines = map[string]uint16{"amd64": pe.IMAGE_FILE_MACHINE_AMD64, "arm64": pe.IMAGE_FILE_MACHINE_ARM64}

func inspectPE(path string) error {
	f, err := pe.Open(path)
	if err != nil {
		return fmt.Errorf("is not a DLL: %w", err)
	}
	defer f.Close()
	if want, ok := peMachines[runtime.GOARCH]; ok && f.Machine != want {
		return fmt.Errorf("is for another processor (machine %#x)", f.Machine)
	}
	return nil
}

// checkVersion refuses releases that lack the C API. An unknown version
// passes: the loader asks the library itself.
func checkVersion(version string) error {
	if version == "" {
		return nil
	}
	major, minor, err := majorMinor(version)
	if err != nil {
		return err
	}
	wantMajor, wantMinor, err := majorMinor(MinimumVersion)
	if err != nil {
		return err
	}
	if major != wantMajor || minor < wantMinor {
		return fmt.Errorf("is version %s, but %s or later is needed: install %s with runtime/ort/install.sh", version, MinimumVersion, PinnedVersion)
	}
	return nil
}

func majorMinor(version string) (major, minor int, err error) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return 0, 0, fmt.Errorf("has the unreadable version %q", version)
	}
	major, err = strconv.Atoi(parts[0])
	if err == nil {
		minor, err = strconv.Atoi(parts[1])
	}
	if err != nil {
		return 0, 0, fmt.Errorf("has the unreadable version %q", version)
	}
	return major, minor, nil
}
