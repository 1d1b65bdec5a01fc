// Package remote runs the fused graph on a server of the Open Inference Protocol
// (KServe v2 over gRPC): Triton, KServe, or another. It implements fused.Graph, and
// writes the model repository from which Triton serves the graph.
//
// It must never know what tokens mean, where a server is deployed, or how rounds
// are gathered into calls (package runtime/fused does).
//
// The protocol's messages and stubs in folder inference are generated from
// open_inference_grpc.proto of github.com/kserve/open-inference-protocol, revision
// d49cc23, by protoc with protoc-gen-go and protoc-gen-go-grpc.
package remote

//go:generate protoc -Iinference --go_out=inference --go-grpc_out=inference --go_opt=paths=source_relative --go-grpc_opt=paths=source_relative --go_opt=Mopen_inference_grpc.proto=github.com/lacuna-dev/lacuna/runtime/remote/inference --go-grpc_opt=Mopen_inference_grpc.proto=github.com/lacuna-dev/lacuna/runtime/remote/inference open_inference_grpc.proto
