// Package infill turns a hole in a document into text: it lays out what the
// model sees, builds canvases, runs denoising steps and accepts or refuses the
// outcome.
//
// It must never know LSP (positions here are byte offsets), nor how a model is
// run: package runtime/sched implements its Denoiser interface.
package infill
