package main

import (
	"fmt"
	"io"
	"strings"
	"text/template"
)

// chart is a figure of one or more panels side by side, all of whose axes go
// from 0 to 100 %. A plotting library that does more would add nine modules and
// as many megabytes of fonts to the program for it.
type chart struct {
	Title  string
	Panels []panel
}

type panel struct {
	Title, X, Y string
	Diagonal    bool // where X equals Y
	// XMax is what X = 1 stands for where X is a number; 0 where it is a share,
	// which is written in per cent. Likewise YMax.
	XMax, YMax float64
	Series     []series
}

// series is drawn as a line through points, with its interval: a bar at each
// point, or a band.
type series struct {
	Name   string
	Points []chartPoint // by X
	Band   bool
}

// chartPoint has shares, 0..1; Low and High are the interval of Y.
type chartPoint struct{ X, Y, Low, High float64 }

// Lengths in pixels.
const (
	panelSide   = 320
	panelLeft   = 60 // room for the labels of Y
	panelTop    = 60
	panelBottom = 50
	panelRight  = 20
	legendLine  = 18
)

// seriesColours can be told apart by the colour-blind (M. Okabe, K. Ito 2008).
var seriesColours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7"}

var chartTemplate = template.Must(template.New("chart").Funcs(template.FuncMap{
	"colour": func(i int) string { return seriesColours[i%len(seriesColours)] },
	"text":   template.HTMLEscapeString,
	"px":     px,
	"label":  tickLabel,
	"x":      chartX, "y": chartY,
	"line": chartLine, "band": chartBand,
	"legend": func(i int) int { return legendLine * (i + 1) },
}).Parse(`<svg xmlns="http://www.w3.org/2000/svg" width="{{.Width}}" height="{{.Height}}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="{{.Left}}" y="22" font-size="15">{{text .Title}}</text>
{{range $n, $p := .Panels}}<g transform="translate({{$.Offset $n}},{{$.Top}})">
<text x="0" y="-10" font-weight="bold">{{text $p.Title}}</text>
{{range $.Ticks}}<path d="M{{px (x .)}},0V{{$.Side}}M0,{{px (y .)}}H{{$.Side}}" stroke="#ddd"/>
<text x="{{px (x .)}}" y="{{$.Side}}" dy="16" text-anchor="middle">{{label . $p.XMax}}</text>
<text x="-6" y="{{px (y .)}}" dy="4" text-anchor="end">{{label . $p.YMax}}</text>
{{end}}<text x="{{$.Middle}}" y="{{$.Side}}" dy="36" text-anchor="middle">{{text $p.X}}</text>
<text transform="translate(-42,{{$.Middle}}) rotate(-90)" text-anchor="middle">{{text $p.Y}}</text>
{{if $p.Diagonal}}<path d="M0,{{$.Side}}L{{$.Side}},0" stroke="#999" stroke-dasharray="4"/>
{{end}}{{range $i, $s := $p.Series}}<g stroke="{{colour $i}}" fill="{{colour $i}}">
{{if $s.Band}}<path d="{{band $s.Points}}" fill-opacity="0.15" stroke="none"/>
{{else}}{{range $s.Points}}<path d="M{{px (x .X)}},{{px (y .Low)}}V{{px (y .High)}}"/><circle cx="{{px (x .X)}}" cy="{{px (y .Y)}}" r="3"/>
{{end}}{{end}}<path d="{{line $s.Points}}" fill="none" stroke-width="1.5"/>
</g>
<text x="8" y="{{legend $i}}" fill="{{colour $i}}">{{text $s.Name}}</text>
{{end}}</g>
{{end}}</svg>
`))

// write writes the chart as SVG.
func (c chart) write(w io.Writer) error { return chartTemplate.Execute(w, c) }

// What the template asks.
func (c chart) Width() int       { return len(c.Panels) * (panelLeft + panelSide + panelRight) }
func (c chart) Height() int      { return panelTop + panelSide + panelBottom }
func (c chart) Left() int        { return panelLeft }
func (c chart) Top() int         { return panelTop }
func (c chart) Side() int        { return panelSide }
func (c chart) Middle() int      { return panelSide / 2 }
func (c chart) Ticks() []float64 { return []float64{0, 0.2, 0.4, 0.6, 0.8, 1} }
func (c chart) Offset(n int) int { return n*(panelLeft+panelSide+panelRight) + panelLeft }

// tickLabel names a place on an axis.
func tickLabel(share, most float64) string {
	if most == 0 {
		return fmt.Sprintf("%.0f", 100*share)
	}
	return fmt.Sprintf("%.3g", share*most)
}

func chartX(share float64) float64 { return share * panelSide }
func chartY(share float64) float64 { return (1 - share) * panelSide }

func px(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
}

// chartLine is an SVG path through points.
func chartLine(points []chartPoint) string {
	var b strings.Builder
	for i, p := range points {
		b.WriteString(pathTo(i == 0, p.X, p.Y))
	}
	return b.String()
}

// chartBand is the outline of the intervals of points.
func chartBand(points []chartPoint) string {
	var b strings.Builder
	for i, p := range points {
		b.WriteString(pathTo(i == 0, p.X, p.High))
	}
	for i := len(points) - 1; i >= 0; i-- {
		b.WriteString(pathTo(false, points[i].X, points[i].Low))
	}
	return b.String()
}

func pathTo(first bool, x, y float64) string {
	step := "L"
	if first {
		step = "M"
	}
	return step + px(chartX(x)) + "," + px(chartY(y))
}
