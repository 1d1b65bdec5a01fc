// Package share lets several processes of a machine use one engine: a Server puts
// an infill.Denoiser on a socket, a Denoiser on the other side uses it while it is
// there and another one while it is not.
//
// What goes over the socket is tokens, predictions and cancellations. Holes, syntax
// and what is shown stay with who asks, so a step costs some kilobytes.
//
// It must never know how a model is run, what tokens mean, or which process it is in.
package share
