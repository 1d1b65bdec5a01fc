package remote

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/lacuna-dev/lacuna/runtime/fused"
	"github.com/lacuna-dev/lacuna/runtime/remote/inference"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server speaks the protocol and settles every mask with token 42. What else it
// does is up to the test. A real one is asked by make test-remote.
type server struct {
	inference.UnimplementedGRPCInferenceServiceServer
	calls  atomic.Int32
	before func(ctx context.Context, call int32) error
	change func(*inference.ModelInferResponse)
	inputs []fused.Input // nil for those of the contract
	typed  bool          // answers in typed contents
}

const k = 3

func (s *server) ModelReady(_ context.Context, r *inference.ModelReadyRequest) (*inference.ModelReadyResponse, error) {
	if r.GetName() != "m-12345678" {
		return nil, status.Errorf(codes.NotFound, "unknown model %s", r.GetName())
	}
	return &inference.ModelReadyResponse{Ready: true}, nil
}

func (s *server) ModelMetadata(context.Context, *inference.ModelMetadataRequest) (*inference.ModelMetadataResponse, error) {
	describe := func(tensors []fused.Input) (out []*inference.ModelMetadataResponse_TensorMetadata) {
		for _, t := range tensors {
			out = append(out, &inference.ModelMetadataResponse_TensorMetadata{Name: t.Name, Datatype: datatype(t.Floats)})
		}
		return out
	}
	inputs := s.inputs
	if inputs == nil {
		inputs = fused.Inputs(k)
	}
	return &inference.ModelMetadataResponse{Inputs: describe(inputs), Outputs: describe(fused.Outputs())}, nil
}

func (s *server) ModelInfer(ctx context.Context, r *inference.ModelInferRequest) (*inference.ModelInferResponse, error) {
	n := s.calls.Add(1)
	if s.before != nil {
		if err := s.before(ctx, n); err != nil {
			return nil, err
		}
	}
	at := slices.IndexFunc(r.GetInputs(), func(i *inference.ModelInferRequest_InferInputTensor) bool { return i.GetName() == "slots" })
	shape := r.GetInputs()[at].GetShape()
	call := &fused.Call{B: int(shape[0]), N: int(shape[1]), C: int(shape[2])}
	var result fused.Result
	response := &inference.ModelInferResponse{ModelName: r.GetModelName()}
	for _, t := range result.Tensors(call) {
		if t.Name == "slots_out" {
			if err := decodeRaw(r.GetRawInputContents()[at], t); err != nil {
				return nil, status.Error(codes.InvalidArgument, err.Error())
			}
			for i, slot := range t.Ints {
				if slot == 1 {
					t.Ints[i] = 42
				}
			}
		}
		for i := range t.Floats {
			t.Floats[i] = -0.5
		}
		output := &inference.ModelInferResponse_InferOutputTensor{Name: t.Name, Datatype: datatype(t.Floats != nil), Shape: t.Shape}
		if s.typed {
			output.Contents = &inference.InferTensorContents{Int64Contents: t.Ints, Fp32Contents: t.Floats}
		} else {
			response.RawOutputContents = append(response.RawOutputContents, encode(t))
		}
		response.Outputs = append(response.Outputs, output)
	}
	if s.change != nil {
		s.change(response)
	}
	return response, nil
}

// start serves s on a free port of this machine.
func start(t *testing.T, s *server, options ...grpc.ServerOption) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(options...)
	inference.RegisterGRPCInferenceServiceServer(g, s)
	done := make(chan error)
	go func() { done <- g.Serve(listener) }()
	t.Cleanup(func() {
		g.Stop()
		<-done
	})
	return listener.Addr().String()
}

func dial(t *testing.T, config Config) *Client {
	t.Helper()
	config.Name, config.Model = Name("m", "123456789"), sched.Model{Name: "m", TopK: k}
	c, err := Dial(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// call has one canvas of two slots, the second masked.
func call() *fused.Call {
	return &fused.Call{
		B: 1, N: 1, C: 2, P: 2, Q: 1, X: 1, S: 1,
		Left: []int64{9, 30}, Right: []int64{8}, Slots: []int64{50, 1}, Settled: []float32{-1, 0}, Remasked: []int64{0, 0},
		Banned: []int64{-1, -1}, Told: []int64{0}, Multiline: []int64{1}, Threshold: []float32{-0.25}, Floor: []float32{0.05},
		Limit: []int64{8}, Noise: make([]float32, 2*(k+1)),
	}
}

func TestRun(t *testing.T) {
	for _, typed := range []bool{false, true} {
		c := dial(t, Config{URL: "grpc://" + start(t, &server{typed: typed})})
		if err := c.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got fused.Result
		if err := c.Run(t.Context(), call(), &got); err != nil {
			t.Fatal(err)
		}
		want := fused.Result{Slots: []int64{50, 42}, Settled: []float32{-0.5, -0.5}, Remasked: []int64{0, 0}, Steps: []int64{0}, Forwards: []int64{0}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("typed %v: %s", typed, diff)
		}
	}
}

func TestRetries(t *testing.T) {
	fails := func(code codes.Code, times int32) func(context.Context, int32) error {
		return func(_ context.Context, n int32) error {
			if n <= times {
				return status.Error(code, "not now")
			}
			return nil
		}
	}
	tests := []struct {
		name   string
		before func(context.Context, int32) error
		calls  int32
		want   string // empty for success
	}{
		{"a server that starts", fails(codes.Unavailable, 2), 3, ""},
		{"a full queue", fails(codes.ResourceExhausted, 1), 2, ""},
		{"a server that stays away", fails(codes.Unavailable, 9), 3, "(tried 3 times): Unavailable: not now; is the server running"},
		{"a wrong call", fails(codes.InvalidArgument, 9), 1, "InvalidArgument: not now"},
		{"no token", fails(codes.Unauthenticated, 9), 1, "Unauthenticated: not now; is the token right?"},
		{"no such model", fails(codes.NotFound, 9), 1, "lacuna repository"},
		{"an answer that comes too late", func(ctx context.Context, n int32) error {
			if n == 1 {
				<-ctx.Done()
			}
			return nil
		}, 2, ""},
		{"answers that never come", func(ctx context.Context, _ int32) error { <-ctx.Done(); return ctx.Err() }, 3, "it has 100ms for an answer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &server{before: test.before}
			c := dial(t, Config{URL: "grpc://" + start(t, s), Timeout: 100 * time.Millisecond})
			err := c.Run(t.Context(), call(), &fused.Result{})
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			var fault *Error
			if err != nil && !errors.As(err, &fault) {
				t.Errorf("%T is no *Error", err)
			}
			if n := s.calls.Load(); n != test.calls {
				t.Errorf("asked %d times, want %d", n, test.calls)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	entered := make(chan struct{}, 9)
	s := &server{before: func(ctx context.Context, _ int32) error { entered <- struct{}{}; <-ctx.Done(); return ctx.Err() }}
	c := dial(t, Config{URL: "grpc://" + start(t, s), Timeout: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Run(ctx, call(), &fused.Result{}) }()
	<-entered
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestNobodyThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	err = dial(t, Config{URL: "grpc://" + address, Timeout: time.Second, Retries: -1}).Ready(t.Context())
	if err == nil || !strings.Contains(err.Error(), "is the server running") {
		t.Errorf("got %v", err)
	}
}

func TestAnswersThatAreWrong(t *testing.T) {
	tests := map[string]struct {
		change func(*inference.ModelInferResponse)
		want   string
	}{
		"no output":      {func(r *inference.ModelInferResponse) { r.Outputs = r.Outputs[1:] }, "output slots_out missing"},
		"other type":     {func(r *inference.ModelInferResponse) { r.Outputs[1].Datatype = "FP16" }, "of type FP16, not FP32"},
		"other shape":    {func(r *inference.ModelInferResponse) { r.Outputs[0].Shape = []int64{1, 2} }, "of shape [1 2], not [1 1 2]"},
		"too short":      {func(r *inference.ModelInferResponse) { r.RawOutputContents[0] = []byte{1} }, "of 1 bytes, not 16"},
		"few contents":   {func(r *inference.ModelInferResponse) { r.RawOutputContents = r.RawOutputContents[:1] }, "without contents"},
		"no contents":    {func(r *inference.ModelInferResponse) { r.RawOutputContents = nil }, "of 0 numbers, not 2"},
		"nothing at all": {func(r *inference.ModelInferResponse) { r.Reset() }, "missing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := dial(t, Config{URL: "grpc://" + start(t, &server{change: test.change})})
			if err := c.Run(t.Context(), call(), &fused.Result{}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestReadyComparesTheContract(t *testing.T) {
	c := dial(t, Config{URL: "grpc://" + start(t, &server{inputs: fused.Inputs(k)[1:]})})
	if err := c.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "has no tensor left INT64") {
		t.Errorf("got %v", err)
	}
	c = dial(t, Config{URL: "grpc://" + start(t, &server{})})
	c.config.Name = "m-87654321"
	if err := c.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "unknown model m-87654321") || !strings.Contains(err.Error(), "lacuna repository") {
		t.Errorf("got %v", err)
	}
}

func TestToken(t *testing.T) {
	s := &server{before: func(ctx context.Context, _ int32) error {
		if got := metadata.ValueFromIncomingContext(ctx, "authorization"); len(got) != 1 || got[0] != "Bearer secret" {
			return status.Error(codes.Unauthenticated, "who are you")
		}
		return nil
	}}
	address := start(t, s)
	if err := dial(t, Config{URL: "grpc://" + address, Token: "secret"}).Run(t.Context(), call(), &fused.Result{}); err != nil {
		t.Error(err)
	}
	if err := dial(t, Config{URL: "grpc://" + address, Token: "wrong"}).Run(t.Context(), call(), &fused.Result{}); err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("got %v, want an error that does not show the token", err)
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	authority := newAuthority(t)
	ca := authority.write(t, dir, "ca")
	serverCert, _ := authority.issue(t, dir, "server")
	clientCertFile, clientKeyFile := authority.files(t, dir, "client")
	pool := x509.NewCertPool()
	pool.AddCert(authority.cert)

	secure := start(t, &server{}, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{serverCert}, MinVersion: tls.VersionTLS12})))
	mutual := start(t, &server{}, grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{serverCert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12,
	})))
	plain := start(t, &server{})
	tests := []struct {
		name   string
		config Config
		want   string // empty for success
	}{
		{"a certificate that is trusted", Config{URL: "grpcs://" + secure, CA: ca}, ""},
		{"with a token", Config{URL: "grpcs://" + secure, CA: ca, Token: "secret"}, ""},
		{"a certificate that is not", Config{URL: "grpcs://" + secure}, "certificate"},
		{"another name", Config{URL: "grpcs://" + secure, CA: ca, ServerName: "elsewhere"}, "elsewhere"},
		{"both show one", Config{URL: "grpcs://" + mutual, CA: ca, Certificate: clientCertFile, Key: clientKeyFile}, ""},
		{"the client has none", Config{URL: "grpcs://" + mutual, CA: ca}, "Unavailable"},
		{"TLS where there is none", Config{URL: "grpcs://" + plain, CA: ca}, "Unavailable"},
		{"none where there is TLS", Config{URL: "grpc://" + secure}, "Unavailable"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.config.Retries, test.config.Timeout = -1, 5*time.Second
			err := dial(t, test.config).Ready(t.Context())
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestDialRefuses(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, config := range map[string]Config{
		"must be grpc://HOST:PORT":         {URL: "http://host:1"},
		"lacks host or port":               {URL: "grpc://host"},
		"more than host and port":          {URL: "grpc://host:1/path"},
		"in the clear: use grpcs://":       {URL: "grpc://host:1", Token: "secret"},
		"asked without TLS: use grpcs://":  {URL: "grpc://host:1", CA: empty},
		"has none in PEM":                  {URL: "grpcs://host:1", CA: empty},
		"certificates to trust: open":      {URL: "grpcs://host:1", CA: empty + ".no"},
		"go together: one is missing":      {URL: "grpcs://host:1", Certificate: empty},
		"the client's certificate: tls: f": {URL: "grpcs://host:1", Certificate: empty, Key: empty},
		"missing protocol scheme":          {URL: "://"},
	} {
		if _, err := Dial(config); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: got %v, want %q", config, err, want)
		}
	}
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]"} {
		c, err := Dial(Config{URL: "grpc://" + host + ":1", Token: "secret"})
		if err != nil {
			t.Errorf("%s is this machine, a token may go there: %v", host, err)
			continue
		}
		c.Close()
	}
}

func TestRefusesEmptyCall(t *testing.T) {
	c := dial(t, Config{URL: "grpc://127.0.0.1:1"})
	if err := c.Run(t.Context(), &fused.Call{}, &fused.Result{}); err == nil || !strings.Contains(err.Error(), "empty dimension") {
		t.Errorf("got %v", err)
	}
}

// authority issues certificates for 127.0.0.1.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func (a *authority) write(t *testing.T, dir, name string) string {
	t.Helper()
	return writePEM(t, filepath.Join(dir, name+".pem"), "CERTIFICATE", a.cert.Raw)
}

func (a *authority) files(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	a.issue(t, dir, name)
	return filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
}

func (a *authority) issue(t *testing.T, dir, name string) (tls.Certificate, error) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := writePEM(t, filepath.Join(dir, name+".pem"), "CERTIFICATE", der)
	return tls.LoadX509KeyPair(cert, writePEM(t, filepath.Join(dir, name+".key"), "PRIVATE KEY", raw))
}

func writePEM(t *testing.T, path, kind string, der []byte) string {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
