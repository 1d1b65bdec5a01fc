package lsp

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lacuna-dev/lacuna/lsp/control"
)

// What the user's own programs may ask: the control socket, and, where the user
// switches it on, metrics on a loopback address. Neither takes any orders.

// local is what a session serves beside its connection.
type local struct {
	mu      sync.Mutex // guards what follows
	closed  bool       // the session has ended
	control *http.Server
	metrics *http.Server
	address string // that metrics are served at
}

// localLimit bounds how long a request may take to come in.
const localLimit = 5 * time.Second

// servers tells the sockets of servers in one process apart.
var servers atomic.Int64

// serveLocally follows the settings, the latest ones whoever calls last. Never on the
// read loop.
func (s *Server) serveLocally() {
	l := &s.local
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	settings := s.settings.Load()
	if on := settings.Control.Enable && s.options.ControlDir != ""; on != (l.control != nil) {
		if l.control != nil {
			l.control = s.stopServing(l.control)
		} else if listener, err := control.Listen(s.options.ControlDir, os.Getpid(), int(servers.Add(1)-1)); err != nil {
			s.options.Log.Info("lacuna explain and lacuna status cannot ask this server", "error", err)
		} else {
			l.control = s.startServing(listener, s.controlHandler())
		}
	}
	if settings.Metrics.Address == l.address {
		return
	}
	if l.metrics != nil {
		l.metrics = s.stopServing(l.metrics)
	}
	l.address = settings.Metrics.Address
	if l.address == "" {
		return
	}
	listener, err := net.Listen("tcp", l.address)
	if err != nil {
		// Another server of the same editor may have it.
		s.log.Warn("metrics are not served", "lacuna.metrics.address", l.address, "error", err)
		return
	}
	l.metrics = s.startServing(listener, s.metricsHandler())
	s.log.Info("metrics are served", "address", listener.Addr().String())
}

func (s *Server) startServing(listener net.Listener, handler http.Handler) *http.Server {
	server := &http.Server{Handler: handler, ReadTimeout: localLimit, WriteTimeout: localLimit}
	s.background.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.options.Log.Info("a local socket is closed", "address", listener.Addr().String(), "error", err)
		}
	})
	return server
}

func (s *Server) stopServing(server *http.Server) *http.Server {
	if err := server.Close(); err != nil {
		s.options.Log.Debug("closing a local socket", "error", err)
	}
	return nil
}

// closeLocally ends what is served, and has nothing new begin.
func (s *Server) closeLocally() {
	s.local.mu.Lock()
	defer s.local.mu.Unlock()
	s.local.closed = true
	for _, server := range []*http.Server{s.local.control, s.local.metrics} {
		if server != nil {
			s.stopServing(server)
		}
	}
}

func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { s.answer(w, s.Status()) })
	mux.HandleFunc("GET /explain", func(w http.ResponseWriter, r *http.Request) {
		n := explained
		if text := r.URL.Query().Get("last"); text != "" {
			var err error
			if n, err = strconv.Atoi(text); err != nil {
				http.Error(w, "last must be a whole number", http.StatusBadRequest)
				return
			}
		}
		s.answer(w, s.journal.latest(n))
	})
	return mux
}

func (s *Server) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.options.Log.Debug("a local question was not answered", "error", err)
	}
}

// metricsHandler serves the text format of Prometheus.
func (s *Server) metricsHandler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics{s})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

var (
	metricRequests  = prometheus.NewDesc("lacuna_requests_total", "Requests for completions, by what became of them.", []string{"outcome"}, nil)
	metricItems     = prometheus.NewDesc("lacuna_items_total", "Items shown, by what the editor tells of them.", []string{"fate"}, nil)
	metricSeconds   = prometheus.NewDesc("lacuna_seconds_total", "Where the time of answered requests went, in seconds.", []string{"part"}, nil)
	metricDocuments = prometheus.NewDesc("lacuna_open_documents", "Open documents.", nil, nil)
	metricModel     = prometheus.NewDesc("lacuna_model_ready", "1 if the model is loaded.", nil, nil)
)

// metrics are a server's, read from its journal when they are asked for.
type metrics struct{ server *Server }

func (m metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{metricRequests, metricItems, metricSeconds, metricDocuments, metricModel} {
		to <- d
	}
}

func (m metrics) Collect(to chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, value float64, label string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, label)
	}
	gauge := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	status := m.server.Status()
	for label, n := range status.Requests.outcomes() {
		counter(metricRequests, float64(n), label)
	}
	for label, n := range status.Requests.fates() {
		counter(metricItems, float64(n), label)
	}
	spent := m.server.journal.spent()
	for label, ms := range map[string]float64{
		"queue": spent.Queue, "model": spent.Model, "context": spent.Context, "prefill": spent.Prefill, "denoise": spent.Denoise, "total": spent.Total,
	} {
		counter(metricSeconds, ms/1000, label)
	}
	gauge(metricDocuments, float64(status.Documents))
	ready := 0.0
	if status.Model == "ready" {
		ready = 1
	}
	gauge(metricModel, ready)
}

func (c *Counts) outcomes() map[string]int {
	return map[string]int{outcomeShown: c.Shown, outcomeNothing: c.Nothing, outcomeEnded: c.Ended, outcomeFailed: c.Failed}
}

func (c *Counts) fates() map[string]int {
	return map[string]int{"drawn": c.Drawn, "partly": c.Partly, "accepted": c.Accepted}
}

// session is a line of the file that lacuna.statistics.file names.
type session struct {
	Version string    `json:"version"`
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended"`
	Counts
}

// keepStatistics adds the session's counters to the user's file, if there is one.
func (s *Server) keepStatistics() {
	name := s.settings.Load().Statistics.File
	counts := s.journal.count()
	if name == "" || counts.Asked == 0 {
		return
	}
	raw, err := json.Marshal(session{s.options.Version, s.began, time.Now(), counts})
	if err == nil {
		err = appendLine(name, raw)
	}
	if err != nil {
		s.options.Log.Warn("the statistics of this session are lost", "lacuna.statistics.file", name, "error", err)
	}
}

// appendLine writes a line in one go, so that those of several servers do not mix.
func appendLine(name string, line []byte) error {
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n'))
	return errors.Join(err, file.Close())
}

// checkLoopback says what is wrong with an address that metrics are to be served at.
func checkLoopback(address string) string {
	if address == "" {
		return ""
	}
	host, port, err := net.SplitHostPort(address)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		return "it must be an address and a port, as 127.0.0.1:9464"
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "it must be a loopback address, 127.0.0.1, ::1 or localhost: metrics are for this machine alone"
	}
	return ""
}
