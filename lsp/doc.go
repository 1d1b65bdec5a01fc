// Package lsp is the language server: it speaks the protocol and delegates.
// A method takes a snapshot, asks grammars and infill in byte offsets, and
// converts the answer.
//
// It must never know how a model is loaded or run, and it decides nothing
// about what a good fill is: both are behind infill.Filler.
//
// # Rules of the read loop
//
// Messages are read one at a time, in order, by one goroutine at a time (the
// role moves from goroutine to goroutine, never overlapping). Everything a
// request has to see in order happens there: notifications entirely, and of
// each request the part before it goes asynchronous (its method's prepare
// step), in which it takes its snapshot and supersedes older work. Fields
// marked "read loop only" are touched nowhere else and need no lock. The read
// loop never parses, never waits for the model and never waits for the client.
package lsp
