package lsptest

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"strings"
)

// URI is where the editor keeps a file of that name.
func (e *Editor) URI(name string) string { return e.folder() + "/" + name }

// folder is the URI of the workspace.
func (e *Editor) folder() string {
	if e.profile.Folder == "" {
		return "file:///work%20space"
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(e.profile.Folder)}).String()
}

var languageIDs = map[string]string{".go": "go", ".py": "python", ".txt": "plaintext"}

// Open opens a buffer with marked text.
func (e *Editor) Open(name, marked string) *Buffer {
	e.t.Helper()
	text, cursor := Unmark(marked)
	b := &Buffer{URI: e.URI(name), Version: 1, Text: text, Cursor: cursor, Language: languageIDs[name[strings.LastIndex(name, "."):]]}
	e.mu.Lock()
	e.buffers[b.URI] = b
	e.mu.Unlock()
	e.Notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": b.URI, "languageId": b.Language, "version": b.Version, "text": b.Text,
	}})
	return b
}

// Change replaces bytes of a buffer and tells the server, as one of the
// changes of a notification each.
func (e *Editor) Change(b *Buffer, changes ...Change) {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	var wire []any
	for _, c := range changes {
		wire = append(wire, map[string]any{"range": e.rangeOf(b.Text, c.Start, c.End), "text": c.Text})
		b.replace(c.Start, c.End, c.Text)
	}
	b.Version++
	e.Notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": b.URI, "version": b.Version},
		"contentChanges": wire,
	})
}

// Change replaces the bytes [Start,End).
type Change struct {
	Start, End int
	Text       string
}

// Reset replaces a buffer's whole text and tells the server.
func (e *Editor) Reset(b *Buffer, marked string) {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	b.Text, b.Cursor = Unmark(marked)
	b.Version++
	e.Notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": b.URI, "version": b.Version},
		"contentChanges": []any{map[string]any{"text": b.Text}},
	})
}

func (e *Editor) rangeOf(text string, start, end int) Range {
	return Range{Start: PositionOf(text, start, e.Encoding), End: PositionOf(text, end, e.Encoding)}
}

// Trigger kinds of inline completions as they are counted today, and the
// "invoked" of older clients.
const (
	InvokedOfOld = 0
	Invoked      = 1
	Automatic    = 2
)

// Selected is the entry that is chosen in the editor's popup.
type Selected struct {
	Range Range  `json:"range"`
	Text  string `json:"text"`
}

// AskInline asks for ghost text at the cursor.
func (e *Editor) AskInline(b *Buffer, trigger int, selected *Selected) *Pending {
	e.t.Helper()
	e.mu.Lock()
	context := map[string]any{"triggerKind": trigger}
	if selected != nil {
		context["selectedCompletionInfo"] = selected
	}
	params := map[string]any{
		"textDocument": map[string]any{"uri": b.URI},
		"position":     PositionOf(b.Text, b.Cursor, e.Encoding),
		"context":      context,
	}
	e.mu.Unlock()
	return e.Request("textDocument/inlineCompletion", params)
}

// Ghost is an inline completion as the editor would show it.
type Ghost struct {
	Start, End int    // bytes of the buffer that accepting replaces
	Insert     string // what with
	Shown      string // what is drawn at the cursor: Insert without what stands before the cursor already
	Command    *Command
}

// Command is what an item has the editor run once it is accepted.
type Command struct {
	Title     string `json:"title"`
	Command   string `json:"command"`
	Arguments []any  `json:"arguments"`
}

// Ghosts reads a reply and holds each item to the rules of real editors.
func (e *Editor) Ghosts(b *Buffer, p *Pending) []Ghost {
	e.t.Helper()
	var list struct {
		Items *[]struct {
			InsertText string `json:"insertText"`
			Range      *Range `json:"range"`
			Command    *Command
		} `json:"items"`
	}
	e.decode(p, &list)
	if list.Items == nil {
		e.t.Fatalf("the answer has no items: %s", p.reply.Result)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var ghosts []Ghost
	for _, item := range *list.Items {
		if item.Range == nil || item.Range.Start.Line != item.Range.End.Line {
			e.t.Fatalf("an item needs a range on one line: %s", p.reply.Result)
		}
		g := Ghost{Start: OffsetOf(b.Text, item.Range.Start, e.Encoding), End: OffsetOf(b.Text, item.Range.End, e.Encoding), Insert: item.InsertText, Command: item.Command}
		if g.Start > b.Cursor || g.End < b.Cursor {
			e.t.Fatalf("the range %+v does not hold the cursor", *item.Range)
		}
		shown, ok := strings.CutPrefix(item.InsertText, b.Text[g.Start:b.Cursor])
		if !ok {
			e.t.Fatalf("%q does not begin with the text before the cursor, %q", item.InsertText, b.Text[g.Start:b.Cursor])
		}
		g.Shown = shown
		ghosts = append(ghosts, g)
	}
	return ghosts
}

// Accept takes a ghost into the buffer, tells the server, and runs the item's command.
func (e *Editor) Accept(b *Buffer, g Ghost) {
	e.t.Helper()
	e.Change(b, Change{g.Start, g.End, g.Insert})
	b.Cursor = g.Start + len(g.Insert)
	if g.Command != nil {
		if reply := e.Execute(g.Command.Command, g.Command.Arguments...).Wait(); reply.Err != nil {
			e.t.Fatalf("the command of an accepted item: %v", reply.Err)
		}
	}
}

// Tell sends one of the notifications of what became of a ghost.
func (e *Editor) Tell(method string, g Ghost, acceptedLength int) {
	e.Notify(method, map[string]any{"item": map[string]any{"insertText": g.Insert, "command": g.Command}, "acceptedLength": acceptedLength})
}

// Action is an offered code action.
type Action struct {
	Title   string          `json:"title"`
	Kind    string          `json:"kind"`
	Tags    []int           `json:"tags"`
	Edit    json.RawMessage `json:"edit"`
	Command json.RawMessage `json:"command"`

	// Name and Arguments are of the command to execute.
	Name      string `json:"-"`
	Arguments []any  `json:"arguments"`
}

// Actions asks for code actions on a byte range. Each must be a command only.
func (e *Editor) Actions(b *Buffer, start, end, trigger int, only []string) []Action {
	e.t.Helper()
	e.mu.Lock()
	context := map[string]any{"diagnostics": []any{}}
	if trigger != 0 {
		context["triggerKind"] = trigger
	}
	if only != nil {
		context["only"] = only
	}
	params := map[string]any{
		"textDocument": map[string]any{"uri": b.URI},
		"range":        e.rangeOf(b.Text, start, end),
		"context":      context,
	}
	e.mu.Unlock()
	var actions []Action
	e.decode(e.Request("textDocument/codeAction", params), &actions)
	if actions == nil {
		e.t.Fatal("code actions were answered with null")
	}
	for i := range actions {
		e.readCommand(&actions[i])
	}
	return actions
}

// readCommand finds the command of an action, which is the action itself for
// clients without code action literals.
func (e *Editor) readCommand(a *Action) {
	e.t.Helper()
	var command struct {
		Command   string `json:"command"`
		Arguments []any  `json:"arguments"`
	}
	if a.Edit != nil {
		e.t.Fatalf("%q carries an edit", a.Title)
	}
	if e.profile.has("literals", true) {
		if err := json.Unmarshal(a.Command, &command); err != nil {
			e.t.Fatalf("%q: %v", a.Title, err)
		}
		a.Name, a.Arguments = command.Command, command.Arguments
		return
	}
	if err := json.Unmarshal(a.Command, &a.Name); err != nil {
		e.t.Fatalf("%q is no plain command: %s", a.Title, a.Command)
	}
}

// Execute runs a command.
func (e *Editor) Execute(name string, arguments ...any) *Pending {
	e.t.Helper()
	return e.Request("workspace/executeCommand", map[string]any{"command": name, "arguments": arguments})
}
