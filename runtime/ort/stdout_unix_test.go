//go:build unix

package ort

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// redirectStdout points descriptor 1 at file until restore is called.
func redirectStdout(t *testing.T, file *os.File) (restore func()) {
	t.Helper()
	saved, err := unix.Dup(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Dup2(int(file.Fd()), 1); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Dup2(saved, 1); err != nil {
			t.Error(err)
		}
		unix.Close(saved)
	}
}
