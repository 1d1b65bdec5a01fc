// Package inference holds the messages and stubs of the Open Inference Protocol,
// generated; see the comment of package remote. It must never be edited.
package inference
