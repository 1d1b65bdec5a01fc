package lsp

import "time"

// SetParentPoll shortens the wait between two looks for the parent.
func SetParentPoll(s *Server, poll time.Duration) { s.parentPoll = poll }

// StallDisk has stall called before every read of a file for a request.
func StallDisk(s *Server, stall func()) { s.disk.stall = stall }

// Notify handles a notification as the read loop does. Nothing else may be read
// meanwhile.
func Notify(s *Server, method string, params []byte) { s.notify(method, params) }
