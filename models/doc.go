// Package models reads bundles: a folder with the graph, the tokenizer and a
// manifest that says what they are. The default bundle is embedded in the
// binary.
//
// It must never know how a graph is run or how text becomes tokens, and it
// imports none of the other packages.
package models
