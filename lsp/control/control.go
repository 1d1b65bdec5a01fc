// Package control is the door through which the user's own commands ask a running
// server how it is: a Unix socket that only the user can open, in the folder that
// the system keeps for such things. There is no other way in, and no network.
//
// The package knows how servers are found and asked; what they answer is none of
// its business.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	suffix = ".sock"
	// answerLimit is the largest answer that is read, in bytes.
	answerLimit = 16 << 20
	// patience is how long a server may take to answer.
	patience = 5 * time.Second
)

// Dir is where the servers of this user have their sockets: lacuna in
// $XDG_RUNTIME_DIR, or lacuna-UID in the folder for temporary files.
func Dir() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "lacuna")
	}
	return filepath.Join(os.TempDir(), "lacuna-"+strconv.Itoa(os.Getuid()))
}

// Listen makes the socket of a server, which is named by its process and a number
// that tells its servers apart. Closing the listener removes it. The folder is made
// for this user alone; one that others can look into is refused.
func Listen(dir string, pid int, number int) (net.Listener, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s is no folder", dir)
	}
	// This fails in a folder of someone else's.
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%s is not a folder of this user alone: %w", dir, err)
	}
	name := strconv.Itoa(pid)
	if number > 0 {
		name += "-" + strconv.Itoa(number)
	}
	path := filepath.Join(dir, name+suffix)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err // left by an earlier process of that number
	}
	// It gets its name once it listens: who finds a socket at which nobody does
	// takes it for one that was left, and removes it.
	early := path + ".new"
	if err := os.Remove(early); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: early, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false) // it would look for the early name
	if err := errors.Join(os.Chmod(early, 0o600), os.Rename(early, path)); err != nil {
		return nil, errors.Join(err, listener.Close(), os.Remove(early))
	}
	return &named{listener, path}, nil
}

// named is a listener that takes its socket away.
type named struct {
	*net.UnixListener
	path string
}

// Close implements net.Listener.
func (n *named) Close() error {
	err := n.UnixListener.Close()
	if gone := os.Remove(n.path); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// Server is a running server that can be asked.
type Server struct {
	Name string // its process, as Listen names it
	path string
}

// Servers are those of a folder, in order of their names. Sockets that nobody
// listens at are removed.
func Servers(dir string) ([]Server, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var found []Server
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), suffix)
		if !ok {
			continue
		}
		s := Server{name, filepath.Join(dir, entry.Name())}
		conn, err := net.DialTimeout("unix", s.path, patience)
		if errors.Is(err, syscall.ECONNREFUSED) {
			_ = os.Remove(s.path) // of a server that was killed
		}
		if err != nil {
			continue
		}
		_ = conn.Close()
		found = append(found, s)
	}
	slices.SortFunc(found, func(a, b Server) int { return strings.Compare(a.Name, b.Name) })
	return found, err
}

// Ask gets what a server answers on a path, such as "/status", as JSON.
func (s Server) Ask(ctx context.Context, path string) (json.RawMessage, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.path)
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://lacuna"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("server %s does not answer: %w", s.Name, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return nil, fmt.Errorf("server %s: %w", s.Name, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("server %s: %s: %s", s.Name, response.Status, strings.TrimSpace(string(raw)))
	}
	return raw, nil
}
