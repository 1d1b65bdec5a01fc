package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lacuna-dev/lacuna/runtime/ort"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lacuna": main})
}

// TestScripts runs the real program with the real library and the embedded
// model. The scripts have these commands of their own:
//
//	status N COMMAND...      runs a command that must exit with status N
//	try COMMAND...           runs a command that must exit with status 0 or 1
//	truncate FILE SIZE       cuts a file off, or extends it with zero bytes
//	repeat FILE TEXT TIMES   appends to a file
//	patch FILE OLD NEW       replaces bytes everywhere in a file
func TestScripts(t *testing.T) {
	library, err := ort.Find(ort.Options{})
	if err != nil {
		t.Fatalf("these tests need ONNX Runtime: run make deps first\n%v", err)
	}
	bundle, err := filepath.Abs("../../models/small")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			// HOME is elsewhere, so the cache folder is not found by itself.
			env.Setenv(ort.EnvLibrary, library.Path)
			env.Setenv("BUNDLE", bundle)
			env.Setenv("TERM", "dumb")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":   scriptStatus,
			"try":      scriptTry,
			"truncate": scriptTruncate,
			"repeat":   scriptRepeat,
			"patch":    scriptPatch,
		},
	})
}

func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitOf(ts, args[1:]); got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func scriptTry(ts *testscript.TestScript, _ bool, args []string) {
	if got := exitOf(ts, args); got > 1 {
		ts.Fatalf("exit status %d, want 0 or 1", got)
	}
}

// exitOf runs a command whose output the script can look at afterwards.
func exitOf(ts *testscript.TestScript, args []string) int {
	err := ts.Exec(args[0], args[1:]...)
	if err == nil {
		return 0
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		ts.Fatalf("%v", err)
	}
	return exit.ExitCode()
}

func scriptTruncate(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), size))
}

func scriptRepeat(ts *testscript.TestScript, _ bool, args []string) {
	times, err := strconv.Atoi(args[2])
	ts.Check(err)
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	file, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	ts.Check(err)
	_, err = file.Write(bytes.Repeat([]byte(text), times))
	ts.Check(errors.Join(err, file.Close()))
}

func scriptPatch(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	from, to := []byte(args[1]), []byte(args[2])
	if !bytes.Contains(data, from) {
		ts.Check(fmt.Errorf("%s does not contain %q", args[0], from))
	}
	ts.Check(os.WriteFile(path, bytes.ReplaceAll(data, from, to), 0o644))
}
