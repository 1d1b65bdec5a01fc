package remote

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// Defaults of Config.
const (
	// DefaultTimeout is of one attempt. Who fills has a deadline of its own.
	DefaultTimeout = 2 * time.Second
	// DefaultRetries is how often a call is tried again.
	DefaultRetries = 2
)

// Config says which server to ask, and how.
type Config struct {
	// URL is grpc://HOST:PORT, or grpcs://HOST:PORT for TLS.
	URL string
	// Name is the model's name on the server, Model what the graph was exported
	// with: client and server have the same bundle.
	Name  string
	Model sched.Model
	// Token, if not empty, is sent as a bearer token with every call. It is
	// refused without TLS, except to this machine.
	Token string
	// CA is a file with the certificates to trust instead of the system's;
	// Certificate and Key are files with the client's own. They may be empty.
	CA, Certificate, Key string
	// ServerName is the name that the server's certificate must have; empty for
	// the host of URL.
	ServerName string
	// Timeout of one attempt and number of Retries; 0 takes the default, a
	// negative number of retries is none.
	Timeout time.Duration
	Retries int
}

// endpoint reads URL.
func (c Config) endpoint() (address string, secure bool, err error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "", false, fmt.Errorf("the server's address %q: %w", c.URL, err)
	}
	switch {
	case u.Scheme != "grpc" && u.Scheme != "grpcs":
		return "", false, fmt.Errorf("the server's address %q must be grpc://HOST:PORT or grpcs://HOST:PORT", c.URL)
	case u.Port() == "" || u.Hostname() == "":
		return "", false, fmt.Errorf("the server's address %q lacks host or port: Triton's gRPC port is 8001", c.URL)
	case u.Path != "" || u.RawQuery != "" || u.User != nil:
		return "", false, fmt.Errorf("the server's address %q has more than host and port", c.URL)
	}
	secure = u.Scheme == "grpcs"
	if c.Token != "" && !secure && !loopback(u.Hostname()) {
		return "", false, fmt.Errorf("the token would be sent to %s in the clear: use grpcs://", u.Host)
	}
	if !secure && (c.CA != "" || c.Certificate != "" || c.Key != "" || c.ServerName != "") {
		return "", false, fmt.Errorf("certificates are given for %s, which is asked without TLS: use grpcs://", c.URL)
	}
	return u.Host, secure, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c Config) tls() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("certificates to trust: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificates to trust: %s has none in PEM", c.CA)
		}
	}
	if (c.Certificate == "") != (c.Key == "") {
		return nil, errors.New("a client's certificate and its key go together: one is missing")
	}
	if c.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			return nil, fmt.Errorf("the client's certificate: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}
