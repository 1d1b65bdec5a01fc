package lsp

import (
	"os"
	"strings"
	"testing"
)

// docs/protocol.md names every method and command there is.
func TestProtocolPageIsComplete(t *testing.T) {
	raw, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	names := append(commandNames(), methodDenoising)
	for method := range requests {
		names = append(names, method)
	}
	for method := range notices {
		names = append(names, method)
	}
	for _, name := range names {
		// A table may leave out the "textDocument/" of a method's siblings.
		short := strings.TrimPrefix(name, "textDocument/")
		if !strings.Contains(page, "`"+name+"`") && !strings.Contains(page, "`"+short+"`") {
			t.Errorf("docs/protocol.md does not name %s", name)
		}
	}
}
