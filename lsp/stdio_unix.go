//go:build unix

package lsp

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// takeStdout keeps a private copy of descriptor 1 and points 1 at stderr, so
// that what a C library prints cannot land between two messages.
func takeStdout() (*os.File, error) {
	private, err := unix.FcntlInt(os.Stdout.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("copy standard output: %w", err)
	}
	if err := unix.Dup2(int(os.Stderr.Fd()), int(os.Stdout.Fd())); err != nil {
		return nil, fmt.Errorf("point standard output at standard error: %w", err)
	}
	return os.NewFile(uintptr(private), "lsp-out"), nil
}
