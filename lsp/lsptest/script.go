package lsptest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/lsp"
)

// RunScript runs one txtar script against a new server. Its comment is a list
// of verbs, one a line, with Go-quoted arguments; "#" begins a comment. Its
// files are what open, reset and buffer name, with the cursor marked "‸";
// "\r" in them is written as "␍". verbs lists what there is.
func RunScript(t *testing.T, archive *txtar.Archive) {
	s := &script{t: t, files: map[string]string{}, filler: NewFiller(), replies: map[string]*Pending{}}
	for _, f := range archive.Files {
		s.files[f.Name] = strings.ReplaceAll(string(f.Data), "␍", "\r")
	}
	for i, line := range strings.Split(string(archive.Comment), "\n") {
		line, _, _ = strings.Cut(strings.TrimSpace(line)+" #", " #")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s.at = fmt.Sprintf("line %d: %s", i+1, line)
		s.run(line)
		if t.Failed() {
			t.Fatalf("at %s", s.at)
		}
	}
}

// script is the state of a running script.
type script struct {
	t       *testing.T
	at      string
	files   map[string]string
	profile Profile
	filler  *Filler
	loading chan struct{} // the model loads until it is closed; nil loads at once
	missing string        // why the model cannot be loaded

	editor   *Editor // nil until a verb needs it
	buffer   *Buffer
	replies  map[string]*Pending
	selected *Selected
	ghost    Ghost
	actions  []Action
}

func (s *script) run(line string) {
	s.t.Helper()
	words, err := split(line)
	if err != nil {
		s.t.Fatalf("%s: %v", s.at, err)
	}
	verb, args := words[0], words[1:]
	if run, ok := setup[verb]; ok {
		run(s, args)
		return
	}
	run, ok := verbs[verb]
	if !ok {
		s.t.Fatalf("%s: there is no verb %q", s.at, verb)
	}
	if s.editor == nil {
		s.editor = Start(s.t, lsp.Options{Filler: s.load, Name: "lacuna", Version: "test", Log: slog.New(slog.NewTextHandler(testWriter{s.t}, &slog.HandlerOptions{Level: slog.LevelWarn}))}, s.profile)
	}
	run(s, args)
}

// load is the provider the server is given.
func (s *script) load(ctx context.Context) (infill.Filler, error) {
	if s.loading != nil {
		select {
		case <-s.loading:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if s.missing != "" {
		return nil, errors.New(s.missing)
	}
	return s.filler, nil
}

// setup are the verbs that go before the session begins, or beside it.
var setup = map[string]func(s *script, args []string){
	"encodings": func(s *script, args []string) { s.profile.Encodings = args },
	"without":   func(s *script, args []string) { s.profile.Without = args },
	"with":      func(s *script, args []string) { s.profile.With = args },
	"options":   func(s *script, args []string) { s.json(args[0], &s.profile.Options) },
	"disk":      func(s *script, args []string) { s.write(args) },
	"pulled":    func(s *script, args []string) { s.json(args[0], &s.profile.Settings) },

	// The model.
	"model-missing": func(s *script, args []string) { s.missing = args[0] },
	"model-loading": func(s *script, _ []string) { s.loading = make(chan struct{}) },
	"model-ready":   func(s *script, _ []string) { close(s.loading) },
	"says":          func(s *script, args []string) { s.filler.Says(args[0]) },
	"murmurs": func(s *script, args []string) {
		confidence, err := strconv.ParseFloat(args[0], 64)
		if err != nil {
			s.t.Fatal(err)
		}
		s.filler.Murmurs(confidence, args[1])
	},
	"replaces": func(s *script, args []string) { s.filler.Replaces(s.int(args[0]), s.int(args[1]), args[2]) },
	"fails":    func(s *script, args []string) { s.filler.Fails(args[0]) },
	"panics": func(s *script, args []string) {
		s.filler.Answer(func(infill.Request) (infill.Result, error) { panic(args[0]) })
	},
	"silent": func(s *script, args []string) {
		s.filler.Answer(func(infill.Request) (infill.Result, error) { return infill.Result{Reason: args[0]}, nil })
	},
	"weighs":   func(s *script, args []string) { s.filler.Weighs(args) },
	"opinions": func(s *script, args []string) { s.filler.Opinions(args) },
	"blocks":   func(s *script, _ []string) { s.filler.Block() },
	"release":  func(s *script, _ []string) { s.filler.Release() },
	"filling":  func(s *script, _ []string) { s.filler.Wait(s.t) },
	"unfilled": func(s *script, _ []string) { s.unfilled() },
	"asked":    func(s *script, args []string) { s.asked(args) },
}

// verbs are what the editor does and expects.
var verbs = map[string]func(s *script, args []string){
	// Editing.
	"open":  func(s *script, args []string) { s.buffer = s.editor.Open(args[0], s.file(args[0])) },
	"close": func(s *script, _ []string) { s.notify("textDocument/didClose", `{"textDocument":{"uri":"$uri"}}`) },
	"reset": func(s *script, args []string) { s.editor.Reset(s.buffer, s.file(args[0])) },
	"type": func(s *script, args []string) {
		s.editor.Change(s.buffer, Change{s.buffer.Cursor, s.buffer.Cursor, args[0]})
	},
	"change":   func(s *script, args []string) { s.change(args) },
	"notify":   func(s *script, args []string) { s.notify(args[0], args[1]) },
	"buffer":   func(s *script, args []string) { s.expect("the buffer", s.marked(), s.file(args[0])) },
	"able":     func(s *script, args []string) { s.able(args) },
	"encoding": func(s *script, args []string) { s.expect("the encoding", s.editor.Encoding, args[0]) },

	// Ghost text.
	"ask":    func(s *script, args []string) { s.ask(args) },
	"select": func(s *script, args []string) { s.choose(args[0], args[1]) },
	"ghost":  func(s *script, args []string) { s.showGhost(args[0]) },
	"ghosts": func(s *script, args []string) { s.showGhosts(args) },
	"none":   func(s *script, args []string) { s.expectJSON(`{"items":[]}`, args) },
	"drawn":  func(s *script, _ []string) { s.editor.Tell("textDocument/didShowCompletion", s.ghost, 0) },
	"partly": func(s *script, args []string) {
		s.editor.Tell("textDocument/didPartiallyAcceptCompletion", s.ghost, s.int(args[0]))
	},
	"dismiss": func(s *script, _ []string) {
		s.replies[""] = s.editor.Execute("lacuna.dismissed", s.ghost.Command.Arguments...)
	},
	"accept": func(s *script, _ []string) { s.editor.Accept(s.buffer, s.ghost) },

	// The popup.
	"popup":    func(s *script, args []string) { s.popup(args) },
	"entry":    func(s *script, args []string) { s.entry(args[0]) },
	"no-entry": func(s *script, args []string) { s.expectJSON(`{"isIncomplete":true,"items":[]}`, args) },

	// Code actions and commands.
	"actions": func(s *script, args []string) { s.ask4Actions(args) },
	"offers":  func(s *script, args []string) { s.offers(args) },
	"run":     func(s *script, args []string) { s.execute(args) },
	"refuse":  func(s *script, args []string) { s.editor.Refuse(args[0]) },
	"null":    func(s *script, args []string) { s.expectJSON(`null`, args) },

	// Anything else.
	"call":     func(s *script, args []string) { s.call(args) },
	"cancel":   func(s *script, args []string) { s.cancel(args) },
	"answer":   func(s *script, args []string) { s.expectPart(args) },
	"error":    func(s *script, args []string) { s.expectError(args) },
	"told":     func(s *script, args []string) { s.event("window/showMessage", args[0]) },
	"logged":   func(s *script, args []string) { s.event("window/logMessage", args[0]) },
	"event":    func(s *script, args []string) { s.event(args[0], args[1]) },
	"silently": func(s *script, args []string) { s.silently(args[0]) },
	"quiet":    func(s *script, _ []string) { s.quiet() },
}

func (s *script) change(args []string) {
	s.t.Helper()
	if len(args)%3 != 0 {
		s.t.Fatalf("%s: change wants START END TEXT, any number of times", s.at)
	}
	var changes []Change
	for three := range slices.Chunk(args, 3) {
		changes = append(changes, Change{s.int(three[0]), s.int(three[1]), three[2]})
	}
	s.editor.Change(s.buffer, changes...)
}

// ask asks for ghost text: ask [auto|invoked|old-invoked] [NAME].
func (s *script) ask(args []string) {
	s.t.Helper()
	triggers := map[string]int{"auto": Automatic, "invoked": Invoked, "old-invoked": InvokedOfOld}
	trigger := Automatic
	if len(args) > 0 {
		var ok bool
		if trigger, ok = triggers[args[0]]; !ok {
			s.t.Fatalf("%s: unknown trigger", s.at)
		}
	}
	s.replies[name(args, 1)] = s.editor.AskInline(s.buffer, trigger, s.selected)
	s.selected = nil
}

// choose selects an entry of the popup that would replace what was typed.
func (s *script) choose(typed, entry string) {
	start := s.buffer.Cursor - len(typed)
	s.selected = &Selected{Range: s.editor.rangeOf(s.buffer.Text, start, s.buffer.Cursor), Text: entry}
}

func (s *script) showGhost(want string) {
	s.t.Helper()
	ghosts := s.editor.Ghosts(s.buffer, s.reply(""))
	if len(ghosts) != 1 {
		s.t.Fatalf("%s: %d items: %+v", s.at, len(ghosts), ghosts)
	}
	s.ghost = ghosts[0]
	s.expect("the ghost text", s.ghost.Shown, want)
}

// ask4Actions asks for code actions: actions [auto] [only=KIND,...] [select=BYTES].
func (s *script) ask4Actions(args []string) {
	s.t.Helper()
	var only []string
	trigger, end := 0, s.buffer.Cursor
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "auto":
			trigger = 2
		case "only":
			only = strings.Split(value, ",")
		case "select":
			end += s.int(value)
		}
	}
	s.actions = s.editor.Actions(s.buffer, s.buffer.Cursor, end, trigger, only)
}

// offers compares titles; "(kind)" and "[tags]" after a title are compared if
// they are given.
func (s *script) offers(want []string) {
	s.t.Helper()
	var got []string
	for i, a := range s.actions {
		text := a.Title
		if i < len(want) && strings.Contains(want[i], " (") {
			text += fmt.Sprintf(" (%s)", a.Kind)
		}
		if i < len(want) && strings.Contains(want[i], " [") {
			text += fmt.Sprintf(" %v", a.Tags)
		}
		got = append(got, text)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("offered are %q, want %q", got, want)
	}
}

// execute runs the command of an offered action: run TITLE [NAME].
func (s *script) execute(args []string) {
	s.t.Helper()
	i := slices.IndexFunc(s.actions, func(a Action) bool { return a.Title == args[0] })
	if i < 0 {
		s.t.Fatalf("%s: not among the actions %+v", s.at, s.actions)
	}
	s.replies[name(args, 1)] = s.editor.Execute(s.actions[i].Name, s.actions[i].Arguments...)
}

// Refuse has the editor refuse edits from now on; "" takes them again.
func (e *Editor) Refuse(why string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuse = why
}

// call sends any request: call METHOD JSON [NAME].
func (s *script) call(args []string) {
	s.t.Helper()
	s.replies[name(args, 2)] = s.editor.Request(args[0], s.params(args[1]))
}

func (s *script) notify(method, params string) {
	s.t.Helper()
	s.editor.Notify(method, s.params(params))
}

// params reads JSON in which $uri stands for the buffer's URI.
func (s *script) params(text string) any {
	s.t.Helper()
	if s.buffer != nil {
		text = strings.ReplaceAll(text, "$uri", s.buffer.URI)
	}
	var v any
	s.json(text, &v)
	return v
}

func (s *script) cancel(args []string) {
	s.t.Helper()
	s.editor.Notify("$/cancelRequest", map[string]any{"id": s.replies[name(args, 0)].ID})
}

func (s *script) expectJSON(want string, args []string) {
	s.t.Helper()
	reply := s.reply(name(args, 0))
	if reply.Wait().Err != nil {
		s.t.Fatalf("%s: the answer is error %d, %v", s.at, reply.reply.Err.Code, reply.reply.Err)
	}
	s.expect("the answer", string(reply.reply.Result), want)
}

// expectPart expects an answer that holds a text: answer PART [NAME].
func (s *script) expectPart(args []string) {
	s.t.Helper()
	reply := s.reply(name(args, 1)).Wait()
	if reply.Err != nil {
		s.t.Fatalf("%s: the answer is error %d, %v", s.at, reply.Err.Code, reply.Err)
	}
	if !strings.Contains(string(reply.Result), args[0]) {
		s.t.Errorf("the answer is %s, without %s", reply.Result, args[0])
	}
}

// expectError expects an error reply: error CODE [NAME].
func (s *script) expectError(args []string) {
	s.t.Helper()
	reply := s.reply(name(args, 1)).Wait()
	if reply.Err == nil {
		s.t.Fatalf("%s: the answer is %s", s.at, reply.Result)
	}
	if got := strconv.Itoa(int(reply.Err.Code)); got != args[0] {
		s.t.Errorf("the answer is error %s, %v; want %s", got, reply.Err, args[0])
	}
}

// event waits for something the server sends whose parameters hold a text.
func (s *script) event(method, part string) {
	s.t.Helper()
	s.editor.Event(method+" with "+part, func(e Event) bool {
		return e.Method == method && strings.Contains(string(e.Params), part)
	})
}

// quiet expects that nothing was told or logged that no verb waited for.
func (s *script) quiet() {
	s.t.Helper()
	for _, method := range []string{"window/showMessage", "window/logMessage"} {
		if unread := s.editor.Unread(); strings.Contains(unread, method) {
			s.t.Errorf("the server should have been quiet, but sent%s", unread)
		}
	}
}

// write puts files on disk, into the folder where the editor's are.
func (s *script) write(names []string) {
	s.t.Helper()
	if s.profile.Folder == "" {
		s.profile.Folder = s.t.TempDir()
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(s.profile.Folder, name), []byte(s.file(name)), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
}

// asked compares the latest fill's request: asked [kind=K] [path=P] [at=BYTE]
// [deadline=none|set] [neighbours=NAME,...] [NAME=OUTLINE].
func (s *script) asked(args []string) {
	s.t.Helper()
	last := s.filler.Last()
	for _, arg := range args {
		key, want, _ := strings.Cut(arg, "=")
		got := map[string]string{"kind": string(last.Hole.Kind), "path": last.Path, "at": strconv.Itoa(last.Hole.Start)}
		got["deadline"] = "none"
		if !last.Deadline.IsZero() {
			got["deadline"] = "set"
		}
		var names []string
		for _, n := range last.Neighbours {
			names = append(names, n.Name)
			got[n.Name] = n.Outline
		}
		got["neighbours"] = strings.Join(names, ",")
		s.expect(key, got[key], want)
	}
}

// unfilled expects that the model has not been asked.
func (s *script) unfilled() {
	s.t.Helper()
	select {
	case r := <-s.filler.entered:
		s.t.Errorf("the model was asked about %+v", r.Hole)
	default:
	}
}
