package lsp

import "time"

// SetParentPoll shortens the wait between two looks for the parent.
func SetParentPoll(s *Server, poll time.Duration) { s.parentPoll = poll }

// Notify handles a notification as the read loop does. Nothing else may be read
// meanwhile.
func Notify(s *Server, method string, params []byte) { s.notify(method, params) }
