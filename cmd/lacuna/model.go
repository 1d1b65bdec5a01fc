package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/lacuna-dev/lacuna/models"
)

type modelCmd struct {
	Bundle string `placeholder:"DIR" help:"Model bundle; default: the one in this binary."`
	JSON   bool   `name:"json" help:"Print the manifest as JSON."`
}

func (modelCmd) Help() string {
	return `Checks the bundle against its checksums and shows its manifest and, where it has one, its model card.

Examples:

  lacuna model
  lacuna model --bundle out/bundle
  lacuna model --json`
}

func (c *modelCmd) Run(a *app) error {
	bundle, err := engineFlags{Bundle: c.Bundle}.loadBundle()
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.stdout, struct {
			Source string `json:"source"`
			models.Manifest
		}{bundle.Source, bundle.Manifest})
	}
	m := bundle.Manifest
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "name\t%s\n", m.Name)
	fmt.Fprintf(t, "from\t%s\n", bundle.Source)
	fmt.Fprintf(t, "format\t%d\n", m.Format)
	fmt.Fprintf(t, "precision\t%s\n", m.Precision)
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		fmt.Fprintf(t, "%s\t%d bytes, sha256 %s%s\n", name, m.Files[name].Size, m.Files[name].SHA256, checkedNote(name))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := errors.Join(printSection(a, "config", m.Config), printSection(a, "training", m.Training)); err != nil {
		return err
	}
	if bundle.Card == "" {
		return nil
	}
	_, err = fmt.Fprintf(a.stdout, "\n%s", bundle.Card)
	return err
}

// checkedNote: loading a bundle compares these files with the manifest, others
// in it are only listed.
func checkedNote(name string) string {
	if name == models.GraphFile || name == models.TokenizerFile {
		return ", ok"
	}
	return ""
}

func printSection(a *app, title string, raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	fmt.Fprintf(a.stdout, "\n%s\n", title)
	return printJSON(a.stdout, raw)
}
