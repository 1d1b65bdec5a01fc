package lsptest

import "testing"

// The checker itself: it is worth nothing if everything passes.
func TestMetaModel(t *testing.T) {
	m, err := specification()
	if err != nil {
		t.Fatal(err)
	}
	const at = `{"start": {"line": 1, "character": 2}, "end": {"line": 1, "character": 2}}`
	for _, tt := range []struct {
		name, method, json string
		ok                 bool
	}{
		{"items", "textDocument/inlineCompletion", `{"items": [{"insertText": "x", "range": ` + at + `}]}`, true},
		{"null", "textDocument/inlineCompletion", `null`, true},
		{"no items", "textDocument/inlineCompletion", `{}`, false},
		{"an item without text", "textDocument/inlineCompletion", `{"items": [{"range": ` + at + `}]}`, false},
		{"a property too many", "textDocument/inlineCompletion", `{"items": [{"insertText": "x", "text": "x"}]}`, false},
		{"a snippet", "textDocument/inlineCompletion", `{"items": [{"insertText": {"kind": "snippet", "value": "x"}}]}`, true},
		{"a snippet of another kind", "textDocument/inlineCompletion", `{"items": [{"insertText": {"kind": "other", "value": "x"}}]}`, false},
		{"a negative line", "textDocument/inlineCompletion", `{"items": [{"insertText": "x", "range": {"start": {"line": -1, "character": 2}, "end": {"line": 1, "character": 2}}}]}`, false},
		{"a code action", "textDocument/codeAction", `[{"title": "Fill", "kind": "quickfix", "command": {"title": "Fill", "command": "lacuna.fillHole", "arguments": [1, {"a": null}]}}]`, true},
		{"a kind of one's own", "textDocument/codeAction", `[{"title": "Fill", "kind": "quickfix.mine"}]`, true},
		{"an unknown tag", "textDocument/codeAction", `[{"title": "Fill", "tags": [99]}]`, false},
		{"nothing to compare with", "lacuna/none", `{}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := m.checkResult(tt.method, []byte(tt.json)); (err == nil) != tt.ok {
				t.Errorf("%s: %v", tt.json, err)
			}
		})
	}
	if err := m.checkNotification("$/progress", []byte(`{"token": 1, "value": {"kind": "begin"}}`)); err == nil {
		t.Error("progress may begin without a title")
	}
	if err := m.checkNotification("textDocument/didOpen", []byte(`{}`)); err == nil {
		t.Error("the server may open documents")
	}
	if err := m.checkRequest("workspace/applyEdit", []byte(`{"edit": {"documentChanges": [{"textDocument": {"uri": "file:///a", "version": 3}, "edits": [{"range": `+at+`, "newText": ""}]}]}}`)); err != nil {
		t.Error(err)
	}
}
