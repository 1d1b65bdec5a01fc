package lsp

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSettingsMerge(t *testing.T) {
	with := func(change func(*Settings)) Settings {
		s := DefaultSettings()
		change(&s)
		return s
	}
	for _, test := range []struct {
		name, raw  string
		want       Settings
		complaints int
	}{
		{"nothing", ``, DefaultSettings(), 0},
		{"null", `null`, DefaultSettings(), 0},
		{"empty", `{}`, DefaultSettings(), 0},
		{"empty section", `{"lacuna":{}}`, DefaultSettings(), 0},
		{"null section", `{"lacuna":null}`, DefaultSettings(), 0},
		{"nested", `{"lacuna":{"inline":{"enable":false}}}`, with(func(s *Settings) { s.Inline.Enable = false }), 0},
		{"bare", `{"inline":{"enable":false}}`, with(func(s *Settings) { s.Inline.Enable = false }), 0},
		{"dotted", `{"lacuna.inline.enable":false}`, with(func(s *Settings) { s.Inline.Enable = false }), 0},
		{"languages", `{"languages":{"go":false},"languages.python":true}`, with(func(s *Settings) { s.Languages = map[string]bool{"go": false, "python": true} }), 0},
		{"unknown ones beside good ones", `{"enable":false,"colour":1,"inline.delay":2,"inline":3}`, with(func(s *Settings) { s.Enable = false }), 3},
		{"confidence", `{"inline":{"minConfidence":0.5}}`, with(func(s *Settings) { s.Inline.MinConfidence = 0.5 }), 0},
		{"confidence out of range", `{"inline.minConfidence":1.5}`, DefaultSettings(), 1},
		{"neighbours", `{"context":{"neighbours":false}}`, with(func(s *Settings) { s.Context.Neighbours = false }), 0},
		{"unknown ones about the context", `{"context":{"neighbours":1,"tabs":true},"context.neighbours.all":false}`, DefaultSettings(), 3},
		{"no object", `"on"`, DefaultSettings(), 1},
		{"an object of dotted keys", `{"lacuna":{"inline.enable":false}}`, with(func(s *Settings) { s.Inline.Enable = false }), 0},
		{"a choice", `{"completion.enable":"always"}`, with(func(s *Settings) { s.Completion.Enable = "always" }), 0},
		{"no choice", `{"completion.enable":"sometimes"}`, DefaultSettings(), 1},
		{"a whole number", `{"inline.alternatives":1}`, with(func(s *Settings) { s.Inline.Alternatives = 1 }), 0},
		{"half a number", `{"inline.alternatives":1.5}`, DefaultSettings(), 1},
		{"null is not false", `{"enable":null}`, DefaultSettings(), 1},
		{"too deep", `{"enable.all":true,"languages.go.test":true}`, DefaultSettings(), 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := DefaultSettings()
			complaints := got.merge([]byte(test.raw))
			if diff := cmp.Diff(test.want, got); diff != "" || len(complaints) != test.complaints {
				t.Errorf("complaints %q, settings (-want +got):\n%s", complaints, diff)
			}
		})
	}
}

// TestComplaints: each names its key in full, however it was written.
func TestComplaints(t *testing.T) {
	for raw, want := range map[string]string{
		`{"lacuna":{"inline":{"enable":1}}}`:   `lacuna.inline.enable: it must be true or false, not 1`,
		`{"lacuna.inline.enable":1}`:           `lacuna.inline.enable: it must be true or false, not 1`,
		`{"inline":{"enabled":true}}`:          `lacuna.inline.enabled: there is no such setting; lacuna.inline.enable is one`,
		`{"inline":true}`:                      `lacuna.inline: it must be an object, not true`,
		`{"inline.minConfidence":"much"}`:      `lacuna.inline.minConfidence: it must be a number from 0 to 1, not "much"`,
		`{"inline":{"alternatives":9}}`:        `lacuna.inline.alternatives: it must be a whole number from 1 to 5, not 9`,
		`{"completion":{"enable":"sometime"}}`: `lacuna.completion.enable: it must be one of ["fallback" "always" "never"], not "sometime"`,
		`{"languages":{"go":"off"}}`:           `lacuna.languages.go: it must be true or false, not "off"`,
		`{"files":{"exclude":["["]}}`:          `lacuna.files.exclude: it must be a list of patterns, not ["["]`,
		`{"files.maxKiB":0}`:                   `lacuna.files.maxKiB: it must be a whole number from 1 to 2048, not 0`,
		`{"metrics.address":"0.0.0.0:1"}`:      `lacuna.metrics.address: it must be a loopback address, 127.0.0.1, ::1 or localhost: metrics are for this machine alone, not "0.0.0.0:1"`,
		`{"metrics.address":"127.0.0.1"}`:      `lacuna.metrics.address: it must be an address and a port, as 127.0.0.1:9464, not "127.0.0.1"`,
		`{"statistics.file":"here"}`:           `lacuna.statistics.file: it must be the full name of a file, not "here"`,
		`{"shape":{"colour":"red"}}`:           `lacuna.shape: there is no such setting`,
	} {
		s := DefaultSettings()
		if diff := cmp.Diff([]string{want}, s.merge([]byte(raw))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", raw, diff)
		}
	}
}

func TestIsOneCharacter(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "a": true, "ab": false, "\n": true, "\r\n": true, "\r": true, "\n\n": false,
		"ä": true, "e\u0301": true, "e\u0301x": false, "🙂": true, "🙂🙂": false,
		"👍🏽": true, "👩\u200d🚀": true, "🇪🇺": true, "🇪🇺🇪": false, "漢": true, "漢字": false,
	} {
		if got := isOneCharacter([]byte(text)); got != want {
			t.Errorf("isOneCharacter(%q) = %v, want %v", text, got, want)
		}
	}
}
