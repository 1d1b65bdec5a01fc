// Package lsptest is an editor in memory, for testing the language server
// through the real framing: it keeps buffers, counts columns in its own way
// (package position is what is under test), applies what the server asks for
// and checks every answer against the rules that real editors impose.
//
// Scripts (script.go) drive it: txtar files whose comment is a list of actions
// and expectations and whose files are buffers with the cursor marked "‸".
//
// It must never share conversion code with the server.
package lsptest
