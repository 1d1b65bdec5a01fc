// Package ort runs the denoiser's graph with ONNX Runtime: it finds the shared
// library, loads it once per process, checks that a model keeps the contract
// of docs/model.md and executes calls. It is the only importer of
// onnxruntime_go.
//
// It must never know what tokens mean, which streams are cached (package
// runtime/sched does) or what a request is.
//
// A model runs with CUDA where library, driver and device are there, else on the
// CPU (Config.Device); what is in the way is found out before ONNX Runtime is
// asked, so that it can be said in words (CUDAStatusOf).
package ort
