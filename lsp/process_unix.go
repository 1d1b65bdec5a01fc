//go:build unix

package lsp

import (
	"errors"
	"syscall"
)

// processAlive tells whether a process exists. One that we may not signal
// does.
func processAlive(pid int) bool {
	return pid <= 0 || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
