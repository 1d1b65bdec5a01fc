package lsptest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// beyond lists what the server sends that is not in the specification. Each is
// described in docs/protocol.md.
var beyond = map[string]bool{
	"lacuna/denoising": true,
}

// metaModel is the machine-readable specification of LSP 3.18, as far as messages
// are to be checked against it (metaModel.schema.json of the specification).
type metaModel struct {
	Requests      []metaMessage     `json:"requests"`
	Notifications []metaMessage     `json:"notifications"`
	Structures    []metaStructure   `json:"structures"`
	Enumerations  []metaEnumeration `json:"enumerations"`
	TypeAliases   []struct {
		Name string   `json:"name"`
		Type metaType `json:"type"`
	} `json:"typeAliases"`

	requests, notifications map[string]metaMessage
	structures              map[string]metaStructure
	enumerations            map[string]metaEnumeration
	aliases                 map[string]metaType
}

type metaMessage struct {
	Method    string    `json:"method"`
	Direction string    `json:"messageDirection"`
	Params    *metaType `json:"params"`
	Result    *metaType `json:"result"`
}

type metaStructure struct {
	Name       string         `json:"name"`
	Properties []metaProperty `json:"properties"`
	Extends    []metaType     `json:"extends"`
	Mixins     []metaType     `json:"mixins"`
}

type metaProperty struct {
	Name     string   `json:"name"`
	Type     metaType `json:"type"`
	Optional bool     `json:"optional"`
}

type metaEnumeration struct {
	Name           string   `json:"name"`
	Type           metaType `json:"type"`
	SupportsCustom bool     `json:"supportsCustomValues"`
	Values         []struct {
		Value any `json:"value"`
	} `json:"values"`
}

// metaType is any of the model's kinds of types; Value is what they call so: a
// constant of literals, the type of a map's values, the properties of a literal.
type metaType struct {
	Kind    string          `json:"kind"`
	Name    string          `json:"name"`
	Element *metaType       `json:"element"`
	Items   []metaType      `json:"items"`
	Value   json.RawMessage `json:"value"`
}

// specification is the model that the package go.lsp.dev/protocol was generated
// from, and has with it.
var specification = sync.OnceValues(func() (*metaModel, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "go.lsp.dev/protocol").Output()
	if err != nil {
		return nil, fmt.Errorf("where is go.lsp.dev/protocol? %w", err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "internal", "genlsp", "testdata", "metaModel.json"))
	if err != nil {
		return nil, err
	}
	var m metaModel
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	m.requests, m.notifications = map[string]metaMessage{}, map[string]metaMessage{}
	m.structures, m.enumerations, m.aliases = map[string]metaStructure{}, map[string]metaEnumeration{}, map[string]metaType{}
	for _, r := range m.Requests {
		m.requests[r.Method] = r
	}
	for _, n := range m.Notifications {
		m.notifications[n.Method] = n
	}
	for _, s := range m.Structures {
		m.structures[s.Name] = s
	}
	for _, e := range m.Enumerations {
		m.enumerations[e.Name] = e
	}
	for _, a := range m.TypeAliases {
		m.aliases[a.Name] = a.Type
	}
	if len(m.requests) == 0 || len(m.structures) == 0 {
		return nil, errors.New("metaModel.json has no requests or no structures")
	}
	return &m, nil
})

// checkResult checks the result of a request that the editor made.
func (m *metaModel) checkResult(method string, result []byte) error {
	request, ok := m.requests[method]
	if !ok {
		return fmt.Errorf("%s has a result, but is not in the specification", method)
	}
	if request.Result == nil {
		return nil
	}
	return m.checkJSON(method+" result", *request.Result, result)
}

// checkNotification checks what the server said unasked.
func (m *metaModel) checkNotification(method string, params []byte) error {
	if beyond[method] {
		return nil
	}
	notification, ok := m.notifications[method]
	switch {
	case !ok:
		return fmt.Errorf("the notification %s is not in the specification", method)
	case notification.Direction == "clientToServer":
		return fmt.Errorf("the notification %s is not for the server to send", method)
	case notification.Params == nil:
		return nil
	}
	if err := m.checkJSON(method, *notification.Params, params); err != nil || method != "$/progress" {
		return err
	}
	// The value of progress is anything in the model, but we send work done.
	var progress struct{ Value json.RawMessage }
	if err := json.Unmarshal(params, &progress); err != nil {
		return err
	}
	var kinds []metaType
	for _, name := range []string{"WorkDoneProgressBegin", "WorkDoneProgressReport", "WorkDoneProgressEnd"} {
		kinds = append(kinds, metaType{Kind: "reference", Name: name})
	}
	return m.checkJSON("$/progress value", metaType{Kind: "or", Items: kinds}, progress.Value)
}

// checkRequest checks what the server asks the editor.
func (m *metaModel) checkRequest(method string, params []byte) error {
	request, ok := m.requests[method]
	switch {
	case !ok:
		return fmt.Errorf("the request %s is not in the specification", method)
	case request.Direction == "clientToServer":
		return fmt.Errorf("the request %s is not for the server to make", method)
	case request.Params == nil:
		return nil
	}
	return m.checkJSON(method, *request.Params, params)
}

func (m *metaModel) checkJSON(at string, t metaType, data []byte) error {
	if len(data) == 0 {
		data = []byte("null")
	}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return m.check(at, t, value)
}

// check says where a value is not of a type.
func (m *metaModel) check(at string, t metaType, value any) error {
	wrong := func(want string) error { return fmt.Errorf("%s is %v (%T), not %s", at, value, value, want) }
	switch t.Kind {
	case "base":
		return checkBase(t.Name, value, wrong)
	case "reference":
		return m.checkReference(at, t.Name, value)
	case "array":
		list, ok := value.([]any)
		if !ok {
			return wrong("an array")
		}
		for i, v := range list {
			if err := m.check(fmt.Sprintf("%s[%d]", at, i), *t.Element, v); err != nil {
				return err
			}
		}
	case "map":
		object, ok := value.(map[string]any)
		if !ok {
			return wrong("an object")
		}
		var element metaType
		if err := json.Unmarshal(t.Value, &element); err != nil {
			return err
		}
		for k, v := range object {
			if err := m.check(at+"."+k, element, v); err != nil {
				return err
			}
		}
	case "or":
		var all []error
		for _, item := range t.Items {
			err := m.check(at, item, value)
			if err == nil {
				return nil
			}
			all = append(all, err)
		}
		return fmt.Errorf("%s is none of %d kinds: %w", at, len(t.Items), errors.Join(all...))
	case "and":
		for _, item := range t.Items {
			if err := m.check(at, item, value); err != nil {
				return err
			}
		}
	case "tuple":
		list, ok := value.([]any)
		if !ok || len(list) != len(t.Items) {
			return wrong(fmt.Sprintf("a tuple of %d", len(t.Items)))
		}
		for i, item := range t.Items {
			if err := m.check(fmt.Sprintf("%s[%d]", at, i), item, list[i]); err != nil {
				return err
			}
		}
	case "literal":
		var structure metaStructure
		if err := json.Unmarshal(t.Value, &structure); err != nil {
			return err
		}
		return m.checkProperties(at, structure.Properties, value)
	case "stringLiteral", "integerLiteral", "booleanLiteral":
		var want any
		if err := json.Unmarshal(t.Value, &want); err != nil {
			return err
		}
		if value != want {
			return wrong(fmt.Sprint(want))
		}
	default:
		return fmt.Errorf("%s: the model has a type of kind %q, which this test does not know", at, t.Kind)
	}
	return nil
}

func checkBase(name string, value any, wrong func(string) error) error {
	number, isNumber := value.(float64)
	whole := isNumber && number == math.Trunc(number)
	var ok bool
	switch name {
	case "URI", "DocumentUri", "RegExp", "string":
		_, ok = value.(string)
		if ok && name != "string" && name != "RegExp" && !strings.Contains(value.(string), ":") {
			ok = false
		}
	case "integer":
		ok = whole && number >= math.MinInt32 && number <= math.MaxInt32
	case "uinteger":
		ok = whole && number >= 0 && number <= math.MaxInt32
	case "decimal":
		ok = isNumber
	case "boolean":
		_, ok = value.(bool)
	case "null":
		ok = value == nil
	}
	if !ok {
		return wrong("a " + name)
	}
	return nil
}

func (m *metaModel) checkReference(at, name string, value any) error {
	if name == "LSPAny" { // and what it consists of refers to it
		return nil
	}
	if alias, ok := m.aliases[name]; ok {
		return m.check(at, alias, value)
	}
	if enumeration, ok := m.enumerations[name]; ok {
		if err := m.check(at, enumeration.Type, value); err != nil || enumeration.SupportsCustom {
			return err
		}
		for _, v := range enumeration.Values {
			if v.Value == value {
				return nil
			}
		}
		return fmt.Errorf("%s is %v, which is no %s", at, value, name)
	}
	structure, ok := m.structures[name]
	if !ok {
		return fmt.Errorf("%s: the model does not say what %s is", at, name)
	}
	return m.checkProperties(at, m.properties(structure), value)
}

// properties of a structure, with those of what it extends. Its own come last:
// they narrow inherited ones.
func (m *metaModel) properties(s metaStructure) []metaProperty {
	var out []metaProperty
	for _, base := range slices.Concat(s.Extends, s.Mixins) {
		out = append(out, m.properties(m.structures[base.Name])...)
	}
	return append(out, s.Properties...)
}

// checkProperties wants all that are required, and none that are not known: what
// an editor does not know it drops, and nobody notices.
func (m *metaModel) checkProperties(at string, properties []metaProperty, value any) error {
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is %v, not an object", at, value)
	}
	known := map[string]metaProperty{}
	for _, p := range properties {
		known[p.Name] = p
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		p, ok := known[name]
		if !ok {
			return fmt.Errorf("%s.%s is not in the specification", at, name)
		}
		if err := m.check(at+"."+name, p.Type, object[name]); err != nil {
			return err
		}
	}
	for _, p := range known {
		if _, there := object[p.Name]; !there && !p.Optional {
			return fmt.Errorf("%s.%s is missing", at, p.Name)
		}
	}
	return nil
}
