package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/lacuna-dev/lacuna/runtime/fused"
	"github.com/lacuna-dev/lacuna/runtime/remote/inference"
	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// Client is a fused graph on a server. It implements fused.Graph and is safe for
// concurrent use.
type Client struct {
	config  Config
	address string
	conn    *grpc.ClientConn
	stub    inference.GRPCInferenceServiceClient
}

var _ fused.Graph = (*Client)(nil)

// message is the most bytes of a request or an answer: a batch with seeded noise
// has some megabytes.
const message = 64 << 20

// Dial prepares a client; it connects when it is first asked.
func Dial(config Config) (*Client, error) {
	address, secure, err := config.endpoint()
	if err != nil {
		return nil, err
	}
	if config.Timeout <= 0 {
		config.Timeout = DefaultTimeout
	}
	if config.Retries == 0 {
		config.Retries = DefaultRetries
	}
	transport := insecure.NewCredentials()
	if secure {
		settings, err := config.tls()
		if err != nil {
			return nil, err
		}
		transport = credentials.NewTLS(settings)
	}
	conn, err := grpc.NewClient("dns:///"+address, grpc.WithTransportCredentials(transport),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(message), grpc.MaxCallRecvMsgSize(message)))
	if err != nil {
		return nil, fmt.Errorf("the server's address %s: %w", config.URL, err)
	}
	return &Client{config: config, address: address, conn: conn, stub: inference.NewGRPCInferenceServiceClient(conn)}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Model implements fused.Graph.
func (c *Client) Model() sched.Model { return c.config.Model }

// Ready asks whether the server is there and serves the model, and compares its
// tensors with the contract.
func (c *Client) Ready(ctx context.Context) error {
	var ready *inference.ModelReadyResponse
	err := c.attempts(ctx, func(ctx context.Context) (err error) {
		ready, err = c.stub.ModelReady(ctx, &inference.ModelReadyRequest{Name: c.config.Name})
		return err
	})
	if err != nil {
		return err
	}
	if !ready.GetReady() {
		return fmt.Errorf("%s has no model %s that is ready: %s", c.config.URL, c.config.Name, repositoryRemedy)
	}
	var described *inference.ModelMetadataResponse
	err = c.attempts(ctx, func(ctx context.Context) (err error) {
		described, err = c.stub.ModelMetadata(ctx, &inference.ModelMetadataRequest{Name: c.config.Name})
		return err
	})
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, t := range append(described.GetInputs(), described.GetOutputs()...) {
		have[t.GetName()+" "+t.GetDatatype()] = true
	}
	for _, t := range append(fused.Inputs(c.config.Model.TopK), fused.Outputs()...) {
		if want := t.Name + " " + datatype(t.Floats); !have[want] {
			return fmt.Errorf("model %s on %s has no tensor %s: it is of another release; %s", c.config.Name, c.config.URL, want, repositoryRemedy)
		}
	}
	return nil
}

const repositoryRemedy = "make its model repository with lacuna repository, from the bundle that is used here"

func datatype(floats bool) string {
	if floats {
		return "FP32"
	}
	return "INT64"
}

// Run implements fused.Graph.
func (c *Client) Run(ctx context.Context, call *fused.Call, result *fused.Result) error {
	if call.Empty() {
		return errors.New("a fused call with an empty dimension")
	}
	request := &inference.ModelInferRequest{ModelName: c.config.Name}
	for _, t := range call.Tensors(c.config.Model.TopK) {
		request.Inputs = append(request.Inputs, &inference.ModelInferRequest_InferInputTensor{
			Name: t.Name, Datatype: datatype(t.Floats != nil), Shape: t.Shape,
		})
		request.RawInputContents = append(request.RawInputContents, encode(t))
	}
	outputs := result.Tensors(call)
	for _, t := range outputs {
		request.Outputs = append(request.Outputs, &inference.ModelInferRequest_InferRequestedOutputTensor{Name: t.Name})
	}
	var response *inference.ModelInferResponse
	err := c.attempts(ctx, func(ctx context.Context) (err error) {
		response, err = c.stub.ModelInfer(ctx, request)
		return err
	})
	if err != nil {
		return err
	}
	for _, t := range outputs {
		if err := decode(response, t); err != nil {
			return fmt.Errorf("%s answered with output %s %w", c.config.URL, t.Name, err)
		}
	}
	return nil
}

// attempts calls f, each time with a deadline of its own, until it succeeds, fails
// for good, or has failed too often. Every call may be repeated: it changes nothing
// on the server.
func (c *Client) attempts(ctx context.Context, f func(context.Context) error) error {
	for attempt := 0; ; attempt++ {
		err := c.attempt(ctx, f)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if attempt >= c.config.Retries || !passing(err) {
			return c.fault(err, attempt+1)
		}
		select {
		case <-time.After(pause(attempt)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *Client) attempt(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	if c.config.Token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.config.Token)
	}
	return f(ctx)
}

// passing says whether trying again may help.
func passing(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted:
		return true
	}
	return false
}

// pause before attempt n+1: doubled each time, and drawn so that clients of a
// server that was restarted do not come back all at once.
func pause(n int) time.Duration {
	const first = 20 * time.Millisecond
	longest := first << n
	return longest/2 + rand.N(longest/2+1)
}

// fault words an error with what to do.
func (c *Client) fault(err error, attempts int) error {
	times := ""
	if attempts > 1 {
		times = fmt.Sprintf(" (tried %d times)", attempts)
	}
	remedy := ""
	switch status.Code(err) {
	case codes.Unauthenticated, codes.PermissionDenied:
		remedy = "; is the token right?"
	case codes.NotFound:
		remedy = "; " + repositoryRemedy
	case codes.Unavailable:
		remedy = "; is the server running, and is that its gRPC port?"
	case codes.DeadlineExceeded:
		remedy = fmt.Sprintf("; it has %v for an answer", c.config.Timeout)
	case codes.Unimplemented:
		remedy = "; is it a server of the Open Inference Protocol (KServe v2)?"
	}
	return &Error{Code: status.Code(err), message: fmt.Sprintf("%s%s: %s: %s%s", c.config.URL, times, status.Code(err), status.Convert(err).Message(), remedy)}
}

// Error is what the server answered, or that it did not.
type Error struct {
	Code    codes.Code
	message string
}

// Error implements error, with what to do.
func (e *Error) Error() string { return e.message }
