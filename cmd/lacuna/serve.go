package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/lacuna-dev/lacuna/models"
	"github.com/lacuna-dev/lacuna/runtime/share"
)

type serveCmd struct {
	Bundle  string `placeholder:"DIR" help:"Model bundle; default: the one in this binary."`
	Library string `placeholder:"PATH" help:"ONNX Runtime library or its folder; default: as for lacuna lsp."`
	Threads int    `placeholder:"N" default:"0" help:"Threads the model uses; 0 is the number of processors, at most 4."`
	Socket  string `placeholder:"PATH" help:"Unix socket; default: lacuna/engine in XDG_RUNTIME_DIR, or in the cache folder."`
	TCP     *int   `name:"tcp" placeholder:"PORT" help:"Serve on this port of the loopback interface instead; 0 takes a free one. Clients need LACUNA_ENGINE_TOKEN."`
	Queue   int    `placeholder:"N" default:"0" help:"Most requests that wait, of all editors together; 0 is 256. Beyond it they are refused."`
}

func (serveCmd) Help() string {
	return `Several editors then share one model, its memory and its cache: lacuna lsp uses the engine that is served on the default socket, if it has the same model, and its own if there is none or it goes away. Nothing but tokens goes over the socket, which only you may open.

On a TCP port, which every user of the machine can reach, clients have to show a token. It is taken from LACUNA_ENGINE_TOKEN, or made up and printed.

Examples:

  lacuna serve &
  lacuna serve --socket /tmp/lacuna-me/engine
  LACUNA_ENGINE_TOKEN=$(openssl rand -hex 16) lacuna serve --tcp 7420
  lacuna lsp --stdio --engine tcp://127.0.0.1:7420`
}

// envEngineToken names the environment variable with the token for a shared engine
// on a TCP port. A flag would show it to everybody who lists processes.
const envEngineToken = "LACUNA_ENGINE_TOKEN"

func (c *serveCmd) Run(a *app) error {
	flags := engineFlags{Bundle: c.Bundle, Library: c.Library, Threads: c.Threads, Device: "cpu", Fused: "off"}
	if err := flags.check(); err != nil {
		return err
	}
	if c.Queue < 0 {
		return usageErrorf("--queue %d: must not be negative", c.Queue)
	}
	if c.TCP != nil && c.Socket != "" {
		return usageErrorf("--socket and --tcp: serve on one of them")
	}
	bundle, err := flags.loadBundle()
	if err != nil {
		return err
	}
	listener, token, err := c.listen(a)
	if err != nil {
		return err
	}
	defer listener.Close()
	engine, err := a.engine(flags)
	if err != nil {
		return err
	}
	defer engine.Close()
	fmt.Fprintf(a.stdout, "serving %s on %s\n", engine.Name, shareURL(listener.Addr()))
	err = share.NewServer(engine.Denoiser, digestOf(bundle), c.Queue).Serve(a.ctx, listener, token)
	if a.ctx.Err() != nil {
		return a.ctx.Err()
	}
	return err
}

func (c *serveCmd) listen(a *app) (_ net.Listener, token string, err error) {
	if c.TCP == nil {
		path := c.Socket
		if path == "" {
			if path, err = defaultSocket(); err != nil {
				return nil, "", err
			}
		}
		listener, err := listenUnix(path)
		return listener, "", err
	}
	token = os.Getenv(envEngineToken)
	if token == "" {
		raw := make([]byte, 16)
		_, _ = rand.Read(raw) // never fails
		token = hex.EncodeToString(raw)
		fmt.Fprintf(a.stdout, "%s=%s\n", envEngineToken, token)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(*c.TCP)))
	if err != nil {
		return nil, "", fmt.Errorf("--tcp: %w", err)
	}
	return listener, token, nil
}

// listenUnix makes a socket that only its owner can open. One that is left over from
// a server that was killed is replaced.
func listenUnix(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("--socket: %w", err)
	}
	conn, err := net.Dial("unix", path)
	switch {
	case err == nil:
		conn.Close()
		return nil, fmt.Errorf("an engine is being served on %s already", path)
	case !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTSOCK):
		return nil, fmt.Errorf("--socket: %w", err) // perhaps one that is only busy
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("--socket %s: there is a file that is no socket", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("--socket: %w", err)
		}
	}
	listener, err := listenPrivately(path)
	if err != nil {
		return nil, fmt.Errorf("--socket: %w", err)
	}
	return listener, nil
}

// defaultSocket is where editors look: in a folder that is the user's, so that nobody
// else's engine is found there. It has no .sock, as those have that lacuna explain asks.
func defaultSocket() (string, error) {
	base := os.Getenv("XDG_RUNTIME_DIR")
	if base == "" {
		var err error
		if base, err = os.UserCacheDir(); err != nil {
			return "", fmt.Errorf("there is no place for a socket, name one: %w", err)
		}
	}
	return filepath.Join(base, "lacuna", "engine"), nil
}

func shareURL(addr net.Addr) string { return addr.Network() + "://" + addr.String() }

// digestOf tells models apart, tokenizers included.
func digestOf(bundle *models.Bundle) string { return bundle.GraphSHA256() + bundle.TokenizerSHA256() }

// sharedEngine is where lacuna lsp is to look for an engine.
type sharedEngine struct {
	network, address string
	asked            bool // by the user, who is to know when it is not there
}

// parseShared reads --engine: auto, own, a path, unix://PATH or tcp://HOST:PORT.
func parseShared(text string) (*sharedEngine, error) {
	switch text {
	case "own":
		return nil, nil
	case "", "auto":
		path, err := defaultSocket()
		if err != nil {
			return nil, nil
		}
		return &sharedEngine{"unix", path, false}, nil
	}
	if address, ok := strings.CutPrefix(text, "tcp://"); ok {
		host, _, err := net.SplitHostPort(address)
		ip := net.ParseIP(host)
		if err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, usageErrorf("--engine %s: must be a port of this machine, as tcp://127.0.0.1:7420", text)
		}
		return &sharedEngine{"tcp", address, true}, nil
	}
	path := strings.TrimPrefix(text, "unix://")
	if !filepath.IsAbs(path) {
		return nil, usageErrorf("--engine %s: must be auto, own, tcp://127.0.0.1:PORT or the path of a socket from the root", text)
	}
	return &sharedEngine{"unix", path, true}, nil
}

// openShared connects to a shared engine; nil is no error where none is served and
// none was asked for.
func (p *engineParts) openShared() (*share.Denoiser, error) {
	where := p.flags.shared
	config := share.Config{Network: where.network, Address: where.address, Model: digestOf(p.bundle)}
	if where.network == "tcp" {
		config.Token = os.Getenv(envEngineToken)
	}
	if !where.asked {
		if _, err := os.Lstat(where.address); errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
	}
	d, err := share.Dial(config, p.ownDenoiser, func(err error) {
		if p.flags.warn != nil {
			p.flags.warn(fmt.Errorf("%w: the model runs in this process until it is back", err))
		}
	})
	if err != nil {
		return nil, err
	}
	if err := p.keep(d.Close); err != nil {
		return nil, err
	}
	return d, nil
}
