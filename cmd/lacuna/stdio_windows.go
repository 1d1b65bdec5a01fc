package main

import "os"

// takeStdout returns standard output and lets what Go code prints go to
// standard error. C libraries have their own idea of descriptor 1 here, which
// cannot be changed from Go.
func takeStdout() (*os.File, error) {
	private := os.Stdout
	os.Stdout = os.Stderr
	return private, nil
}
