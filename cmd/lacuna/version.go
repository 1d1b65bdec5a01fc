package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// versions say what this binary is made of.
type versions struct {
	Lacuna   string `json:"lacuna"`
	Revision string `json:"revision,omitempty"` // of the source tree, with + if it was changed
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func buildVersions() versions {
	v := versions{Lacuna: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Lacuna = info.Main.Version
	changed := ""
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			v.Revision = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			changed = "+"
		}
	}
	if v.Revision != "" {
		v.Revision += changed
	}
	return v
}

func (c *versionCmd) Run(a *app) error {
	v := buildVersions()
	if c.JSON {
		return printJSON(a.stdout, v)
	}
	_, err := fmt.Fprintf(a.stdout, "lacuna %s, %s, %s\n", v.Lacuna, v.Go, v.Platform)
	return err
}
