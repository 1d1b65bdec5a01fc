// Package baseline runs models of a single stream, which the denoiser of two streams
// and a canvas is measured against, as an infill.Denoiser: the same holes, the same
// windows, the same filters, the same commands. docs/model.md says what they are; no
// bundle that ships is one.
//
// It must never know how a graph is executed (package runtime/ort does), what tokens
// mean, or what a document looks like.
package baseline
