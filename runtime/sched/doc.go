// Package sched keeps the encoded streams of documents between requests and
// runs the model over them: it implements infill.Denoiser.
//
// A slot holds the tokens of both streams of one document with their keys and
// values. A request takes the slot that shares the longest prefix with it,
// cuts the slot back to that prefix and computes only the rest.
//
// The model runs one call at a time, in the order of arrival; requests are not
// yet batched together.
//
// It must never know how a graph is executed (package runtime/ort does), what
// tokens mean, or what a document looks like.
package sched
