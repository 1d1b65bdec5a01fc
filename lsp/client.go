package lsp

import (
	"path"
	"slices"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/lacuna-dev/lacuna/lsp/position"
)

// client is what we know of the editor: its choices and abilities, as it
// declared them in initialize.
type client struct {
	encoding        position.Encoding
	progress        bool     // window.workDoneProgress: it shows progress that the server begins
	applyEdit       bool     // it takes workspace/applyEdit
	documentChanges bool     // edits may name the version they are for
	inline          bool     // it has inline completions
	insertAsIs      bool     // it can be told not to indent what a completion inserts
	lensLater       bool     // code lenses may be registered later
	lensRefresh     bool     // it can be told to ask for code lenses again
	literals        bool     // code actions may be more than commands
	llmTag          bool     // code actions may be tagged LLMGenerated
	configuration   bool     // it answers workspace/configuration
	watchSettings   bool     // it wants didChangeConfiguration to be registered
	roots           []string // paths of the workspace's folders, without a slash at the end
}

func readClient(p *protocol.InitializeParams) client {
	var c client
	capabilities := p.Capabilities
	if general := capabilities.General; general != nil {
		c.encoding = position.Negotiate(general.PositionEncodings)
	}
	if window := capabilities.Window; window != nil {
		c.progress = isTrue(window.WorkDoneProgress)
	}
	if workspace := capabilities.Workspace; workspace != nil {
		c.applyEdit = isTrue(workspace.ApplyEdit)
		c.configuration = isTrue(workspace.Configuration)
		c.documentChanges = workspace.WorkspaceEdit != nil && isTrue(workspace.WorkspaceEdit.DocumentChanges)
		c.lensRefresh = workspace.CodeLens != nil && isTrue(workspace.CodeLens.RefreshSupport)
		c.watchSettings = workspace.DidChangeConfiguration != nil && isTrue(workspace.DidChangeConfiguration.DynamicRegistration)
	}
	if document := capabilities.TextDocument; document != nil {
		c.inline = document.InlineCompletion != nil
		c.readCompletion(document.Completion)
		c.lensLater = document.CodeLens != nil && isTrue(document.CodeLens.DynamicRegistration)
	}
	if document := capabilities.TextDocument; document != nil && document.CodeAction != nil {
		c.literals = document.CodeAction.CodeActionLiteralSupport.CodeActionKind.ValueSet != nil
		c.llmTag = slices.Contains(document.CodeAction.TagSupport.ValueSet, protocol.CodeActionTagLLMGenerated)
	}
	c.roots = readRoots(p)
	return c
}

func readRoots(p *protocol.InitializeParams) []string {
	var roots []string
	folders, _ := p.WorkspaceFolders.Get()
	for _, folder := range folders {
		roots = append(roots, strings.TrimSuffix(folder.URI.Path(), "/"))
	}
	//lint:ignore SA1019 clients without workspace folders still say their root this way
	if root := p.RootURI; len(roots) == 0 && root != nil {
		roots = append(roots, strings.TrimSuffix(root.Path(), "/"))
	}
	return roots
}

// changeRoots adds and removes folders. Read loop only, as all that reads roots.
func (c *client) changeRoots(event protocol.WorkspaceFoldersChangeEvent) {
	folder := func(f protocol.WorkspaceFolder) string { return strings.TrimSuffix(f.URI.Path(), "/") }
	kept := slices.DeleteFunc(slices.Clone(c.roots), func(root string) bool {
		return slices.ContainsFunc(event.Removed, func(f protocol.WorkspaceFolder) bool { return folder(f) == root })
	})
	for _, f := range event.Added {
		if root := folder(f); !slices.Contains(kept, root) {
			kept = append(kept, root)
		}
	}
	c.roots = kept
}

// relative is a document's path as the model is told it: within its workspace
// folder, or else just its name, so that nothing of the user's machine leaks
// into the prompt.
func (c *client) relative(u uri.URI) string {
	full := u.Path()
	if root := c.rootOf(u); root != "" {
		return strings.TrimPrefix(full, root+"/")
	}
	return path.Base(full)
}

func isTrue(b *bool) bool { return b != nil && *b }
