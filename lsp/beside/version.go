package beside

import (
	"io/fs"
	"time"
)

// settled is how old a change must be for its time to tell it from the next: the
// clocks of file systems tick in steps of up to two seconds.
const settled = 2 * time.Second

// version tells the states of a file or a folder apart.
type version struct{ time, size int64 }

func versionOf(info fs.FileInfo) version { return version{info.ModTime().UnixNano(), info.Size()} }

// isSettled is false for a state that another may follow under the same version.
func isSettled(info fs.FileInfo) bool {
	return time.Since(info.ModTime()).Abs() > settled
}
