package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// memory is of a process, in MB (1e6 bytes).
type memory struct {
	Resident float64 `json:"resident_mb"`
	Peak     float64 `json:"peak_mb"`
}

func (m *memory) largest(other *memory) *memory {
	if m == nil || other == nil {
		return other
	}
	return &memory{Resident: max(m.Resident, other.Resident), Peak: max(m.Peak, other.Peak)}
}

// memoryOf reads the memory of a process where the system has /proc, else nil.
func memoryOf(pid int) *memory {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	var m memory
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kilobytes, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmRSS:":
			m.Resident = round(kilobytes*1024/1e6, 1)
		case "VmHWM:":
			m.Peak = round(kilobytes*1024/1e6, 1)
		}
	}
	return &m
}

// serverProbe is what one run of "lacuna lsp" showed.
type serverProbe struct {
	initialize time.Duration // from the start of the process to the answer
	ghost      time.Duration // of the first inline completion
	memory     *memory       // after it
}

// probeTimeout is far beyond any server that works.
const probeTimeout = time.Minute

// probeServer starts this program as a server, opens src and asks for an
// inline completion at offset.
func probeServer(ctx context.Context, flags engineFlags, src []byte, offset int) (p serverProbe, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return p, err
	}
	started := time.Now()
	client, err := startServer(ctx, self, append([]string{"lsp", "--stdio", "--engine", "own"}, flags.arguments()...))
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, client.stop()) }()

	err = client.call("initialize", map[string]any{
		"processId": os.Getpid(), "rootUri": nil,
		"capabilities": map[string]any{"general": map[string]any{"positionEncodings": []string{"utf-8"}}},
	})
	if err != nil {
		return p, err
	}
	p.initialize = time.Since(started)
	const uri = "file:///ledger/ledger.go"
	place := placeOf(src, offset)
	err = errors.Join(
		client.notify("initialized", map[string]any{}),
		client.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
			"uri": uri, "languageId": "go", "version": 1, "text": string(src),
		}}),
	)
	if err != nil {
		return p, err
	}
	started = time.Now()
	err = client.call("textDocument/inlineCompletion", map[string]any{
		"textDocument": map[string]any{"uri": uri},
		"position":     map[string]any{"line": place.Line - 1, "character": place.Column - 1},
		"context":      map[string]any{"triggerKind": 1},
	})
	p.ghost = time.Since(started)
	p.memory = memoryOf(client.cmd.Process.Pid)
	return p, err
}

func (f engineFlags) arguments() []string {
	var args []string
	if f.Bundle != "" {
		args = append(args, "--bundle", f.Bundle)
	}
	if f.Library != "" {
		args = append(args, "--library", f.Library)
	}
	if f.Device != "" {
		args = append(args, "--device", f.Device)
	}
	if f.Fused != "" {
		args = append(args, "--fused", f.Fused)
	}
	args = append(args, f.Remote.arguments()...)
	if f.Threads != 0 {
		args = append(args, "--threads", strconv.Itoa(f.Threads))
	}
	return args
}

// serverClient is the least of an LSP client: one call at a time.
type serverClient struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errors strings.Builder
	id     int
}

func startServer(ctx context.Context, program string, args []string) (*serverClient, error) {
	c := &serverClient{cmd: exec.CommandContext(ctx, program, args...)}
	c.cmd.Stderr = &c.errors
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("the server cannot be started: %w", err)
	}
	return c, nil
}

func (c *serverClient) stop() error {
	err := errors.Join(c.call("shutdown", nil), c.notify("exit", nil), c.in.Close())
	if waited := c.cmd.Wait(); waited != nil {
		err = errors.Join(err, fmt.Errorf("the server ended badly: %w\n%s", waited, c.errors.String()))
	}
	return err
}

func (c *serverClient) notify(method string, params any) error {
	return c.send(map[string]any{"jsonrpc": "2.0", "method": method, "params": params})
}

// call sends a request and waits for its answer, passing over everything else.
func (c *serverClient) call(method string, params any) error {
	c.id++
	err := c.send(map[string]any{"jsonrpc": "2.0", "id": c.id, "method": method, "params": params})
	for err == nil {
		var reply struct {
			ID     any    `json:"id"`
			Method string `json:"method"`
			Error  *struct {
				Code    int    `json:"code"`
				Message string `json:"message"`
			} `json:"error"`
		}
		if err = c.receive(&reply); err != nil {
			break
		}
		if reply.Method != "" || reply.ID != float64(c.id) {
			continue
		}
		if reply.Error != nil {
			return fmt.Errorf("the server refuses %s: %s (%d)", method, reply.Error.Message, reply.Error.Code)
		}
		return nil
	}
	return fmt.Errorf("%s: the server does not answer: %w", method, err)
}

func (c *serverClient) send(message map[string]any) error {
	if message["params"] == nil {
		delete(message, "params")
	}
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.in, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return err
}

func (c *serverClient) receive(into any) error {
	length := -1
	for {
		line, err := c.out.ReadString('\n')
		if err != nil {
			return err
		}
		line = strings.TrimSpace(line)
		if line == "" {
			break
		}
		if value, ok := strings.CutPrefix(line, "Content-Length:"); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return errors.New("a message without Content-Length")
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(c.out, body); err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}
