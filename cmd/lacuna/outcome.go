package main

// evalReport is the output of eval --json.
type evalReport struct {
	Languages []string `json:"langs"`
	Corpora   []string `json:"corpora"` // one a language
	Seed      uint64   `json:"seed"`
	// Holes is the number cut, which is below what was asked for when the
	// corpora have no more or the run was interrupted.
	Holes    int         `json:"holes"`
	Result   evalOutcome `json:"result"`
	Baseline *evalPair   `json:"baseline,omitempty"`
	Seconds  float64     `json:"seconds"` // of all of it
}

// evalOutcome is what one model made of the holes.
type evalOutcome struct {
	Model      string               `json:"model"`
	Bundle     string               `json:"bundle"`
	breakdown                       // of all languages together
	ByLanguage map[string]breakdown `json:"languages"`
	// Precedents is the share of the fills shown that stand elsewhere in their file;
	// how often those are exact, and the others.
	Precedents      rate `json:"precedents"`
	ExactPrecedents rate `json:"exact_of_precedents"`
	ExactModel      rate `json:"exact_of_others"`
}

// evalPair is the second model on the same holes.
type evalPair struct {
	evalOutcome
	Paired pairing `json:"paired"`
}

// pairing compares the two, over all holes and by kind and language.
type pairing struct {
	Total      pairedScore             `json:"total"`
	Kinds      map[cutKind]pairedScore `json:"kinds"`
	ByLanguage map[string]pairedScore  `json:"languages"`
}

func newOutcome(records []evalRecord, bundle string) evalOutcome {
	o := evalOutcome{Bundle: bundle, breakdown: breakDown(records), ByLanguage: map[string]breakdown{}}
	if bundle == "" {
		o.Bundle = "embedded"
	}
	if len(records) > 0 {
		o.Model = records[0].Model
	}
	var shown, found, foundExact, writtenExact int
	for _, r := range records {
		shown += asInt(r.Shown)
		if r.Precedent {
			found, foundExact = found+1, foundExact+asInt(r.Exact)
		} else {
			writtenExact += asInt(r.Exact)
		}
	}
	if found > 0 {
		o.Precedents, o.ExactPrecedents, o.ExactModel = newRate(found, shown), newRate(foundExact, found), newRate(writtenExact, shown-found)
	}
	for _, r := range records {
		if _, done := o.ByLanguage[r.Lang]; !done {
			o.ByLanguage[r.Lang] = breakDown(only(records, func(s *evalRecord) bool { return s.Lang == r.Lang }))
		}
	}
	return o
}

// compare pairs the records of two models on the same holes.
func compare(records, other []evalRecord) pairing {
	n := min(len(records), len(other))
	p := pairing{Total: pair(records, other), Kinds: map[cutKind]pairedScore{}, ByLanguage: map[string]pairedScore{}}
	for _, r := range records[:n] {
		if _, done := p.Kinds[r.Kind]; !done {
			same := func(s *evalRecord) bool { return s.Kind == r.Kind }
			p.Kinds[r.Kind] = pair(only(records[:n], same), only(other[:n], same))
		}
		if _, done := p.ByLanguage[r.Lang]; !done {
			same := func(s *evalRecord) bool { return s.Lang == r.Lang }
			p.ByLanguage[r.Lang] = pair(only(records[:n], same), only(other[:n], same))
		}
	}
	return p
}
