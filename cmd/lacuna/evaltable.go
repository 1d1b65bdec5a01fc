package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// printEval prints an evaluation for people.
func printEval(w io.Writer, report evalReport) error {
	fmt.Fprintf(w, "%s, %s cut out of %s, seed %d\n\n", report.Lang, count(report.Holes, "hole"), report.Corpus, report.Seed)
	if err := printOutcome(w, report.Result); err != nil {
		return err
	}
	if report.Baseline == nil {
		return nil
	}
	fmt.Fprint(w, "\nBaseline\n\n")
	if err := printOutcome(w, report.Baseline.evalOutcome); err != nil {
		return err
	}
	b := report.Baseline
	_, err := fmt.Fprintf(w, "\nExact on the same holes: %s %s %%, %s %s %%; both %d, only the first %d, only the baseline %d\n",
		report.Result.Model, percent(report.Result.Total.Exact), b.Model, percent(b.Total.Exact), b.Both, b.OnlyResult, b.OnlyBaseline)
	return err
}

func printOutcome(w io.Writer, o evalOutcome) error {
	fmt.Fprintf(w, "%s (%s)\n", o.Model, o.Bundle)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "kind\tholes\tshown %\texact %\t1st line %\tsimilar\tparses %\tsteps\tfwd\ttok/fwd\tp50 ms\tp95 ms\t")
	for _, kind := range cutKinds {
		if s, ok := o.Kinds[kind]; ok {
			printScore(t, string(kind), s)
		}
	}
	printScore(t, "total", o.Total)
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "confidence at least\tshown %\texact of shown %\tsimilar\t")
	for _, g := range o.Gates {
		fmt.Fprintf(t, "%.1f\t%s\t%s\t%.3f\t\n", g.MinConfidence, percent(g.Shown), percent(g.Exact), g.Similarity)
	}
	return t.Flush()
}

func printScore(w io.Writer, name string, s evalScore) {
	fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%.3f\t%s\t%.1f\t%.1f\t%.2f\t%.0f\t%.0f\t\n",
		name, s.Holes, percent(s.Shown), percent(s.Exact), percent(s.FirstLine), s.Similarity,
		percent(s.Parses), s.Steps, s.Forwards, s.TokensPerForward, s.P50, s.P95)
}

// percent prints a rate with its interval.
func percent(r rate) string {
	if r.Of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f (%.0f-%.0f)", 100*r.Rate, 100*r.Low, 100*r.High)
}
