package main

import (
	"fmt"
	"os"
	"time"

	"github.com/lacuna-dev/lacuna/models"
	"github.com/lacuna-dev/lacuna/runtime/remote"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// envRemoteToken names the environment variable with the token for a server. A
// flag would show it to everybody who lists processes.
const envRemoteToken = "LACUNA_REMOTE_TOKEN"

// remoteFlags name a server of the Open Inference Protocol to run the model.
type remoteFlags struct {
	URL     string        `name:"remote" env:"LACUNA_REMOTE" placeholder:"URL" help:"Run the model on this server of the Open Inference Protocol, for instance Triton: grpc://HOST:PORT, or grpcs:// for TLS. The code around the hole goes there. A token for it is taken from LACUNA_REMOTE_TOKEN."`
	CA      string        `name:"remote-ca" placeholder:"FILE" help:"Certificates that the server's is checked with, instead of the system's."`
	Cert    string        `name:"remote-cert" placeholder:"FILE" help:"Certificate to show to the server."`
	Key     string        `name:"remote-key" placeholder:"FILE" help:"Its key."`
	Name    string        `name:"remote-name" placeholder:"HOST" help:"Name that the server's certificate must have; default: the host."`
	Timeout time.Duration `name:"remote-timeout" placeholder:"TIME" default:"2s" help:"Time for one attempt."`
}

func (f remoteFlags) check() error {
	if f.Timeout < 0 {
		return usageErrorf("--remote-timeout %v: must not be negative", f.Timeout)
	}
	if f.URL == "" {
		if f.CA != "" || f.Cert != "" || f.Key != "" || f.Name != "" {
			return usageErrorf("--remote-ca, -cert, -key and -name are about a server: name it with --remote")
		}
		return nil
	}
	client, err := remote.Dial(f.settings())
	if err != nil {
		return usageErrorf("--remote: %v", err)
	}
	return client.Close()
}

func (f remoteFlags) settings() remote.Config {
	return remote.Config{
		URL: f.URL, Token: os.Getenv(envRemoteToken), CA: f.CA, Certificate: f.Cert, Key: f.Key, ServerName: f.Name, Timeout: f.Timeout,
	}
}

// config is for the model of a bundle.
func (f remoteFlags) config(bundle *models.Bundle) (remote.Config, error) {
	model, err := modelOf(bundle)
	if err != nil {
		return remote.Config{}, err
	}
	config := f.settings()
	config.Model, config.Name = model, remoteName(bundle)
	return config, nil
}

// modelOf is what a bundle's manifest says of its model.
func modelOf(bundle *models.Bundle) (sched.Model, error) {
	model, err := sched.ParseConfig(bundle.Manifest.Name, bundle.Manifest.Config)
	if err != nil {
		return model, fmt.Errorf("model bundle %s: %s: config %w", bundle.Source, models.ManifestFile, err)
	}
	return model, nil
}

func remoteName(bundle *models.Bundle) string {
	return remote.Name(bundle.Manifest.Name, bundle.GraphSHA256())
}

func (f remoteFlags) arguments() []string {
	var args []string
	for name, value := range map[string]string{
		"--remote": f.URL, "--remote-ca": f.CA, "--remote-cert": f.Cert, "--remote-key": f.Key, "--remote-name": f.Name,
	} {
		if value != "" {
			args = append(args, name, value)
		}
	}
	if f.Timeout != 0 {
		args = append(args, "--remote-timeout", f.Timeout.String())
	}
	return args
}
