package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// printEval prints an evaluation for people.
func printEval(w io.Writer, report evalReport) error {
	for i, lang := range report.Languages {
		fmt.Fprintf(w, "%s: holes cut out of %s\n", lang, report.Corpora[i])
	}
	fmt.Fprintf(w, "%s, seed %d\n\n", count(report.Holes, "hole"), report.Seed)
	if err := printOutcome(w, report.Languages, report.Result); err != nil {
		return err
	}
	if b := report.Baseline; b != nil {
		fmt.Fprint(w, "\nBaseline\n\n")
		if err := printOutcome(w, report.Languages, b.evalOutcome); err != nil {
			return err
		}
		fmt.Fprintf(w, "\n%s less %s (baseline), hole by hole\n", report.Result.Model, b.Model)
		if err := printPairing(w, report.Languages, b.Paired); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\nIt took %.0f s.\n", report.Seconds)
	return err
}

func printOutcome(w io.Writer, langs []string, o evalOutcome) error {
	fmt.Fprintf(w, "%s (%s)\n", o.Model, o.Bundle)
	for _, lang := range langs {
		b, ok := o.ByLanguage[lang]
		if !ok {
			continue
		}
		kinds := b.kindRows()
		for _, part := range []struct {
			name    string
			rows    []scoreRow
			columns []scoreColumn
		}{
			{"kind", kinds, qualityColumns},
			{"tokens", b.lengthRows(), qualityColumns},
			{"kind", kinds, costColumns},
			{"tokens", b.lengthRows(), costColumns},
		} {
			if err := printScores(w, lang, part.name, part.rows, part.columns); err != nil {
				return err
			}
		}
		if err := printCeilings(w, lang, b); err != nil {
			return err
		}
	}
	if len(langs) > 1 {
		rows := o.languageRows(langs)
		for _, columns := range [][]scoreColumn{qualityColumns, costColumns} {
			if err := printScores(w, "all", "language", rows, columns); err != nil {
				return err
			}
		}
	}
	if o.Precedents.Of > 0 {
		fmt.Fprintf(w, "Of %s shown %s %% are precedents, which are exact in %s %%; the others are in %s %%.\n\n",
			count(o.Precedents.Of, "fill"), percent(o.Precedents), percent(o.ExactPrecedents), percent(o.ExactModel))
	}
	if err := printGates(w, o.Gates); err != nil {
		return err
	}
	return printCalibration(w, o.Calibration)
}

// scoreRow is a row of a table.
type scoreRow struct {
	name string
	evalScore
}

func (b breakdown) kindRows() (rows []scoreRow) {
	for _, kind := range cutKinds {
		if s, ok := b.Kinds[kind]; ok {
			rows = append(rows, scoreRow{string(kind), s})
		}
	}
	return append(rows, scoreRow{"total", b.Total})
}

func (b breakdown) lengthRows() (rows []scoreRow) {
	for _, band := range b.Lengths {
		rows = append(rows, scoreRow{band.name(), band.evalScore})
	}
	return rows
}

func (l lengthBand) name() string {
	if l.To == 0 {
		return fmt.Sprintf("%d and more", l.From)
	}
	return fmt.Sprintf("%d-%d", l.From, l.To)
}

func (o evalOutcome) languageRows(langs []string) (rows []scoreRow) {
	for _, lang := range langs {
		if b, ok := o.ByLanguage[lang]; ok {
			rows = append(rows, scoreRow{lang, b.Total})
		}
	}
	return append(rows, scoreRow{"total", o.Total})
}

// scoreColumn is a column of a table; docs/benchmarks.md describes each.
type scoreColumn struct {
	name string
	cell func(evalScore) string
}

var (
	qualityColumns = []scoreColumn{
		{"holes", func(s evalScore) string { return fmt.Sprint(s.Holes) }},
		{"shown %", func(s evalScore) string { return percent(s.Shown) }},
		{"exact %", func(s evalScore) string { return percent(s.Exact) }},
		{"1st line %", func(s evalScore) string { return percent(s.FirstLine) }},
		{"similar", func(s evalScore) string { return average(s.Similarity, 3, 2) }},
		{"parses %", func(s evalScore) string { return percent(s.Parses) }},
		{typesColumn, func(s evalScore) string { return percent(s.Types) }},
		{"length ±3 %", func(s evalScore) string { return percent(s.Length.Near) }},
		{"too long by", func(s evalScore) string { return signed(s.Length.Difference, 1) }},
	}
	costColumns = []scoreColumn{
		{"steps", func(s evalScore) string { return average(s.Steps, 1, 1) }},
		{"forwards", func(s evalScore) string { return average(s.Forwards, 1, 1) }},
		{"tokens/forward", func(s evalScore) string { return average(s.TokensPerForward, 2, 2) }},
		{"p50 ms", func(s evalScore) string { return fmt.Sprintf("%.0f", s.P50) }},
		{"p95 ms", func(s evalScore) string { return fmt.Sprintf("%.0f", s.P95) }},
	}
)

// typesColumn is left out where no types were checked.
const typesColumn = "types %"

func printScores(w io.Writer, title, rowName string, rows []scoreRow, columns []scoreColumn) error {
	if !slices.ContainsFunc(rows, func(r scoreRow) bool { return r.Types.Of > 0 }) {
		columns = slices.DeleteFunc(slices.Clone(columns), func(c scoreColumn) bool { return c.name == typesColumn })
	}
	table := [][]string{{title + " by " + rowName}}
	for _, c := range columns {
		table[0] = append(table[0], c.name)
	}
	for _, r := range rows {
		cells := []string{r.name}
		for _, c := range columns {
			cells = append(cells, c.cell(r.evalScore))
		}
		table = append(table, cells)
	}
	return printTable(w, table)
}

// printCeilings prints nothing if none were measured.
func printCeilings(w io.Writer, lang string, b breakdown) error {
	if b.Ceilings == nil {
		return nil
	}
	table := [][]string{{
		lang + " ceilings", "exact %", "similar",
		"told length: exact %", "similar", "extra forwards",
		fmt.Sprintf("best of %d: exact %%", bestOf), "similar", "extra forwards",
	}}
	row := func(name string, c *ceilingScores) {
		table = append(table, []string{
			name, percent(c.AsIs.Exact), average(c.AsIs.Similarity, 3, 2),
			percent(c.Length.Exact), average(c.Length.Similarity, 3, 2), signed(c.Length.Extra, 1),
			percent(c.Best.Exact), average(c.Best.Similarity, 3, 2), signed(c.Best.Extra, 1),
		})
	}
	for _, kind := range cutKinds {
		if c := b.KindCeilings[kind]; c != nil {
			row(string(kind), c)
		}
	}
	row("total", b.Ceilings)
	return printTable(w, table)
}

func printPairing(w io.Writer, langs []string, p pairing) error {
	table := [][]string{{"", "holes", "wins", "losses", "ties", "exact: both", "first only", "baseline only", "difference %", "McNemar p", "similarity difference"}}
	row := func(name string, s pairedScore) {
		exact := s.Exact
		exact.Mean, exact.Low, exact.High = 100*exact.Mean, 100*exact.Low, 100*exact.High
		table = append(table, []string{
			name, fmt.Sprint(s.Holes), fmt.Sprint(s.Wins), fmt.Sprint(s.Losses), fmt.Sprint(s.Ties),
			fmt.Sprint(s.Both), fmt.Sprint(s.OnlyResult), fmt.Sprint(s.OnlyBaseline),
			signed(exact, 1), fmt.Sprintf("%.3g", s.P), signed(s.Similarity, 3),
		})
	}
	for _, kind := range cutKinds {
		if s, ok := p.Kinds[kind]; ok {
			row(string(kind), s)
		}
	}
	for _, lang := range langs {
		if s, ok := p.ByLanguage[lang]; ok && len(langs) > 1 {
			row(lang, s)
		}
	}
	row("total", p.Total)
	return printTable(w, table)
}

func printGates(w io.Writer, gates []gateScore) error {
	table := [][]string{{"confidence at least", "shown %", "exact of shown %", "similar"}}
	for _, g := range gates {
		table = append(table, []string{fmt.Sprintf("%.1f", g.MinConfidence), percent(g.Shown), percent(g.Exact), average(g.Similarity, 3, 2)})
	}
	return printTable(w, table)
}

func printCalibration(w io.Writer, c calibration) error {
	table := [][]string{{"confidence", "fills", "mean confidence %", "exact %"}}
	for _, b := range c.Bins {
		if b.Exact.Of > 0 {
			table = append(table, []string{
				fmt.Sprintf("%.1f-%.1f", b.From, b.To), fmt.Sprint(b.Exact.Of), fmt.Sprintf("%.1f", 100*b.Confidence), percent(b.Exact),
			})
		}
	}
	if err := printTable(w, table); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nExpected calibration error: %s\n", average(c.Error, 3, 2))
	return err
}

// printTable aligns cells at the right, behind an empty line.
func printTable(w io.Writer, table [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w)
	for _, cells := range table {
		fmt.Fprintln(t, strings.Join(cells, "\t")+"\t")
	}
	return t.Flush()
}

// percent prints a rate with its interval.
func percent(r rate) string {
	if r.Of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f (%.0f-%.0f)", 100*r.Rate, 100*r.Low, 100*r.High)
}

// average prints a mean with its interval, to so many digits each.
func average(m mean, digits, intervalDigits int) string {
	if m.Of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.*f (%.*f-%.*f)", digits, m.Mean, intervalDigits, m.Low, intervalDigits, m.High)
}

// signed prints a difference with its interval.
func signed(m mean, digits int) string {
	if m.Of == 0 {
		return "-"
	}
	return fmt.Sprintf("%+.*f (%+.*f..%+.*f)", digits, m.Mean, digits, m.Low, digits, m.High)
}
