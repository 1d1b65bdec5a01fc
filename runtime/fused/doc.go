// Package fused runs whole rounds of denoising in one call of the fused graph
// (docs/model.md): it implements infill.Denoiser over a Graph that encodes both
// streams and takes all steps inside, and gathers the rounds of concurrent requests
// into batches.
//
// Nothing is cached between calls: the streams are encoded anew for every round.
// That pays where a call costs much and arithmetic little, on a GPU. What the
// fused graph cannot do, and everything once a call has failed, goes to a stepwise
// Denoiser.
//
// It must never know how a graph is executed (package runtime/ort does), what
// tokens mean, or what a document looks like.
package fused
