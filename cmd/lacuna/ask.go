package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lacuna-dev/lacuna/lsp"
	"github.com/lacuna-dev/lacuna/lsp/control"
)

// askFlags choose among the servers that run.
type askFlags struct {
	Server string `placeholder:"PID" help:"Ask this server only; default: all of yours."`
	JSON   bool   `name:"json" help:"Print JSON: an array with one object for each server."`
}

type explainCmd struct {
	askFlags `embed:""`

	Last int `placeholder:"N" default:"10" help:"How many requests, at most; 100 are kept."`
}

func (explainCmd) Help() string {
	return `Asks the language servers that your editors run what became of the latest requests for completions, newest first: shown, held back and why, ended early, and where the time went. They hold no text of your files.

Examples:

  lacuna explain
  lacuna explain --last 1
  lacuna explain --json | jq '.[].requests[].reason'

Exit status: 0 answered, 1 no server runs or one did not answer.`
}

func (c *explainCmd) Run(a *app) error {
	type answer struct {
		Server   string            `json:"server"`
		Requests []lsp.Explanation `json:"requests"`
	}
	if c.Last < 1 {
		return usageErrorf("--last must be at least 1")
	}
	return ask(a, c.askFlags, fmt.Sprintf("/explain?last=%d", c.Last), func(server string, requests []lsp.Explanation) (any, string) {
		lines := make([]string, 0, len(requests))
		for _, r := range requests {
			lines = append(lines, r.At.Local().Format("15:04:05")+"  "+r.String())
		}
		if len(lines) == 0 {
			lines = []string{"no completion was asked for yet"}
		}
		return answer{server, requests}, strings.Join(lines, "\n")
	})
}

type statusCmd struct {
	askFlags `embed:""`
}

func (statusCmd) Help() string {
	return `Asks the language servers that your editors run how they are: version, model, open documents, settings in force, and counters of the session.

Examples:

  lacuna status
  lacuna status --json | jq '.[].status.settings'

Exit status: 0 answered, 1 no server runs or one did not answer.`
}

func (c *statusCmd) Run(a *app) error {
	type answer struct {
		Server string     `json:"server"`
		Status lsp.Status `json:"status"`
	}
	return ask(a, c.askFlags, "/status", func(server string, status lsp.Status) (any, string) {
		return answer{server, status}, status.String()
	})
}

// ask asks the servers of this user, and prints what show makes of the answers: for
// machines and for people.
func ask[T any](a *app, flags askFlags, path string, show func(server string, answer T) (machine any, people string)) error {
	dir := control.Dir()
	servers, err := control.Servers(dir)
	if err != nil {
		return fmt.Errorf("the running servers cannot be listed: %w", err)
	}
	found := []any{}
	asked := 0
	var failed error
	for _, server := range servers {
		if flags.Server != "" && flags.Server != server.Name {
			continue
		}
		asked++
		raw, err := server.Ask(a.ctx, path)
		var answer T
		if err == nil {
			err = json.Unmarshal(raw, &answer)
		}
		if err != nil {
			failed = err
			a.say(err)
			continue
		}
		machine, people := show(server.Name, answer)
		found = append(found, machine)
		if !flags.JSON {
			fmt.Fprintf(a.stdout, "server %s\n%s\n", server.Name, people)
		}
	}
	if flags.JSON {
		if err := printJSON(a.stdout, found); err != nil {
			return err
		}
	}
	switch {
	case failed != nil:
		return errSaid
	case asked == 0 && flags.Server != "":
		return fmt.Errorf("no language server %s of yours is running; lacuna status shows which are", flags.Server)
	case asked == 0:
		return fmt.Errorf("no language server of yours is running (looked in %s); your editor starts it, and lacuna.control.enable must not be false", dir)
	}
	return nil
}
