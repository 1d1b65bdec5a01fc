package ort

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	ortgo "github.com/yalue/onnxruntime_go"

	"github.com/lacuna-dev/lacuna/runtime/sched"
)

// The tensors of the ONNX contract, in the order in which Run passes them.
var (
	inputNames  = []string{"tokens", "role", "pos_a", "pos_b", "past_a", "past_b", "rows", "targets"}
	outputNames = []string{"kv", "top_ids", "top_logp", "target_logp", "quality"}
)

// Config says what to open.
type Config struct {
	Library Library
	// Graph is the ONNX file. It is not needed after Open.
	Graph []byte
	// TokenizerSHA256 is the lower-case hexadecimal digest of tokenizer.json.
	TokenizerSHA256 string
	// Threads is the number of threads of one run, the caller's included; 0
	// takes the number of processors, at most 4: beyond that small matrices
	// gain nothing.
	Threads int
	// Device is where the model is to run; "" is Auto. Where CUDA is wanted and
	// does not work the model runs on the CPU and Session.Fallback says why.
	Device Device
	// Spin lets threads that have nothing to do wait busily. Off, so that they do not take
	// the processor from the editor; BenchmarkThreads says what it would gain.
	Spin bool
}

// maxDefaultThreads bounds Threads when it is not given.
const maxDefaultThreads = 4

// DefaultThreads is how many threads a model uses where Config.Threads is 0.
func DefaultThreads() int { return min(runtime.NumCPU(), maxDefaultThreads) }

// Session is a loaded model. It implements sched.Graph.
type Session struct {
	model    sched.Model
	version  string
	device   Device
	fallback *Fallback

	mu      sync.Mutex // guards session and scratch: one run at a time
	session *ortgo.DynamicAdvancedSession
	scratch []float32 // where keys and values go that nobody wants
}

var _ sched.Graph = (*Session)(nil)

// ErrClosed is returned by Run on a closed Session.
var ErrClosed = errors.New("the model is closed")

// Open loads the library, unless it is loaded already, and the model.
func Open(config Config) (*Session, error) {
	device, err := ParseDevice(string(config.Device))
	if err != nil {
		return nil, err
	}
	version, err := load(config.Library)
	if err != nil {
		return nil, err
	}
	session, device, fallback, err := place(config.Library, device, func(cuda bool) (*ortgo.DynamicAdvancedSession, error) {
		return openGraph(config, cuda, version, inputNames, outputNames)
	})
	if err != nil {
		return nil, err
	}
	model, err := readMetadata(session, config.TokenizerSHA256)
	if err != nil {
		session.Destroy()
		return nil, err
	}
	return &Session{model: model, version: version, device: device, fallback: fallback, session: session}, nil
}

// openGraph makes a session of a graph on one device.
func openGraph(config Config, cuda bool, version string, inputs, outputs []string) (*ortgo.DynamicAdvancedSession, error) {
	options, err := sessionOptions(config)
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime %s refuses a session option: %w", version, err)
	}
	defer options.Destroy()
	if cuda {
		if err := appendCUDA(options); err != nil {
			return nil, fmt.Errorf("the CUDA provider of ONNX Runtime %s does not start: %w", version, err)
		}
	}
	session, err := ortgo.NewDynamicAdvancedSessionWithONNXData(config.Graph, inputs, outputs, options)
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime %s cannot load the model (%d bytes): %w", version, len(config.Graph), err)
	}
	return session, nil
}

func sessionOptions(config Config) (*ortgo.SessionOptions, error) {
	threads := config.Threads
	if threads <= 0 {
		threads = DefaultThreads()
	}
	spin := "0"
	if config.Spin {
		spin = "1"
	}
	options, err := ortgo.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		options.SetIntraOpNumThreads(threads),
		options.SetInterOpNumThreads(1),
		options.AddSessionConfigEntry("session.intra_op.allow_spinning", spin),
		// Shapes differ from call to call; a plan for each would only pile up.
		options.SetMemPattern(false),
	)
	if err != nil {
		options.Destroy()
		return nil, err
	}
	return options, nil
}

// Model implements sched.Graph.
func (s *Session) Model() sched.Model { return s.model }

// Version is the version that the loaded library reports.
func (s *Session) Version() string { return s.version }

// Device is where the model runs, never Auto.
func (s *Session) Device() Device { return s.device }

// Fallback says why the model runs on the CPU although CUDA was to be tried; nil
// where there is nothing to say.
func (s *Session) Fallback() *Fallback { return s.fallback }

// Close frees the model after the run in progress. The library stays loaded.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil {
		return nil
	}
	err := s.session.Destroy()
	s.session = nil
	return err
}

// Run implements sched.Graph. A cancellation takes effect inside the run,
// between two operators.
func (s *Session) Run(ctx context.Context, call *sched.Call, result *sched.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b, err := s.bind(call, result)
	if err != nil {
		return err
	}
	defer b.destroy()
	return execute(ctx, s.session, b)
}

// execute runs a session; a cancellation terminates it.
func execute(ctx context.Context, session *ortgo.DynamicAdvancedSession, b *binding) error {
	options, err := ortgo.NewRunOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	terminated := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(terminated)
		// It only sets a flag; the run's own error is the one that matters.
		_ = options.Terminate()
	})
	err = session.RunWithOptions(b.inputs, b.outputs, options)
	if !stop() {
		<-terminated // options must outlive the call
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
