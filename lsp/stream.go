package lsp

import (
	"bufio"
	"context"
	"errors"
	"io"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// tolerantStream answers a frame that holds no message and reads on, where the
// plain stream would end the connection. Only broken framing ends it, since
// nothing after that can be trusted. Batches, which LSP does not use, are
// answered as invalid.
type tolerantStream struct {
	jsonrpc2.Stream
	frames frameReader
	server *Server
}

func newTolerantStream(rwc io.ReadWriteCloser, server *Server) *tolerantStream {
	return &tolerantStream{
		Stream: jsonrpc2.NewStream(rwc), // writes and closes
		frames: frameReader{in: bufio.NewReader(rwc)},
		server: server,
	}
}

// Read implements jsonrpc2.Stream. The number is of bytes without the header.
func (t *tolerantStream) Read(ctx context.Context) (jsonrpc2.Message, int64, error) {
	for {
		err := ctx.Err()
		var frame []byte
		if err == nil {
			frame, err = t.frames.next()
		}
		if err != nil {
			t.server.finish(t.server.ended(err))
			t.server.calls.abandon()
			return nil, 0, err
		}
		message, err := jsonrpc2.DecodeMessage(frame)
		if err == nil {
			return message, int64(len(frame)), nil
		}
		t.server.log.Warn("the client sent something that is no message; it is ignored", "error", err)
		reply := jsonrpc2.NewResponse(jsonrpc2.ID{}, nil, jsonrpc2.Errorf(jsonrpc2.ParseError, "not a JSON-RPC message: %v", err))
		t.server.post(outgoing{reply: reply})
	}
}

// interruptible is a connection whose Read ends with Close. That of standard
// input does not, and a client may keep its end open after exit.
type interruptible struct {
	*io.PipeReader
	rwc io.ReadWriteCloser
}

func newInterruptible(rwc io.ReadWriteCloser) *interruptible {
	in, feed := io.Pipe()
	go func() {
		_, err := io.Copy(feed, rwc)
		feed.CloseWithError(err)
	}()
	return &interruptible{PipeReader: in, rwc: rwc}
}

func (c *interruptible) Write(p []byte) (int, error) { return c.rwc.Write(p) }

func (c *interruptible) Close() error { return errors.Join(c.PipeReader.Close(), c.rwc.Close()) }

// answering marks the context of the connection, and with it those of replies:
// all else is written under the session's.
type answering struct{}

// Write implements jsonrpc2.Stream. It counts replies.
func (t *tolerantStream) Write(ctx context.Context, message jsonrpc2.Message) (int64, error) {
	n, err := t.Stream.Write(ctx, message)
	if ctx.Value(answering{}) != nil {
		t.server.calls.answered()
	}
	return n, err
}

// codec encodes payloads with the protocol's own encoders, which know its
// union types.
type codec struct{}

func (codec) Marshal(v any) ([]byte, error) {
	if raw, ok := v.(jsonrpc2.RawMessage); ok {
		return jsonrpc2.JSONCodec{}.Marshal(raw)
	}
	return protocol.Marshal(v)
}

func (codec) Unmarshal(data []byte, v any) error {
	if raw, ok := v.(*jsonrpc2.RawMessage); ok {
		return jsonrpc2.JSONCodec{}.Unmarshal(data, raw)
	}
	return protocol.Unmarshal(data, v)
}
