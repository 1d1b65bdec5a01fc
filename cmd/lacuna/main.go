// Command lacuna fills holes in code: gaps with code on both sides. It is a
// language server (lacuna lsp) and a command line tool (lacuna fill), and it
// measures itself (lacuna eval, bench, doctor).
//
// This package joins the others together and talks to people. It must never
// know how a hole is found, how a model is run or how a fill is judged.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"
)

// Exit statuses, the same for every command.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // 128 + SIGINT, what a shell reports for it
)

type cli struct {
	Fill       fillCmd       `cmd:"" help:"Fill the holes of files and show the diff."`
	Lsp        lspCmd        `cmd:"" name:"lsp" help:"Run the language server for an editor."`
	Serve      serveCmd      `cmd:"" help:"Share one engine among the editors of this machine."`
	Eval       evalCmd       `cmd:"" help:"Cut holes out of real files, fill them and score the fills."`
	Steps      stepsCmd      `cmd:"" help:"Measure what fewer denoising steps cost: quality against tokens a forward pass."`
	Precedents precedentsCmd `cmd:"" help:"Measure how often what a file says elsewhere is what belongs into a hole."`
	Parity     parityCmd     `cmd:"" help:"Compare the fused graph with the stepwise engine, hole by hole."`
	Bench      benchCmd      `cmd:"" help:"Measure load time, fills, keystrokes and memory."`
	Explain    explainCmd    `cmd:"" help:"Ask running servers why nothing showed."`
	Status     statusCmd     `cmd:"" help:"Ask running servers how they are."`
	Doctor     doctorCmd     `cmd:"" help:"Check library, model and engine, and say what to do about faults."`
	Model      modelCmd      `cmd:"" help:"Show the model: name, checksums and card."`
	Repository repositoryCmd `cmd:"" help:"Write the model repository from which Triton serves the model."`
	Version    versionCmd    `cmd:"" help:"Print versions."`
}

// interruptGrace is how long a command may take to stop. What cannot be
// interrupted is parsing; a file being written is done well within it, and would
// be as it was if it were not.
const interruptGrace = 3 * time.Second

const description = `Lacuna fills holes in code with a small denoising model on this machine. Nothing leaves it.

  lacuna fill main.go           show what would fill the holes of a file
  lacuna fill --write main.go   and write it
  lacuna lsp --stdio            serve an editor
  lacuna explain                see why nothing showed in the editor
  lacuna doctor                 see whether everything is in place

Exit status: 0 done, 1 nothing could be done or something failed, 2 bad use, 130 interrupted.`

// app is what a command may touch of the world outside.
type app struct {
	ctx       context.Context
	stdin     io.Reader
	stdout    io.Writer
	stderr    io.Writer
	stdoutTTY bool
	stderrTTY bool
	open      func(engineFlags) (*engine, error)
	warned    bool // of an engine that does not run where it should
}

// engine opens one and says, once, why it does not run where it should.
func (a *app) engine(flags engineFlags) (*engine, error) {
	flags.warn = a.say
	e, err := a.open(flags)
	if err == nil && e.Warning != "" && !a.warned {
		a.warned = true
		a.say(errors.New(e.Warning))
	}
	return e, err
}

// say prints a message, over a line of progress that may stand there.
func (a *app) say(message error) {
	status := a.status()
	status.show("")
	status.clear()
	fmt.Fprintf(a.stderr, "lacuna: %v\n", message)
}

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() {
		stop() // a second Ctrl-C ends the process at once
		time.AfterFunc(interruptGrace, func() {
			fmt.Fprintln(os.Stderr, "\nlacuna: interrupted")
			os.Exit(exitInterrupted)
		})
	})

	return runWith(&app{
		ctx:       ctx,
		stdin:     os.Stdin,
		stdout:    os.Stdout,
		stderr:    os.Stderr,
		stdoutTTY: isatty.IsTerminal(os.Stdout.Fd()),
		stderrTTY: isatty.IsTerminal(os.Stderr.Fd()),
		open:      openEngine,
	}, args)
}

func runWith(a *app, args []string) int {
	var commands cli
	parser, err := kong.New(&commands,
		kong.Name("lacuna"),
		kong.Description(description),
		kong.Writers(a.stdout, a.stderr),
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 100}),
		kong.Vars(repositoryDefaults()),
		kong.Bind(a),
	)
	if err != nil {
		panic(err) // the command structs above are wrong: no user can cause this
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(a.stderr, "lacuna: %v\n", err)
		fmt.Fprintln(a.stderr, "Try lacuna --help, or lacuna COMMAND --help for examples.")
		return exitUsage
	}
	return exitStatus(a, parsed.Run())
}

// statusError carries an exit status. Its message may be empty when everything
// has been said already.
type statusError struct {
	status int
	msg    string
}

func (e *statusError) Error() string { return e.msg }

func usageErrorf(format string, args ...any) error {
	return &statusError{status: exitUsage, msg: fmt.Sprintf(format, args...)}
}

// errSaid ends a command with status 1 without another message.
var errSaid = &statusError{status: exitFailed}

func exitStatus(a *app, err error) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(a.stderr, "lacuna: interrupted")
		return exitInterrupted
	}
	status := exitFailed
	if e, ok := errors.AsType[*statusError](err); ok {
		status = e.status
	}
	if msg := err.Error(); msg != "" {
		fmt.Fprintf(a.stderr, "lacuna: %s\n", msg)
	}
	return status
}
