package lsp

import "time"

// SetParentPoll shortens the wait between two looks for the parent.
func SetParentPoll(s *Server, poll time.Duration) { s.parentPoll = poll }
