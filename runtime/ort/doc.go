// Package ort runs the denoiser's graph with ONNX Runtime: it finds the shared
// library, loads it once per process, checks that a model keeps the contract
// of docs/model.md and executes calls. It is the only importer of
// onnxruntime_go.
//
// It must never know what tokens mean, which streams are cached (package
// runtime/sched does) or what a request is.
//
// Only the CPU provider is built in so far; Config.Provider is the place where
// others will be chosen.
package ort
