package lsptest

import "strings"

// textDocument is what the editor can do with a document's text.
func (p *Profile) textDocument(codeAction map[string]any) map[string]any {
	abilities := map[string]any{
		"codeAction": codeAction,
		"completion": map[string]any{"completionItem": map[string]any{"insertTextModeSupport": map[string]any{"valueSet": []int{1, 2}}}},
	}
	abilities["codeLens"] = map[string]any{"dynamicRegistration": p.has("lenses-later", false)}
	if p.has("inline", true) {
		abilities["inlineCompletion"] = map[string]any{}
	}
	return abilities
}

// Entry is a completion in the popup.
type Entry struct {
	Label      string
	Start, End int // bytes of the buffer that it replaces
	Insert     string
	Command    *Command
}

// AskPopup asks for completions at the cursor.
func (e *Editor) AskPopup(b *Buffer) *Pending {
	e.t.Helper()
	e.mu.Lock()
	params := map[string]any{
		"textDocument": map[string]any{"uri": b.URI},
		"position":     PositionOf(b.Text, b.Cursor, e.Encoding),
		"context":      map[string]any{"triggerKind": 1},
	}
	e.mu.Unlock()
	return e.Request("textDocument/completion", params)
}

// Entries reads a reply and holds each entry to the rules of real editors.
func (e *Editor) Entries(b *Buffer, p *Pending) []Entry {
	e.t.Helper()
	var list struct {
		IsIncomplete bool
		Items        *[]struct {
			Label            string
			FilterText       string
			InsertTextFormat int
			InsertTextMode   int
			TextEdit         struct {
				Range   Range
				NewText string
			}
			Command *Command
		}
	}
	e.decode(p, &list)
	if list.Items == nil || !list.IsIncomplete {
		e.t.Fatalf("the list must be there and incomplete: %s", p.reply.Result)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var entries []Entry
	for _, item := range *list.Items {
		edit := item.TextEdit
		entry := Entry{
			Label: item.Label, Start: OffsetOf(b.Text, edit.Range.Start, e.Encoding), End: OffsetOf(b.Text, edit.Range.End, e.Encoding),
			Insert: edit.NewText, Command: item.Command,
		}
		typed := ""
		if entry.Start <= b.Cursor {
			typed = b.Text[entry.Start:b.Cursor]
		}
		switch {
		case edit.Range.Start.Line != edit.Range.End.Line || entry.Start > b.Cursor || entry.End < b.Cursor:
			e.t.Fatalf("the range must be on the cursor's line and hold the cursor: %s", p.reply.Result)
		case !strings.HasPrefix(entry.Insert, typed) || !strings.HasPrefix(item.FilterText, typed):
			e.t.Fatalf("%q is typed already, and the editor would filter the entry out: %s", typed, p.reply.Result)
		case item.InsertTextFormat != 1 || item.InsertTextMode != 1:
			e.t.Fatalf("an entry is plain text, inserted as it is: %s", p.reply.Result)
		}
		entries = append(entries, entry)
	}
	return entries
}

// popup asks for completions: popup [NAME].
func (s *script) popup(args []string) {
	s.t.Helper()
	s.replies[name(args, 0)] = s.editor.AskPopup(s.buffer)
}

// entry expects one entry and what it would insert: entry LABEL.
func (s *script) entry(label string) {
	s.t.Helper()
	entries := s.editor.Entries(s.buffer, s.reply(""))
	if len(entries) != 1 {
		s.t.Fatalf("%s: %d entries: %+v", s.at, len(entries), entries)
	}
	s.expect("the entry", entries[0].Label, label)
	s.ghost = Ghost{Start: entries[0].Start, End: entries[0].End, Insert: entries[0].Insert, Command: entries[0].Command}
}

// showGhosts expects several items of ghost text, in order.
func (s *script) showGhosts(want []string) {
	s.t.Helper()
	var got []string
	ghosts := s.editor.Ghosts(s.buffer, s.reply(""))
	for _, g := range ghosts {
		got = append(got, g.Shown)
	}
	s.expect("the ghost texts", strings.Join(got, "|"), strings.Join(want, "|"))
	if len(ghosts) > 0 {
		s.ghost = ghosts[0]
	}
}

// able expects something of the server's capabilities: able PART, or able not PART.
func (s *script) able(args []string) {
	s.t.Helper()
	part, want := args[len(args)-1], len(args) == 1
	if got := strings.Contains(string(s.editor.Capabilities), part); got != want {
		s.t.Errorf("%s in the capabilities: %v, want %v; they are %s", part, got, want, s.editor.Capabilities)
	}
}

// silently expects that a notification was not sent but where a verb waited for it.
func (s *script) silently(method string) {
	s.t.Helper()
	if unread := s.editor.Unread(); strings.Contains(unread, method) {
		s.t.Errorf("%s should not have been sent; there is%s", method, unread)
	}
}
