package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/models"
	"github.com/lacuna-dev/lacuna/runtime/ort"
)

type doctorCmd struct {
	engineFlags `embed:""`

	JSON bool `name:"json" help:"Print JSON."`
}

func (doctorCmd) Help() string {
	return `Looks for the library, checks the model against its checksums, fills a small hole, and says for each fault what to do. Nothing is changed.

Examples:

  lacuna doctor
  lacuna doctor --json
  lacuna doctor --library ~/onnxruntime/lib
  lacuna doctor --bundle out/bundle
  lacuna doctor --device cuda      is CUDA ready? which part is missing?

Exit status: 0 healthy, 1 not.`
}

// Outcomes of a check.
const (
	checkOK     = "ok"
	checkFault  = "fault"
	checkNote   = "note" // worth knowing, nothing is wrong
	checkNotRun = "not run"
)

// check is one thing that doctor looked at.
type check struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail"`
	Remedy  string `json:"remedy,omitempty"`
}

// diagnosis is the output of doctor --json.
type diagnosis struct {
	Healthy  bool           `json:"healthy"`
	Checks   []check        `json:"checks"`
	Library  libraryFinding `json:"library"`
	CUDA     *cudaFinding   `json:"cuda,omitempty"`
	Model    modelFinding   `json:"model"`
	SelfTest *selfTest      `json:"self_test,omitempty"`
	Versions versions       `json:"versions"`
}

type libraryFinding struct {
	Path    string  `json:"path,omitempty"`
	Version string  `json:"version,omitempty"`
	Source  string  `json:"source,omitempty"`
	Looked  []place `json:"looked"`
}

type place struct {
	Path   string `json:"path"`
	Source string `json:"source"`
	Fault  string `json:"fault,omitempty"`
}

type modelFinding struct {
	Source          string `json:"source,omitempty"`
	Name            string `json:"name,omitempty"`
	Precision       string `json:"precision,omitempty"`
	GraphSHA256     string `json:"model_sha256,omitempty"`
	TokenizerSHA256 string `json:"tokenizer_sha256,omitempty"`
}

type selfTest struct {
	LoadMilliseconds float64 `json:"load_ms"`
	Milliseconds     float64 `json:"fill_ms"`
	Device           string  `json:"device"`
	Fused            bool    `json:"fused"`
	Warning          string  `json:"warning,omitempty"`
	Steps            int     `json:"steps"`
	Text             string  `json:"text"`
	Reason           string  `json:"reason,omitempty"`
}

func (c *doctorCmd) Run(a *app) error {
	if err := c.engineFlags.check(); err != nil {
		return err
	}
	d := diagnosis{Versions: buildVersions(), Checks: []check{}}
	library := d.checkLibrary(c.engineFlags)
	model := d.checkModel(c.engineFlags)
	if model && (library || c.Remote.URL != "") {
		d.checkEngine(a, c.engineFlags)
	} else {
		d.add("self-test", checkNotRun, "it needs the library and the model", "")
	}
	d.Healthy = true
	for _, check := range d.Checks {
		d.Healthy = d.Healthy && check.Outcome != checkFault
	}
	if err := a.ctx.Err(); err != nil {
		return err
	}
	var err error
	if c.JSON {
		err = printJSON(a.stdout, d)
	} else {
		err = d.print(a, useColour("auto", a.stdoutTTY))
	}
	if err == nil && !d.Healthy {
		err = errSaid
	}
	return err
}

func (d *diagnosis) add(name, outcome, detail, remedy string) {
	d.Checks = append(d.Checks, check{name, outcome, detail, remedy})
}

func (d *diagnosis) checkLibrary(flags engineFlags) bool {
	library, err := ort.Find(ort.Options{Path: flags.Library, Device: ort.Device(flags.Device)})
	looked := library.Looked
	if missing, ok := errors.AsType[*ort.NotFoundError](err); ok {
		looked = missing.Looked
	}
	d.Library = libraryFinding{Path: library.Path, Version: library.Version, Source: library.Source, Looked: []place{}}
	for _, p := range looked {
		d.Library.Looked = append(d.Library.Looked, place{p.Path, p.Source, p.Fault})
	}
	if err != nil {
		d.add("library", checkFault, "no usable ONNX Runtime library", libraryRemedy(flags.Library))
		return false
	}
	err = ort.Load(library)
	if err != nil {
		d.add("library", checkFault, err.Error(), libraryRemedy(flags.Library))
		return false
	}
	d.add("library", checkOK, fmt.Sprintf("ONNX Runtime %s, %s (%s)", library.Version, library.Path, library.Source), "")
	d.checkDevice(library, ort.Device(flags.Device))
	return true
}

func libraryRemedy(path string) string {
	if path != "" {
		return "check --library: it must be the library or the folder that holds it"
	}
	return fmt.Sprintf("run make deps (or runtime/ort/install.sh), or set %s to a library of version %s or later; an explicit %s is tried alone",
		ort.EnvLibrary, ort.MinimumVersion, ort.EnvLibrary)
}

func (d *diagnosis) checkModel(flags engineFlags) bool {
	bundle, err := flags.loadBundle()
	if err != nil {
		remedy := "get the bundle again: its files must be those that its manifest lists"
		if flags.Bundle == "" {
			remedy = "the binary is damaged: build or install it again"
		}
		d.add("model", checkFault, err.Error(), remedy)
		return false
	}
	d.Model = modelFinding{
		Source: bundle.Source, Name: bundle.Manifest.Name, Precision: bundle.Manifest.Precision,
		GraphSHA256:     bundle.GraphSHA256(),
		TokenizerSHA256: bundle.TokenizerSHA256(),
	}
	fused := "with a fused graph"
	if len(bundle.Fused) == 0 || len(bundle.FusedHalf) == 0 {
		fused = "without a fused graph, which CUDA needs"
	}
	d.add("model", checkOK, fmt.Sprintf("%s, %s, %.1f MB, %s, %s", bundle.Manifest.Name, bundle.Manifest.Precision,
		float64(len(bundle.Graph))/1e6, fused, bundle.Source), "")
	d.add("checksums", checkOK, fmt.Sprintf("%s %.12s…, %s %.12s… are as the manifest says",
		models.GraphFile, bundle.GraphSHA256(), models.TokenizerFile, bundle.TokenizerSHA256()), "")
	return true
}

// selfTestSource has its hole after "return ".
const selfTestSource = "package sum\n\n// add returns the sum of a and b.\nfunc add(a, b int) int {\n\treturn \n}\n"

func (d *diagnosis) checkEngine(a *app, flags engineFlags) {
	const remedy = "model and program must be of the same release: get both again, or leave out --bundle"
	started := time.Now()
	engine, err := a.open(flags)
	if err != nil {
		d.add("self-test", checkFault, err.Error(), remedy)
		return
	}
	defer engine.Close()
	load := time.Since(started)
	result, elapsed, err := runSelfTest(a, engine.Filler)
	if err != nil {
		d.add("self-test", checkFault, err.Error(), remedy)
		return
	}
	d.SelfTest = &selfTest{
		LoadMilliseconds: milliseconds(load), Milliseconds: milliseconds(elapsed),
		Steps: result.Steps, Text: result.Text, Reason: result.Reason,
	}
	if engine.Warning != "" && flags.Device != string(ort.CPU) {
		d.SelfTest.Warning = engine.Warning
	}
	d.SelfTest.Device = engine.Device
	d.SelfTest.Fused = engine.Fused
	how := ""
	if engine.Fused {
		how = ", all steps in one call"
	}
	timing := fmt.Sprintf("on %s%s, loaded in %.0f ms, filled in %.0f ms and %s", d.SelfTest.Device, how, d.SelfTest.LoadMilliseconds,
		d.SelfTest.Milliseconds, count(result.Steps, "step"))
	if err := engine.Failure(); err != nil {
		d.add("engine", checkFault, err.Error(), "run with --device cpu and without --remote until it is mended")
	}
	if flags.Remote.URL != "" && engine.Warning != "" {
		d.add("server", checkFault, engine.Warning, "")
	}
	// What checkDevice saw is said already; a device that fails at work is news.
	if d.CUDA != nil && d.CUDA.Usable && flags.Remote.URL == "" && engine.Warning != "" && flags.Device != string(ort.CPU) {
		d.add("cuda", checkFault, engine.Warning, "run with --device cpu until it is mended")
	}
	if result.Text == "" {
		d.add("self-test", checkNote, fmt.Sprintf("%s: nothing to show (%s)", timing, result.Reason), "")
		return
	}
	d.add("self-test", checkOK, fmt.Sprintf("%s: return %s", timing, strings.TrimSpace(result.Text)), "")
}

func runSelfTest(a *app, filler infill.Filler) (infill.Result, time.Duration, error) {
	lang, ok := grammars.ByID("go")
	if !ok {
		return infill.Result{}, 0, errors.New("this binary knows no Go")
	}
	tree, err := grammars.Parse(lang, []byte(selfTestSource))
	if err != nil {
		return infill.Result{}, 0, err
	}
	defer tree.Close()
	hole := tree.Cursor(strings.Index(selfTestSource, "return ") + len("return "))
	started := time.Now()
	result, err := filler.Fill(a.ctx, infill.Request{Document: "self-test", Path: "sum/add.go", Tree: tree, Hole: hole})
	return result, time.Since(started), err
}

func (d *diagnosis) print(a *app, colour bool) error {
	var b strings.Builder
	for _, check := range d.Checks {
		fmt.Fprintf(&b, "%s  %s: %s\n", mark(check.Outcome, colour), check.Name, check.Detail)
		if check.Name == "library" && check.Outcome == checkFault {
			for _, p := range d.Library.Looked {
				fmt.Fprintf(&b, "         %s (%s): %s\n", p.Path, p.Source, p.Fault)
			}
		}
		if check.Remedy != "" {
			fmt.Fprintf(&b, "         → %s\n", check.Remedy)
		}
	}
	fmt.Fprintf(&b, "%s  versions: lacuna %s, %s, %s\n", mark(checkNote, colour), d.Versions.Lacuna, d.Versions.Go, d.Versions.Platform)
	_, err := fmt.Fprint(a.stdout, b.String())
	return err
}

func mark(outcome string, colour bool) string {
	text := fmt.Sprintf("%-7s", outcome)
	if !colour {
		return text
	}
	switch outcome {
	case checkOK:
		return colourGreen + text + colourReset
	case checkFault:
		return colourRed + text + colourReset
	}
	return colourYellow + text + colourReset
}
