package lsp

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
)

// Completions in the popup are for editors that have no inline completions.
// There is one item at most, of plain text, and the list is never complete: a
// fill is for one place and must be asked for again at the next.

// triggers are what completions are asked for after, beside words. No space, brace
// or colon: where the popup takes Enter, it would stand in the way of a new line.
var triggers = []string{".", "(", "[", ",", "="}

// completes tells whether completions are offered in the popup, with the
// settings given.
func (c *client) completes(settings *Settings) bool {
	switch settings.Completion.Enable {
	case "always":
		return true
	case "fallback":
		return !c.inline
	}
	return false
}

func (s *Server) completion(c *call, params jsonrpc2.RawMessage) (task, error) {
	var p protocol.CompletionParams
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	// A client does not tell an explicit request from one for a letter typed:
	// both are "invoked".
	rec := s.journal.begin(c, &p.TextDocumentPositionParams, true, true)
	return rec.follow(s.completionTask(c, &p, rec)), nil
}

// completionTask is the read loop's part of a completion for the popup.
func (s *Server) completionTask(c *call, p *protocol.CompletionParams, rec *record) task {
	doc := s.documents[p.TextDocument.URI]
	if doc == nil {
		return s.noEntries("the document is not open", rec)
	}
	w := s.on(p.TextDocument.URI)
	supersede(c, &w.popup)
	q := s.question(doc.Head(), p.Position, rec, true)
	q.id = c.id
	why := s.unwanted(&q)
	if settings := s.settings.Load(); why == "" && !s.client.completes(settings) {
		why = "lacuna.completion.enable is " + settings.Completion.Enable
	}
	if why != "" {
		return s.noEntries(why, rec)
	}
	q.around = s.surroundings(q.snapshot)
	w.join(&q)
	asIs := s.client.insertAsIs
	return func(ctx context.Context) (any, error) { return s.enter(ctx, q, asIs) }
}

func (s *Server) noEntries(why string, rec *record) task {
	return func(context.Context) (any, error) {
		rec.because(why)
		s.log.Debug("no completion", "because", why)
		return &protocol.CompletionList{IsIncomplete: true, Items: []protocol.CompletionItem{}}, nil
	}
}

// enter answers with the popup's entry, off the read loop.
func (s *Server) enter(ctx context.Context, q inlineQuestion, asIs bool) (any, error) {
	list := &protocol.CompletionList{IsIncomplete: true}
	why, err := s.withTree(ctx, q, func(filler infill.Filler, tree *grammars.Tree) (string, error) {
		result, err := s.fillInline(ctx, filler, tree, insertion(tree, q.cursor), q)
		if err != nil || result.Text == "" {
			return result.Reason, err
		}
		e, ok := editOf(result, q.snapshot.Text).atCursor(q.snapshot.Text, q.cursor)
		if !ok {
			return "the fill does not continue the line at the cursor", nil
		}
		list.Items = append(list.Items, entry(q, e, asIs))
		return "", nil
	})
	if err != nil {
		return nil, err
	}
	if len(list.Items) == 0 {
		return s.noEntries(why, q.record)(ctx)
	}
	s.offers.show(q.snapshot.URI, q.record.number, q.automatic, q.found.offers)
	return list, nil
}

// entry is an edit at the cursor as an entry of the popup. It replaces the word
// before the cursor as well, by itself: editors filter entries by that word.
func entry(q inlineQuestion, e edit, asIs bool) protocol.CompletionItem {
	word := wordBefore(q.snapshot.Text.Bytes()[:q.cursor])
	text := word + e.text
	label, rest, _ := strings.Cut(strings.TrimLeft(text, " \t\r\n"), "\n")
	label = strings.TrimRight(label, " \t\r")
	item := protocol.CompletionItem{
		Label:            label,
		Kind:             protocol.CompletionItemKindText,
		Detail:           protocol.NewOptional("Lacuna"),
		FilterText:       protocol.NewOptional(label),
		InsertTextFormat: protocol.InsertTextFormatPlainText,
		TextEdit:         &protocol.TextEdit{Range: q.snapshot.Text.Range(q.cursor-len(word), e.end, q.encoding), NewText: text},
		Command:          q.record.acceptedCommand(),
	}
	if strings.TrimSpace(rest) != "" {
		item.Label += " …"
		item.Documentation = protocol.String(text)
	}
	if asIs {
		item.InsertTextMode = protocol.InsertTextModeAsIs
	}
	return item
}

// wordBefore is the part of a name that stands at the end of text.
func wordBefore(text []byte) string {
	start := len(text)
	for start > 0 {
		r, size := utf8.DecodeLastRune(text[:start])
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) {
			break
		}
		start -= size
	}
	return string(text[start:])
}

// readCompletion is what a client says of its popup.
func (c *client) readCompletion(capabilities *protocol.CompletionClientCapabilities) {
	if capabilities != nil && capabilities.CompletionItem != nil {
		c.insertAsIs = slices.Contains(capabilities.CompletionItem.InsertTextModeSupport.ValueSet, protocol.InsertTextModeAsIs)
	}
}
