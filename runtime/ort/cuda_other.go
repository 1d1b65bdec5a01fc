//go:build !linux

package ort

import (
	"errors"
	"runtime"
)

func probeDriver(string) Driver {
	return Driver{Fault: "CUDA is supported on linux/amd64, this is " + runtime.GOOS + "/" + runtime.GOARCH}
}

func preload(string) error { return errors.New("not supported on " + runtime.GOOS) }
