package lsp

import (
	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// didChangeFolders follows the folders of the workspace: they say what a document's
// path is within, and where its settings' patterns begin.
func (s *Server) didChangeFolders(params jsonrpc2.RawMessage) error {
	var p protocol.DidChangeWorkspaceFoldersParams
	if err := decode(params, &p); err != nil {
		return err
	}
	s.client.changeRoots(p.Event)
	s.rescope()
	return nil
}
