package lsp

// Settings is the section "lacuna" of the editor's settings. It is read from
// initializationOptions, workspace/didChangeConfiguration and
// workspace/configuration, with or without the surrounding "lacuna", nested or
// with dotted keys. What is not set keeps its default.
//
// The comments here are what docs/settings.md and the editors show. The tags min,
// max and enum are the limits of a value.
type Settings struct {
	// Enable switches everything on or off: suggestions and code actions.
	// Commands that are run explicitly work either way. Default: true.
	Enable bool `json:"enable"`

	// Inline is about inline completions ("ghost text").
	Inline InlineSettings `json:"inline"`

	// Completion is about the popup of completions.
	Completion CompletionSettings `json:"completion"`

	// Context is about what the model sees beside the document.
	Context ContextSettings `json:"context"`

	// Precedents lets what stands elsewhere, in the file or one beside it, between the
	// like of what surrounds a hole compete with what the model writes. Default: true.
	Precedents bool `json:"precedents"`

	// Files is about which files the server is on for.
	Files FileSettings `json:"files"`

	// Hints is about showing where holes are.
	Hints HintSettings `json:"hints"`

	// Denoising sends the notification lacuna/denoising after each denoising step,
	// for an editor that draws how a fill comes about. Default: false.
	Denoising bool `json:"denoising"`

	// Control is about being asked by the command line.
	Control ControlSettings `json:"control"`

	// Metrics is about being watched.
	Metrics MetricsSettings `json:"metrics"`

	// Statistics is about remembering beyond a session.
	Statistics StatisticsSettings `json:"statistics"`

	// Languages switches single languages off, by their id, for example
	// {"python": false}. A language that is not named is on.
	Languages map[string]bool `json:"languages"`
}

// InlineSettings is the section "lacuna.inline".
type InlineSettings struct {
	// Enable offers completions while typing. A completion that is asked for
	// explicitly is answered either way. Default: true.
	Enable bool `json:"enable"`

	// MinConfidence, 0 to 1, holds back what the model is less sure of than
	// this while you type: of how often such a fill is exactly right, if the
	// model is calibrated, else of the mean probability of its tokens.
	// What is asked for explicitly is shown whatever it is. Default: 0.2.
	MinConfidence float64 `json:"minConfidence" min:"0" max:"1"`

	// Deadline is after how many milliseconds what the model has so far is
	// offered, if it passes the filters, and else nothing, 0 to 60000; 0 waits
	// for as long as it takes. It is counted from where the model is asked,
	// once it is loaded. Default: 2000.
	Deadline int `json:"deadline" min:"0" max:"60000"`

	// Alternatives is how many different completions are looked for when one is
	// asked for explicitly, 1 to 5. Each takes as long as the first. While you
	// type there is never more than one. Default: 3.
	Alternatives int `json:"alternatives" min:"1" max:"5"`
}

// CompletionSettings is the section "lacuna.completion".
type CompletionSettings struct {
	// Enable offers fills in the popup of completions (textDocument/completion):
	// "fallback" where the editor has no inline completions, as Helix; "always"
	// beside them; "never". A server that is running starts or stops to answer
	// at once, but an editor that was not told of it when the server started
	// does not ask. Default: "fallback".
	Enable string `json:"enable" enum:"fallback,always,never"`
}

// ContextSettings is the section "lacuna.context".
type ContextSettings struct {
	// Neighbours reads up to four files of the same folder and language beside the
	// document: precedents are looked for in them, and the model is told what they
	// declare, if it was trained with that. Nothing of them leaves the machine.
	// Default: true.
	Neighbours bool `json:"neighbours"`
}

// FileSettings is the section "lacuna.files". Patterns are those of .gitignore,
// relative to the workspace folder; the last one that matches counts, and one that
// begins with "!" switches on again.
type FileSettings struct {
	// Exclude are patterns of files that are off, as in .gitignore and relative to
	// the workspace folder, for example ["*.pb.go", "vendor/"]. The last one that
	// matches counts, "!" switches on again, and they count after lacuna.files.secrets and
	// lacuna.files.gitignore, so that "!.env.example" is on.
	// Default: [].
	Exclude []string `json:"exclude" list:"pattern"`

	// Include are such patterns of files that are on, all others being off. Empty is
	// all of them. Default: [].
	Include []string `json:"include" list:"pattern"`

	// Gitignore switches off what git ignores: by the .gitignore files of the
	// repository, or of the workspace folder where there is none, and by
	// .git/info/exclude. Default: true.
	Gitignore bool `json:"gitignore"`

	// Secrets switches off files that commonly hold passwords and keys, by their
	// names: .env, *.pem, id_rsa and the like. Default: true.
	Secrets bool `json:"secrets"`

	// MaxKiB is the size, in KiB, above which a file is off: it takes long to
	// parse. Default: 2048.
	MaxKiB int `json:"maxKiB" min:"1" max:"2048"`
}

// HintSettings is the section "lacuna.hints".
type HintSettings struct {
	// Diagnostics marks the holes of a file as diagnostics, of the lowest
	// severity: a hint. Default: false.
	Diagnostics bool `json:"diagnostics"`

	// CodeLens shows above the holes of a file a line that fills them.
	// Default: false.
	CodeLens bool `json:"codeLens"`
}

// ControlSettings is the section "lacuna.control".
type ControlSettings struct {
	// Enable lets "lacuna explain" and "lacuna status" ask the server that the
	// editor runs, through a socket in the user's runtime folder that no other
	// user can open. It tells what lacuna.explain and lacuna.status tell, takes no
	// orders and holds no text. Default: true.
	Enable bool `json:"enable"`
}

// MetricsSettings is the section "lacuna.metrics".
type MetricsSettings struct {
	// Address serves counters and times in Prometheus' text format, at /metrics
	// of this loopback address and port, such as "127.0.0.1:9464". Empty is off.
	// Anyone on this machine can read them; they hold no names and no text.
	// Default: "".
	Address string `json:"address" text:"loopback"`
}

// StatisticsSettings is the section "lacuna.statistics".
type StatisticsSettings struct {
	// File is a file of your own, named in full, that gets a line of JSON at the
	// end of each session: how many completions were shown and accepted. Empty
	// keeps them in memory only. Default: "".
	File string `json:"file" text:"path"`
}

// DefaultSettings is what counts when nothing is configured.
func DefaultSettings() Settings {
	return Settings{
		Enable:     true,
		Inline:     InlineSettings{Enable: true, MinConfidence: 0.2, Deadline: 2000, Alternatives: 3},
		Completion: CompletionSettings{Enable: "fallback"},
		Context:    ContextSettings{Neighbours: true},
		Precedents: true,
		Control:    ControlSettings{Enable: true},
		Files:      FileSettings{Exclude: []string{}, Include: []string{}, Gitignore: true, Secrets: true, MaxKiB: 2048},
	}
}

// language tells whether a language is switched on.
func (s *Settings) language(id string) bool {
	on, named := s.Languages[id]
	return on || !named
}
