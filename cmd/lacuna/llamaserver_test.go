package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestLlamaComplete(t *testing.T) {
	for name, test := range map[string]struct {
		status  int
		answer  string
		want    int
		wantErr string
	}{
		"written":         {200, `{"tokens_predicted":16,"content":"x","timings":{"prompt_n":3,"cache_n":97,"predicted_ms":8.1}}`, 3, ""},
		"all cached":      {200, `{"tokens_predicted":16,"timings":{"prompt_n":0}}`, 0, ""},
		"stopped early":   {200, `{"tokens_predicted":5,"timings":{"prompt_n":3}}`, 0, "wrote 5 tokens instead of 16"},
		"refused":         {400, `{"error":{"code":400,"message":"prompt contains invalid tokens","type":"invalid_request_error"}}`, 0, "400 Bad Request: prompt contains invalid tokens"},
		"not llama.cpp's": {404, "<html>", 0, "404 Not Found: the answer is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			var got map[string]any
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost || r.URL.Path != "/completion" {
					t.Errorf("%s %s", r.Method, r.URL.Path)
				}
				body, _ := io.ReadAll(r.Body)
				if err := json.Unmarshal(body, &got); err != nil {
					t.Error(err)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.answer)
			}))
			defer server.Close()
			computed, err := (&llamaServer{url: server.URL}).complete(t.Context(), []int32{7, 100}, 16)
			if computed != test.want || (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("computed %d, %v; want %d, %q", computed, err, test.want, test.wantErr)
			}
			prompt, _ := json.Marshal(got["prompt"])
			if string(prompt) != "[7,100]" || got["n_predict"] != 16.0 || got["cache_prompt"] != true || got["ignore_eos"] != true || got["top_k"] != 1.0 {
				t.Errorf("asked for %v", got)
			}
		})
	}
}

func TestLlamaThatDoesNotStartSaysWhy(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("stands in for llama-server with a shell script")
	}
	program := filepath.Join(t.TempDir(), "llama-server")
	script := "#!/bin/sh\necho error: $2 is not a GGUF file >&2\nexit 1\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"a.gguf is not a GGUF file": program, "tools/llamacpp.sh installs one": program + ".gone"} {
		if _, err := startLlama(t.Context(), path, "a.gguf", 1, 64); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q in it", err, name)
		}
	}
	if _, err := llamaVersion(t.Context(), program); err == nil || !strings.Contains(err.Error(), "tools/llamacpp.sh") {
		t.Errorf("version: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := startLlama(ctx, program, "a.gguf", 1, 64); err == nil {
		t.Error("started although cancelled")
	}
}

// TestPromptOrders: a typed character changes the end of the left part only, so that
// what is behind it in a prompt must be computed again.
func TestPromptOrders(t *testing.T) {
	common := map[string]int{}
	for _, order := range promptOrders {
		before, after := order.make([]int32{10, 11, 12}, []int32{20, 21}), order.make([]int32{10, 11, 13}, []int32{20, 21})
		if len(before) != len(after) {
			t.Errorf("%s: %v and %v", order.name, before, after)
		}
		for common[order.name] < len(after) && before[common[order.name]] == after[common[order.name]] {
			common[order.name]++
		}
	}
	if common["what stands before"] != 2 || common["suffix, prefix"] != 6 || common["prefix, suffix"] != 3 {
		t.Error(common)
	}
}

func TestLlamaThreads(t *testing.T) {
	for _, test := range []struct {
		flag []int
		own  int
		want []int
	}{
		{nil, 4, []int{1, 4}},
		{nil, 1, []int{1}},
		{[]int{3}, 4, []int{3}},
	} {
		if got := (peerFlags{Threads: test.flag}).threads(test.own); !slices.Equal(got, test.want) {
			t.Errorf("%v, ours %d: %v, want %v", test.flag, test.own, got, test.want)
		}
	}
}
