//go:build !unix

package lsp

// processAlive cannot tell here; the end of standard input has to.
func processAlive(int) bool { return true }
