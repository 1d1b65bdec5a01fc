package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
)

// crowdCanvas is the canvas of a crowd's fills, in slots.
const crowdCanvas = 32

// crowd is what many clients at once see.
type crowd struct {
	Clients   int     `json:"clients"`
	Fills     int     `json:"fills"`
	PerSecond float64 `json:"fills_per_second"`
	P50       float64 `json:"p50_ms"`
	P95       float64 `json:"p95_ms"`
	Forwards  float64 `json:"forwards"` // a fill
}

// crowded has clients fill canvases of 32 slots at once, each in a document of its
// own, one fill after the other, at places spread over the file.
func (b *bench) crowded(clients, repeat int) (crowd, error) {
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	lines := typedLines()
	var mu sync.Mutex
	var s samples
	var first error
	forwards := 0
	one := func(client int) error {
		tree, err := grammars.Parse(b.lang, benchSource)
		if err != nil {
			return err
		}
		defer tree.Close()
		for i := range repeat {
			hole := tree.Cursor(lines[(client+i)%len(lines)].End)
			hole.Multiline = true
			started := time.Now()
			result, err := b.engine.Filler.Fill(ctx, infill.Request{
				Document: fmt.Sprintf("crowd-%d", client), Path: "ledger/ledger.go", Tree: tree, Hole: hole,
				Oracle: infill.Oracle{Canvas: crowdCanvas},
			})
			if err != nil {
				return err
			}
			mu.Lock()
			s.add(time.Since(started), result.Prefill)
			forwards += result.Forwards
			mu.Unlock()
		}
		return nil
	}
	started := time.Now()
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			if err := one(client); err != nil {
				mu.Lock()
				if first == nil {
					first = err
				}
				mu.Unlock()
				cancel()
			}
		})
	}
	group.Wait()
	elapsed := time.Since(started)
	if err := b.ctx.Err(); err != nil {
		return crowd{}, err
	}
	t := s.sum()
	return crowd{
		Clients: clients, Fills: t.N, PerSecond: round(float64(t.N)/elapsed.Seconds(), 1), P50: t.P50, P95: t.P95,
		Forwards: ratio(forwards, t.N),
	}, first
}

// crowdChart draws throughput against latency, a point for each number of clients.
func crowdChart(model string, crowds []crowd) chart {
	most, slowest := 1.0, 1.0
	for _, c := range crowds {
		most, slowest = max(most, c.PerSecond), max(slowest, c.P95)
	}
	most, slowest = math.Ceil(most*1.1/10)*10, math.Ceil(slowest*1.1/10)*10
	middle, tail := series{Name: "p50"}, series{Name: "p95"}
	for _, c := range crowds {
		x, y50, y95 := c.PerSecond/most, c.P50/slowest, c.P95/slowest
		middle.Points = append(middle.Points, chartPoint{x, y50, y50, y50})
		tail.Points = append(tail.Points, chartPoint{x, y95, y95, y95})
	}
	title := "from the left, clients at once:"
	for _, c := range crowds {
		title += fmt.Sprintf(" %d", c.Clients)
	}
	return chart{Title: model, Panels: []panel{{
		Title: title, X: "fills a second", Y: "ms a fill", XMax: most, YMax: slowest, Series: []series{middle, tail},
	}}}
}

func printCrowds(a *app, crowds []crowd) error {
	if len(crowds) == 0 {
		return nil
	}
	fmt.Fprintf(a.stdout, "\ncanvases of %d slots, many clients at once:\n\n", crowdCanvas)
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "clients\tfills\tfills/s\tp50 ms\tp95 ms\tforwards a fill\t")
	for _, c := range crowds {
		fmt.Fprintf(t, "%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t\n", c.Clients, c.Fills, c.PerSecond, c.P50, c.P95, c.Forwards)
	}
	return t.Flush()
}
