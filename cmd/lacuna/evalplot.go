package main

import (
	"errors"
	"fmt"
	"os"
)

// evalPlot writes the reliability diagram and precision against coverage of one
// model or two. The file is made before the holes are filled, so that a bad name
// is found out at once; a nil plot writes nothing.
type evalPlot struct {
	file  *os.File
	chart chart
}

func openPlot(name string) (*evalPlot, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("--plot: %w", err)
	}
	return &evalPlot{file: file, chart: chart{Panels: []panel{
		{Title: "Reliability", X: "confidence %", Y: "exact, % of the fills so confident", Diagonal: true},
		{Title: "Precision and coverage", X: "shown, % of all holes", Y: "exact, % of what is shown"},
	}}}, nil
}

// add draws a model.
func (p *evalPlot) add(o evalOutcome, records []evalRecord) {
	if p == nil {
		return
	}
	reliability := series{Name: fmt.Sprintf("%s, off by %.1f on average", o.Model, 100*o.Calibration.Error.Mean)}
	for _, b := range o.Calibration.Bins {
		if b.Exact.Of > 0 {
			reliability.Points = append(reliability.Points, chartPoint{b.Confidence, b.Exact.Rate, b.Exact.Low, b.Exact.High})
		}
	}
	precision := series{Name: fmt.Sprintf("%s, %s", o.Model, count(len(records), "hole")), Band: true}
	for _, c := range coverage(records) {
		precision.Points = append(precision.Points, chartPoint{c.Shown.Rate, c.Exact.Rate, c.Exact.Low, c.Exact.High})
	}
	p.chart.Panels[0].Series = append(p.chart.Panels[0].Series, reliability)
	p.chart.Panels[1].Series = append(p.chart.Panels[1].Series, precision)
}

// write ends the plot.
func (p *evalPlot) write(title string) error {
	if p == nil {
		return nil
	}
	p.chart.Title = title
	if err := errors.Join(p.chart.write(p.file), p.file.Close()); err != nil {
		return fmt.Errorf("--plot: %w", err)
	}
	return nil
}
