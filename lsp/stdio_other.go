//go:build !unix

package lsp

import "os"

// takeStdout keeps standard output for the protocol and points os.Stdout at
// stderr, as far as Go code is concerned.
func takeStdout() (*os.File, error) {
	private := os.Stdout
	os.Stdout = os.Stderr
	return private, nil
}
