package main

import "testing"

func TestCompare(t *testing.T) {
	record := func(lang string, kind cutKind, exact bool) evalRecord {
		return evalRecord{Lang: lang, Kind: kind, Exact: exact}
	}
	p := compare(
		[]evalRecord{record("go", cutRest, true), record("go", cutLine, true), record("python", cutRest, false), record("python", cutRest, true)},
		[]evalRecord{record("go", cutRest, false), record("go", cutLine, true), record("python", cutRest, true)},
	)
	for name, test := range map[string]struct {
		got                 pairedScore
		holes, first, other int
	}{
		"total":  {p.Total, 3, 1, 1},
		"rest":   {p.Kinds[cutRest], 2, 1, 1},
		"line":   {p.Kinds[cutLine], 1, 0, 0},
		"go":     {p.ByLanguage["go"], 2, 1, 0},
		"python": {p.ByLanguage["python"], 1, 0, 1},
	} {
		if test.got.Holes != test.holes || test.got.OnlyResult != test.first || test.got.OnlyBaseline != test.other {
			t.Errorf("%s: %+v", name, test.got)
		}
	}
	if len(p.Kinds) != 2 || len(p.ByLanguage) != 2 {
		t.Errorf("%d kinds, %d languages", len(p.Kinds), len(p.ByLanguage))
	}
}

func TestOutcomeByLanguage(t *testing.T) {
	o := newOutcome([]evalRecord{{Lang: "go", Model: "m", Exact: true}, {Lang: "python"}, {Lang: "python"}}, "")
	if o.Model != "m" || o.Bundle != "embedded" || o.Total.Holes != 3 || o.ByLanguage["go"].Total.Exact.Hits != 1 || o.ByLanguage["python"].Total.Holes != 2 {
		t.Errorf("%+v", o)
	}
}
