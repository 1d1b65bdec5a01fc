package lsp

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/lacuna-dev/lacuna/lsp/exclude"
)

// section is the name that all settings stand under.
const section = "lacuna"

// merge reads raw over s. It returns a complaint for each setting it did not
// understand, which names its key in full; the others count.
func (s *Settings) merge(raw []byte) (complaints []string) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return []string{fmt.Sprintf("the settings are no object: %.60s", raw)}
	}
	if inner, ok := all[section]; ok {
		return s.merge(inner)
	}
	for _, key := range sortedKeys(all) {
		key, value := strings.TrimPrefix(key, section+"."), all[key]
		complaints = append(complaints, assign(reflect.ValueOf(s).Elem(), section, strings.Split(key, "."), value, "")...)
	}
	return complaints
}

// assign sets what name leads to from into, which stands under prefix, and
// complains of what it cannot. tag is that of into's field.
func assign(into reflect.Value, prefix string, name []string, value json.RawMessage, tag reflect.StructTag) []string {
	complain := func(why string) []string { return []string{prefix + ": " + why} }
	switch {
	case len(name) > 0 && into.Kind() == reflect.Struct:
		field, tag, ok := member(into, name[0])
		if !ok {
			return []string{unknownSetting(strings.Join(append([]string{prefix}, name...), "."))}
		}
		return assign(field, prefix+"."+name[0], name[1:], value, tag)
	case len(name) > 0 && into.Kind() == reflect.Map && len(name) == 1:
		element := reflect.New(into.Type().Elem()).Elem()
		complaints := assign(element, prefix+"."+name[0], nil, value, tag)
		if complaints == nil {
			// Never changed in place: earlier Settings share it.
			clone := reflect.MakeMap(into.Type())
			for _, key := range into.MapKeys() {
				clone.SetMapIndex(key, into.MapIndex(key))
			}
			clone.SetMapIndex(reflect.ValueOf(name[0]), element)
			into.Set(clone)
		}
		return complaints
	case len(name) > 0:
		return []string{unknownSetting(strings.Join(append([]string{prefix}, name...), "."))}
	case into.Kind() == reflect.Struct || into.Kind() == reflect.Map:
		var members map[string]json.RawMessage
		if json.Unmarshal(value, &members) != nil {
			return complain(fmt.Sprintf("it must be an object, not %.60s", value))
		}
		var complaints []string
		for _, key := range sortedKeys(members) {
			parts := strings.Split(key, ".")
			if into.Kind() == reflect.Map {
				parts = []string{key}
			}
			complaints = append(complaints, assign(into, prefix, parts, members[key], tag)...)
		}
		return complaints
	}
	if why := assignLeaf(into, value, tag); why != "" {
		return complain(fmt.Sprintf("%s, not %.60s", why, value))
	}
	return nil
}

// member finds the field of a section by its name in JSON.
func member(section reflect.Value, name string) (reflect.Value, reflect.StructTag, bool) {
	for i := range section.NumField() {
		if f := section.Type().Field(i); f.Tag.Get("json") == name {
			return section.Field(i), f.Tag, true
		}
	}
	return reflect.Value{}, "", false
}

// assignLeaf sets a value that is no section, or says what it must be.
func assignLeaf(into reflect.Value, value json.RawMessage, tag reflect.StructTag) string {
	fresh := reflect.New(into.Type())
	ok := json.Unmarshal(value, fresh.Interface()) == nil && string(value) != "null"
	switch into.Kind() {
	case reflect.Bool:
		if !ok {
			return "it must be true or false"
		}
	case reflect.Int, reflect.Float64:
		low, high := limits(tag)
		number := 0.0
		if ok {
			number = fresh.Elem().Convert(reflect.TypeFor[float64]()).Float()
		}
		kind := "a number"
		if into.Kind() == reflect.Int {
			kind = "a whole number"
		}
		if !ok || number < low || number > high {
			return fmt.Sprintf("it must be %s from %v to %v", kind, low, high)
		}
	case reflect.String:
		allowed := enum(tag)
		if ok && tag.Get("text") == "loopback" {
			if why := checkLoopback(fresh.Elem().String()); why != "" {
				return why
			}
		}
		if file := fresh.Elem().String(); ok && tag.Get("text") == "path" && file != "" && !filepath.IsAbs(file) {
			return "it must be the full name of a file"
		}
		if ok && (allowed == nil || slices.Contains(allowed, fresh.Elem().String())) {
			break
		}
		if allowed == nil {
			return "it must be a text"
		}
		return fmt.Sprintf("it must be one of %q", allowed)
	case reflect.Slice:
		kind := tag.Get("list")
		for _, text := range fresh.Elem().Seq2() {
			ok = ok && (kind != "pattern" || exclude.Valid(text.String()))
		}
		if !ok {
			return fmt.Sprintf("it must be a list of %ss", kind)
		}
	}
	into.Set(fresh.Elem())
	return ""
}

// limits are those of a number; every number in the settings has some.
func limits(tag reflect.StructTag) (low, high float64) {
	low, _ = strconv.ParseFloat(tag.Get("min"), 64)
	high, _ = strconv.ParseFloat(tag.Get("max"), 64)
	return low, high
}

// enum are the values that a text may take, or nil for any.
func enum(tag reflect.StructTag) []string {
	if list := tag.Get("enum"); list != "" {
		return strings.Split(list, ",")
	}
	return nil
}

// unknownSetting complains of a name, and says which one may be meant.
func unknownSetting(name string) string {
	const farthest = 3 // edits: a slip, not another word
	best, distance := "", farthest+1
	for _, known := range settingNames(reflect.TypeFor[Settings](), section) {
		if d := levenshtein.ComputeDistance(name, known); d < distance {
			best, distance = known, d
		}
	}
	if best == "" {
		return name + ": there is no such setting"
	}
	return fmt.Sprintf("%s: there is no such setting; %s is one", name, best)
}

// settingNames are the full names of all settings below a section.
func settingNames(of reflect.Type, prefix string) (names []string) {
	for i := range of.NumField() {
		field := of.Field(i)
		name := prefix + "." + field.Tag.Get("json")
		if field.Type.Kind() == reflect.Struct {
			names = append(names, settingNames(field.Type, name)...)
			continue
		}
		names = append(names, name)
	}
	return names
}

func sortedKeys(section map[string]json.RawMessage) []string {
	return slices.Sorted(maps.Keys(section))
}
