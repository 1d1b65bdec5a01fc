package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// llamaServer is a llama-server of llama.cpp, started by us on a port of this
// machine, with one slot, which keeps the keys and values of the last prompt.
type llamaServer struct {
	url  string
	cmd  *exec.Cmd
	log  bytes.Buffer  // of the process; may be read when it has ended
	done chan struct{} // closed when it has
}

// llamaStartLimit is far beyond what a model of like size needs to load.
const llamaStartLimit = time.Minute

// startLlama returns when the server can complete. context is how many tokens
// prompt and answer may have together. It lives no longer than ctx.
func startLlama(ctx context.Context, program, model string, threads, context int) (*llamaServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &llamaServer{url: "http://127.0.0.1:" + port, done: make(chan struct{})}
	s.cmd = exec.CommandContext(ctx, program,
		"--model", model, "--host", "127.0.0.1", "--port", port,
		"--threads", strconv.Itoa(threads), "--threads-batch", strconv.Itoa(threads),
		"--parallel", "1", "--ctx-size", strconv.Itoa(context),
		"--cache-ram", "0", // a second cache, for prompts that are not in the slot: here they always are
	)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	// Its threads sleep while they wait, as ours do. Spinning ones wait for each other
	// whole time slices long where anything else runs on the machine.
	s.cmd.Env = append([]string{"OMP_WAIT_POLICY=passive"}, os.Environ()...)
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("llama-server cannot be started: %w\ntools/llamacpp.sh installs one and prints where it is", err)
	}
	go func() {
		_ = s.cmd.Wait() // the log says more than the status
		close(s.done)
	}()
	if err := s.healthy(ctx); err != nil {
		s.stop()
		return nil, errors.Join(ctx.Err(), fmt.Errorf("llama-server with %s: %w; the end of what it said:\n%s", model, err, lastLines(s.log.String(), 12)))
	}
	return s, nil
}

// freePort is one that nobody listens on at this moment.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// healthy waits until the model is loaded.
func (s *llamaServer) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, llamaStartLimit)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/health", nil)
		if err != nil {
			return err
		}
		if reply, err := http.DefaultClient.Do(request); err == nil {
			reply.Body.Close()
			if reply.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-s.done:
			return errors.New("it ended before it was ready")
		case <-ctx.Done():
			return fmt.Errorf("it is not ready after %v", llamaStartLimit)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop kills the server: it has nothing to lose.
func (s *llamaServer) stop() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.done
	http.DefaultClient.CloseIdleConnections()
}

// llamaRequest and llamaReply are what of POST /completion is used; its README in
// llama.cpp (tools/server) describes them.
type llamaRequest struct {
	Prompt      []int32  `json:"prompt"` // token ids
	Predict     int      `json:"n_predict"`
	CachePrompt bool     `json:"cache_prompt"` // keep what prompt and slot have in common
	IgnoreEOS   bool     `json:"ignore_eos"`
	Samplers    []string `json:"samplers"`
	TopK        int      `json:"top_k"`
}

type llamaReply struct {
	Predicted int `json:"tokens_predicted"`
	Timings   struct {
		Computed int `json:"prompt_n"` // tokens of the prompt that were not in the slot
	} `json:"timings"`
	Error struct {
		Message string `json:"message"`
	} `json:"error"`
}

// complete writes n tokens behind a prompt, greedily. computed is how many tokens of
// the prompt the server's cache did not have.
func (s *llamaServer) complete(ctx context.Context, prompt []int32, n int) (computed int, err error) {
	body, err := json.Marshal(llamaRequest{
		Prompt: prompt, Predict: n, CachePrompt: true, IgnoreEOS: true, Samplers: []string{"top_k"}, TopK: 1,
	})
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/completion", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("llama-server: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, fmt.Errorf("llama-server: %w", err)
	}
	var reply llamaReply
	if err := json.Unmarshal(answer, &reply); err != nil {
		return 0, fmt.Errorf("llama-server: %s: the answer is not JSON: %w", response.Status, err)
	}
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("llama-server: %s: %s", response.Status, reply.Error.Message)
	}
	if reply.Predicted != n {
		return 0, fmt.Errorf("llama-server wrote %d tokens instead of %d: this is no measure", reply.Predicted, n)
	}
	return reply.Timings.Computed, nil
}

// llamaVersion is what the program says of itself.
func llamaVersion(ctx context.Context, program string) (string, error) {
	out, err := exec.CommandContext(ctx, program, "--version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("llama-server %s does not run: %w\n%s\ntools/llamacpp.sh installs one and prints where it is", program, err, lastLines(string(out), 3))
	}
	for line := range strings.Lines(string(out)) {
		if version, ok := strings.CutPrefix(line, "version:"); ok {
			return strings.TrimSpace(version), nil
		}
	}
	return "of unknown version", nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
