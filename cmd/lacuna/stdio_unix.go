//go:build unix

package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// takeStdout returns a private copy of standard output and points descriptor 1
// at standard error, so that nothing a C library prints can reach the client.
func takeStdout() (*os.File, error) {
	private, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("standard output cannot be kept for the client: %w", err)
	}
	if err := unix.Dup2(2, 1); err != nil {
		unix.Close(private)
		return nil, fmt.Errorf("standard output cannot be pointed at standard error: %w", err)
	}
	return os.NewFile(uintptr(private), "stdout"), nil
}
