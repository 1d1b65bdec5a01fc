package ort

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Device is where a model runs.
type Device string

// The devices.
const (
	// Auto is CUDA where library, driver and device are there, else CPU.
	Auto Device = "auto"
	CPU  Device = "cpu"
	CUDA Device = "cuda"
)

// EnvDevice names the environment variable with the device of whoever was not
// told one.
const EnvDevice = "LACUNA_DEVICE"

// ParseDevice reads the name of a device; the empty name is Auto.
func ParseDevice(name string) (Device, error) {
	all := []Device{Auto, CPU, CUDA}
	if name == "" {
		return Auto, nil
	}
	if d := Device(strings.ToLower(name)); slices.Contains(all, d) {
		return d, nil
	}
	return "", fmt.Errorf("unknown device %q: there are auto, cpu and cuda", name)
}

// Fallback says why a model that should run with CUDA runs on the CPU.
type Fallback struct {
	Fault  string // what is not there or went wrong
	Remedy string // what to do about it; may be empty
}

// Error implements error: the one message that a person gets.
func (f *Fallback) Error() string {
	message := "CUDA is not used, the model runs on the CPU: " + f.Fault
	if f.Remedy != "" {
		message += "; " + f.Remedy
	}
	return message + " (--device cpu or " + EnvDevice + "=cpu says no more of it)"
}

// wants says whether CUDA is to be tried for d. Auto does not on a machine
// without a driver: nothing is wrong there.
func (d Device) wants() bool {
	return d == CUDA || (d == Auto || d == "") && driver().Fault == ""
}

// place opens something on the wanted device, on the CPU if CUDA does not work.
// open gets the provider settings of CUDA, or nil for the CPU. The *Fallback is
// nil unless CUDA was to be tried and is not used.
func place[T any](lib Library, want Device, open func(cuda bool) (T, error)) (T, Device, *Fallback, error) {
	var why *Fallback
	if want.wants() {
		status := CUDAStatusOf(lib)
		if status.Usable {
			opened, err := open(true)
			if err == nil {
				return opened, CUDA, nil, nil
			}
			status.Fault, status.Remedy = firstLine(err), "lacuna doctor --device cuda checks each part"
		}
		why = &Fallback{status.Fault, status.Remedy}
	}
	opened, err := open(false)
	return opened, CPU, why, err
}

// ortLocation is the place in the sources that errors of ONNX Runtime begin with.
var ortLocation = regexp.MustCompile(`/onnxruntime_src/\S+:\d+ .*?\[ONNXRuntimeError\] : \d+ : \w+ : `)

// firstLine keeps the part of an error of ONNX Runtime that a person can read;
// stack traces follow it.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	line = ortLocation.ReplaceAllString(line, "")
	const most = 400
	if len(line) > most {
		line = line[:most] + "..."
	}
	return line
}
