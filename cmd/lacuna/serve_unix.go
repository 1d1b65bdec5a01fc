//go:build !windows

package main

import (
	"net"
	"syscall"
)

// listenPrivately makes a socket of mode 0600, from its first moment.
func listenPrivately(path string) (net.Listener, error) {
	old := syscall.Umask(0o177)
	defer syscall.Umask(old)
	return net.Listen("unix", path)
}
