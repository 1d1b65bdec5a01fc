package lsp

import (
	"context"
	"time"
)

const (
	// diskPatience is how long a request waits for the disk: long for a disk, and
	// little for who types.
	diskPatience = 200 * time.Millisecond
	// maxDiskReads bounds how many readings a disk that has stopped can hold.
	maxDiskReads = 8
)

// disk is what requests read files through. A read cannot be interrupted, and on a
// network drive it may take for ever.
type disk struct {
	reading chan struct{} // one for each reading that goes on
	stall   func()        // called before each; tests stand in for a slow disk with it
}

func newDisk() *disk { return &disk{reading: make(chan struct{}, maxDiskReads), stall: func() {}} }

// fromDisk returns what read reads. It is false if ctx or the patience ends before
// that; the reading then goes on by itself and its result is dropped.
func fromDisk[T any](ctx context.Context, d *disk, read func() T) (result T, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, diskPatience)
	defer cancel()
	select {
	case d.reading <- struct{}{}:
	case <-ctx.Done():
		return result, false
	}
	found, panicked := make(chan T, 1), make(chan any, 1)
	go func() {
		defer func() {
			<-d.reading
			if r := recover(); r != nil {
				panicked <- r
			}
		}()
		d.stall()
		found <- read()
	}()
	select {
	case result = <-found:
		return result, true
	case r := <-panicked:
		panic(r) // in the request, where the dispatcher catches it
	case <-ctx.Done():
		return result, false
	}
}
