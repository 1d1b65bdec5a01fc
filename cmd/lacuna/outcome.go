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
}

// evalPair is the second model on the same holes.
type evalPair struct {
	evalOutcome
	// Of the holes: which of the two filled them exactly.
	Both         int `json:"exact_both"`
	OnlyResult   int `json:"exact_only_result"`
	OnlyBaseline int `json:"exact_only_baseline"`
}

func newOutcome(records []evalRecord, bundle string) evalOutcome {
	o := evalOutcome{Bundle: bundle, breakdown: breakDown(records), ByLanguage: map[string]breakdown{}}
	if bundle == "" {
		o.Bundle = "embedded"
	}
	if len(records) > 0 {
		o.Model = records[0].Model
	}
	for _, r := range records {
		if _, done := o.ByLanguage[r.Lang]; !done {
			o.ByLanguage[r.Lang] = breakDown(only(records, func(s *evalRecord) bool { return s.Lang == r.Lang }))
		}
	}
	return o
}

// compare pairs the records of two models on the same holes.
func compare(records, other []evalRecord) *evalPair {
	var p evalPair
	for i := range min(len(records), len(other)) {
		switch a, b := records[i].Exact, other[i].Exact; {
		case a && b:
			p.Both++
		case a:
			p.OnlyResult++
		case b:
			p.OnlyBaseline++
		}
	}
	return &p
}
