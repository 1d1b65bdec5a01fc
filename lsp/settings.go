package lsp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Settings is the section "lacuna" of the editor's settings. It is read from
// initializationOptions, workspace/didChangeConfiguration and
// workspace/configuration, with or without the surrounding "lacuna", nested or
// with dotted keys. What is not set keeps its default.
type Settings struct {
	// Enable switches everything on or off: suggestions and code actions.
	// Commands that are run explicitly work either way. Default: true.
	Enable bool `json:"enable"`

	// Inline is about inline completions ("ghost text").
	Inline InlineSettings `json:"inline"`

	// Context is about what the model sees beside the document.
	Context ContextSettings `json:"context"`

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
	// this while you type: the geometric mean of its tokens' probabilities.
	// What is asked for explicitly is shown whatever it is. Default: 0.3.
	MinConfidence float64 `json:"minConfidence"`
}

// ContextSettings is the section "lacuna.context".
type ContextSettings struct {
	// Neighbours tells the model what the files beside the document declare: up
	// to four of the same folder and language are read. Nothing of them leaves
	// the machine. A model that was not trained with them is not told.
	// Default: true.
	Neighbours bool `json:"neighbours"`
}

// DefaultSettings is what counts when nothing is configured.
func DefaultSettings() Settings {
	return Settings{
		Enable:  true,
		Inline:  InlineSettings{Enable: true, MinConfidence: 0.3},
		Context: ContextSettings{Neighbours: true},
	}
}

// language tells whether a language is switched on.
func (s *Settings) language(id string) bool {
	on, named := s.Languages[id]
	return on || !named
}

// merge reads raw over s. It returns a complaint for each setting it did not
// understand; the others count.
func (s *Settings) merge(raw []byte) (complaints []string) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var section map[string]json.RawMessage
	if json.Unmarshal(raw, &section) != nil {
		return []string{fmt.Sprintf("the settings are no object: %.60s", raw)}
	}
	if inner, ok := section["lacuna"]; ok {
		return s.merge(inner)
	}
	for _, key := range sortedKeys(section) {
		if err := s.set(strings.Split(strings.TrimPrefix(key, "lacuna."), "."), section[key]); err != nil {
			complaints = append(complaints, fmt.Sprintf("lacuna.%s: %v", strings.TrimPrefix(key, "lacuna."), err))
		}
	}
	return complaints
}

var errUnknownSetting = fmt.Errorf("there is no such setting")

// set assigns one setting, given the parts of its name.
func (s *Settings) set(name []string, value json.RawMessage) error {
	switch name[0] {
	case "enable":
		return setLeaf(name, value, &s.Enable)
	case "languages":
		return s.setLanguages(name[1:], value)
	case "inline":
		return s.setInline(name[1:], value)
	case "context":
		return s.setContext(name[1:], value)
	}
	return errUnknownSetting
}

func (s *Settings) setInline(name []string, value json.RawMessage) error {
	if len(name) == 0 {
		return eachMember(value, func(key string, value json.RawMessage) error { return s.setInline([]string{key}, value) })
	}
	switch {
	case name[0] == "enable":
		return setLeaf(name, value, &s.Inline.Enable)
	case name[0] == "minConfidence" && len(name) == 1:
		var least float64
		if json.Unmarshal(value, &least) != nil || least < 0 || least > 1 {
			return fmt.Errorf("it must be a number from 0 to 1, not %.60s", value)
		}
		s.Inline.MinConfidence = least
		return nil
	}
	return errUnknownSetting
}

func (s *Settings) setContext(name []string, value json.RawMessage) error {
	if len(name) == 0 {
		return eachMember(value, func(key string, value json.RawMessage) error { return s.setContext([]string{key}, value) })
	}
	if name[0] == "neighbours" {
		return setLeaf(name, value, &s.Context.Neighbours)
	}
	return errUnknownSetting
}

func (s *Settings) setLanguages(name []string, value json.RawMessage) error {
	if len(name) == 0 {
		return eachMember(value, func(key string, value json.RawMessage) error { return s.setLanguages([]string{key}, value) })
	}
	var on bool
	if err := setLeaf(name, value, &on); err != nil {
		return err
	}
	languages := map[string]bool{name[0]: on}
	for id, on := range s.Languages {
		if id != name[0] {
			languages[id] = on
		}
	}
	s.Languages = languages // never changed in place: earlier Settings share it
	return nil
}

func setLeaf(name []string, value json.RawMessage, into *bool) error {
	if len(name) != 1 {
		return errUnknownSetting
	}
	if json.Unmarshal(value, into) != nil {
		return fmt.Errorf("it must be true or false, not %.60s", value)
	}
	return nil
}

func eachMember(raw json.RawMessage, set func(key string, value json.RawMessage) error) error {
	var section map[string]json.RawMessage
	if json.Unmarshal(raw, &section) != nil {
		return fmt.Errorf("it must be an object, not %.60s", raw)
	}
	for _, key := range sortedKeys(section) {
		if err := set(key, section[key]); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func sortedKeys(section map[string]json.RawMessage) []string {
	keys := make([]string, 0, len(section))
	for key := range section {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
