"""Build the fused graph of a bundle: context and the whole denoising loop in one call.

    python models/train/fused.py models/small

reads model.onnx and tokenizer.json of the bundle and writes fused.onnx (float32,
for CPUs) and fused16.onnx (float16, for CUDA) beside them, and their checksums
into manifest.json. export.py does the same for every bundle it writes. The contract
is in docs/model.md.

Neither file has weights: they name the tensors of model.onnx, whose initializers
are to be appended (join does it here, package models in Go). A serialised protobuf
message followed by another of its kind is both merged, so joining is appending.

What is decoded, and in which order, is infill/canvas.go, written without branches:
every slot of every canvas of every request at once. The names of the steps (pick,
settle, doubt) are those of that file.
"""

import argparse
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export import CANVAS, EPSILON, LANES, MASKED, MS, ROPE_BASE, ByRow, Graph

FORMAT = 1  # of the fused contract
OPSET = 23  # the first with Attention
IR_VERSION = 11
PAD, MASK, DELETE = 0, 1, 2  # docs/model.md: special tokens have fixed ids
TEXT, CONTROL, BREAK, END = range(4)  # glyphs, as in infill/canvas.go; what may end an answer comes last
REMASK_LIMIT = 3  # as infill/canvas.go has it
UNLIKELY = -14.0
NEVER = -1e30  # the rank of what must not be chosen: below every logarithm, above its double

FILES = {"fused.onnx": False, "fused16.onnx": True}  # whether in half precision
ATTENTIONS = ("onnx", "mha", "plain")
# What each provider runs best by default. CPU: measured, see docs/benchmarks.md. CUDA: not measured yet.
DEFAULT_ATTENTION = {False: "onnx", True: "mha"}

INPUTS = (  # name, type, shape; B requests of N canvases of C slots
    ("left", TensorProto.INT64, ["B", "P"]), ("right", TensorProto.INT64, ["B", "Q"]),
    ("slots", TensorProto.INT64, ["B", "N", "C"]), ("settled", TensorProto.FLOAT, ["B", "N", "C"]),
    ("remasked", TensorProto.INT64, ["B", "N", "C"]), ("banned", TensorProto.INT64, ["B", "N", "C", "X"]),
    ("told", TensorProto.INT64, ["B", "N"]), ("multiline", TensorProto.INT64, ["B", 1]),
    ("threshold", TensorProto.FLOAT, ["B", 1]), ("floor", TensorProto.FLOAT, ["B", 1]),
    ("limit", TensorProto.INT64, ["B", 1]), ("noise", TensorProto.FLOAT, ["B", "S", "N", "C", "K1"]))
STATE = (  # what a step changes, in the order of the loop
    ("slots", TensorProto.INT64, ["B", "N", "C"]), ("settled", TensorProto.FLOAT, ["B", "N", "C"]),
    ("remasked", TensorProto.INT64, ["B", "N", "C"]), ("steps", TensorProto.INT64, ["B", "N"]),
    ("forwards", TensorProto.INT64, ["B", 1]))


class Body(Graph):
    """The nodes of a loop's body. Its constants belong to the graph around it."""

    prefix = "body_"

    def __init__(self, outer):
        super().__init__()
        self.outer = outer
        self.const = outer.const

    def op(self, kind, *inputs, outputs=1, domain="", **attributes):
        if isinstance(outputs, int):
            outputs = [f"{self.prefix}{kind}_{len(self.nodes)}_{i}" for i in range(outputs)]
        return super().op(kind, *inputs, outputs=outputs, domain=domain, **attributes)


class Network:
    """The transformer of docs/model.md over the tensors that model.onnx stores."""

    def __init__(self, g, stored, config, half, attention):
        self.g, self.c, self.attention = g, config, attention
        self.type = TensorProto.FLOAT16 if half else TensorProto.FLOAT
        self.real = np.float16 if half else np.float32
        self.masked = -3e4 if half else MASKED
        self.stored = stored
        # Whether to round what is multiplied, as the products of export.ByRow do, and to sum attention in the order
        # of the stepwise graph, without which rounding would part them (export.build). Not in
        # float16: so much would be rounded the other way that it comes no nearer, and every product takes ten nodes.
        self.rounds = len(stored["emb"]) == 2 and not half
        self.ones = {w: g.const(np.ones(w), self.real) for w in {config["d_model"], config["head_dim"]}}
        layers = range(config["n_layer"])
        self.scales = {}  # of the matrices that are multiplied before they are scaled, as those of export.ByRow are
        self.w = {n: self.matrix(n, self.table(n)) for n in (f"layers.{i}.{m}" for i in layers for m in ("wqkv", "wo", "wgu", "wd"))}
        self.emb = self.table("emb")
        self.w["emb"] = self.matrix("emb", self.emb)
        self.roles = g.op("Cast", "role_emb", to=self.type)
        self.frequency = g.const(ROPE_BASE ** (-np.arange(config["head_dim"] // 2) / (config["head_dim"] // 2)), np.float32)

    def table(self, name):
        """A stored matrix as it is, multiplied out and in the precision of the graph."""
        g = self.g
        if not self.stored[name]:
            return g.op("Cast", name, to=self.type)
        whole = g.op("Mul", g.op("Cast", name, to=TensorProto.FLOAT), name + ".scale")
        return g.op("Cast", g.op("Reshape", whole, g.const([0, -1])), to=self.type)

    def matrix(self, name, whole):
        """What product multiplies by, from the matrix as it is."""
        g = self.g
        if self.rounds:
            whole = g.op("Cast", name, to=self.type)
            self.scales[name] = g.op("Reshape", name + ".scale", g.const([-1]))
        return g.op("Transpose", whole, perm=[1, 0])

    def product(self, g, x, name):
        """x [..., k] @ the transpose of a stored matrix [n, k].

        Where the graph rounds, x is rounded to whole numbers as export.ByRow does it, and they are
        multiplied in float32, whose sums of them are exact up to 2^24 (k of 2096): the bits are those of integers.
        """
        if not self.rounds:
            return g.op("MatMul", x, self.w[name])
        largest = g.op("ReduceMax", g.op("Abs", x), g.const([-1]), keepdims=1)
        scale = g.op("Add", g.op("Mul", largest, g.const(1 / ByRow.ROUNDED, np.float32)), g.const(ByRow.LEAST, np.float32))
        y = g.op("MatMul", g.op("Round", g.op("Div", x, scale)), self.w[name])
        return g.op("Mul", g.op("Mul", y, self.scales[name]), scale)

    def rms(self, g, x, width):
        return g.op("SimplifiedLayerNormalization", x, self.ones[width], axis=-1, epsilon=EPSILON)

    def add_rms(self, g, x, delta):
        """rms(x + delta) and x + delta."""
        names = [f"{g.prefix}norm_{len(g.nodes)}", "", "", f"{g.prefix}sum_{len(g.nodes)}"]
        return g.op("SkipSimplifiedLayerNormalization", x, delta, self.ones[self.c["d_model"]], domain=MS, outputs=names, epsilon=EPSILON)

    def rotation(self, g, positions):
        """The angles of positions [B, n], for rotate."""
        shape = g.op("Shape", positions)
        every = g.op("Reshape", g.op("Range", g.const(0), g.op("Size", positions), g.const(1)), shape)
        angle = g.op("Mul", g.op("Cast", g.op("Reshape", positions, g.const([-1, 1])), to=TensorProto.FLOAT), self.frequency)
        cos, sin = (g.op("Cast", g.op(f, angle), to=self.type) for f in ("Cos", "Sin"))
        return every, cos, sin

    def rotate(self, g, x, angles):
        """Rotates x [B, n, heads, hd] by what rotation returned."""
        rows = g.op("Reshape", x, g.const([0, 0, -1]))
        return g.op("Reshape", g.op("RotaryEmbedding", rows, *angles, domain=MS), g.const([0, 0, -1, self.c["head_dim"]]))

    def heads(self, g, h, i):
        """q [B, n, heads, hd], k and v [B, n, kvs, hd] of layer i; q and k normed, not rotated."""
        hd = self.c["head_dim"]
        parts = g.const([self.c["n_head"] * hd, self.c["n_kv"] * hd, self.c["n_kv"] * hd])
        split = g.op("Split", self.product(g, h, f"layers.{i}.wqkv"), parts, outputs=3, axis=2)
        q, k, v = (g.op("Reshape", x, g.const([0, 0, -1, hd])) for x in split)
        return self.rms(g, q, hd), self.rms(g, k, hd), v

    def spread(self, g, *parts):
        """Keys or values as attend takes them, [B, T, ...]: parts [B, T, kvs, e] beside each other.

        MultiHeadAttention knows no groups: each key-value head stands there once for
        each of its query heads.
        """
        times = self.c["n_head"] // self.c["n_kv"] if self.attention == "mha" else 1
        parts = parts * times
        x = g.op("Concat", *parts, axis=3) if len(parts) > 1 else parts[0]
        return g.op("Reshape", x, g.const([0, 0, -1]))

    def attend(self, g, q, k, v, bias=None, causal=False):
        """Attention of q [B, n, heads, e] over what spread returned; -> [B, n, heads*hd].

        bias [B, 1, n, T] is added to the scores; causal needs n = T.
        """
        c = self.c
        scale, heads, kvs = 1 / math.sqrt(c["head_dim"]), c["n_head"], c["n_kv"]
        rows = g.op("Reshape", q, g.const([0, 0, -1]))
        if self.attention == "onnx":
            return g.op("Attention", rows, k, v, *([bias] if bias else []), scale=scale, is_causal=int(causal), q_num_heads=heads, kv_num_heads=kvs)
        if self.attention == "mha":
            extra = ["", "", bias] if bias else []  # no bias of the projections, no padding mask
            return g.op("MultiHeadAttention", rows, k, v, *extra, domain=MS, num_heads=heads, scale=scale, unidirectional=int(causal))
        group = heads // kvs

        def by_head(x, n):  # [B, T, n*e] -> [B, n, T, e]
            return g.op("Transpose", g.op("Reshape", x, g.const([0, 0, n, -1])), perm=[0, 2, 1, 3])

        k, v = by_head(k, kvs), by_head(v, kvs)
        q = g.op("Reshape", by_head(rows, heads), g.op("Concat", g.const([0, kvs, -1]), g.op("Shape", k, start=3), axis=0))
        s = g.op("FusedMatMul", q, k, domain=MS, transB=1, alpha=scale)
        if causal:
            n = g.op("Squeeze", g.op("Shape", k, start=2, end=3))
            index = g.op("Range", g.const(0), n, g.const(1))
            seen = g.op("LessOrEqual", index, g.op("Unsqueeze", index, g.const([1])))
            bias = g.op("Where", seen, g.const(0, self.real), g.const(self.masked, self.real))
            bias = g.op("Concat", *[bias] * group, axis=0)
        else:
            bias = g.op("Concat", *[bias] * group, axis=2)
        mixed = g.op("MatMul", g.op("Softmax", g.op("Add", s, bias), axis=-1), v)
        mixed = g.op("Reshape", mixed, g.const([0, heads, -1, c["head_dim"]]))
        return g.op("Reshape", g.op("Transpose", mixed, perm=[0, 2, 1, 3]), g.const([0, 0, -1]))

    def rest(self, g, x, mixed, i):
        """The layer after its attention: rms of the sum, and the sum."""
        h, x = self.add_rms(g, x, self.product(g, mixed, f"layers.{i}.wo"))
        gate, up = g.op("Split", self.product(g, h, f"layers.{i}.wgu"), outputs=2, axis=-1, num_outputs=2)
        inner = g.op("Mul", g.op("QuickGelu", gate, domain=MS, alpha=1.0), up)  # alpha 1 is silu
        return self.add_rms(g, x, self.product(g, inner, f"layers.{i}.wd"))

    def embed(self, g, tokens, role):
        x = self.rms(g, g.op("Add", g.op("Gather", self.emb, tokens), g.op("Gather", self.roles, g.const([role]))), self.c["d_model"])
        return x, self.rms(g, x, self.c["d_model"])

    def logits(self, g, h):
        """[..., d] -> float32 [..., vocab]"""
        return g.op("Cast", self.product(g, h, "emb"), to=TensorProto.FLOAT)

    def stream(self, tokens, role, whole=False):
        """Keys (rotated) and values [B, n, kvs, hd] of each layer of a stream [B, n].

        Padding stands at the end, where nothing that counts sees it. whole returns
        what the head reads [B, n, d] as well; canvases do not need it.
        """
        g = self.g
        index = g.op("Range", g.const(0), g.op("Squeeze", g.op("Shape", tokens, start=1, end=2)), g.const(1))
        angles = self.rotation(g, g.op("Expand", index, g.op("Shape", tokens)))
        x, h = self.embed(g, tokens, role)
        out, last = [], self.c["n_layer"] - 1
        for i in range(last + 1):
            q, k, v = self.heads(g, h, i)
            k = self.rotate(g, k, angles)
            out.append((k, v))
            if i < last or whole:
                h, x = self.rest(g, x, self.attend(g, self.rotate(g, q, angles), self.spread(g, k), self.spread(g, v), causal=True), i)
        return (out, h) if whole else out


class Denoiser:
    """Steps of docs/model.md's decoding over canvases [B, N, C]."""

    def __init__(self, net, glyphs):
        self.net, self.g, self.c, self.k = net, net.g, net.c, net.c["top_k"]
        g = self.g

        def solid(tokens):
            return g.op("Not", g.op("Equal", tokens, g.const(PAD)))

        def count(flags):
            return g.op("ReduceSum", g.op("Cast", flags, to=TensorProto.INT64), g.const([-1]), keepdims=1)

        def flat(x):  # [B, N, C] -> [B, N*C]
            return g.op("Reshape", x, g.const([0, -1]))

        left, right = self.streams = [self.trimmed(n) if net.rounds else n for n in ("left", "right")]
        self.shape = g.op("Shape", "slots")
        canvases, slots = g.op("Shape", "slots", start=1, end=2), g.op("Shape", "slots", start=2, end=3)
        self.real = solid("slots")
        self.index = g.op("Range", g.const(0), g.op("Squeeze", slots), g.const(1))
        j = g.op("Expand", self.index, self.shape)

        def beside(tokens):  # how many, [B, 1, 1]
            return g.op("Unsqueeze", count(solid(tokens)), g.const([2]))

        pos_a = flat(g.op("Add", beside(left), j))
        pos_b = flat(g.op("Sub", g.op("Add", beside(right), g.op("Sub", count(self.real), g.const(1))), j))
        self.frames = net.rotation(g, pos_a), net.rotation(g, pos_b)

        self.no_keys = self.no_values = None  # where canvases are one sequence
        # One attention for two frames: queries are [frame A | frame B], keys have zeros in the other's half.
        self.past = []
        self.nothing = self.zeros(g.op("Shape", pos_a))
        empty_a, empty_b = self.zeros(g.op("Shape", left)), self.zeros(g.op("Shape", right))
        for (ka, va), (kb, vb) in zip(net.stream(left, 0), net.stream(right, 1)):
            keys = g.op("Concat", net.spread(g, ka, empty_a), net.spread(g, empty_b, kb), axis=1)
            self.past.append((keys, g.op("Concat", net.spread(g, va), net.spread(g, vb), axis=1)))

        if net.rounds:
            self.set_apart(g.op("Concat", solid(left), solid(right), axis=1))
        else:
            # Who sees whom: [B, 1, N*C, P+Q+N*C]. A canvas sees both streams and itself, never another.
            owner = g.op("Range", g.const(0), g.op("Squeeze", canvases), g.const(1))
            owner = g.op("Reshape", g.op("Expand", g.op("Unsqueeze", owner, g.const([1])), g.op("Concat", canvases, slots, axis=0)), g.const([-1]))
            same = g.op("Equal", owner, g.op("Unsqueeze", owner, g.const([1])))  # [N*C, N*C]
            own = g.op("And", same, g.op("Unsqueeze", flat(self.real), g.const([1])))  # [B, N*C, N*C]
            past = g.op("Unsqueeze", g.op("Concat", solid(left), solid(right), axis=1), g.const([1]))  # [B, 1, P+Q]
            past = g.op("Expand", past, g.op("Concat", g.const([1]), g.op("Shape", own, start=1, end=2), g.const([1]), axis=0))
            seen = g.op("Unsqueeze", g.op("Concat", past, own, axis=2), g.const([1]))
            self.bias = g.op("Where", seen, g.const(0, net.real), g.const(net.masked, net.real))

        def each(name):  # [B, 1] or [B, N] -> [B, 1 or N, 1]
            return g.op("Unsqueeze", name, g.const([2]))

        self.threshold, self.floor, self.limit = (each(n) for n in ("threshold", "floor", "limit"))
        # An end may be chosen where the glyph is at least ...: a line break is one in a hole of one line.
        oneline = g.op("Equal", "multiline", g.const(0))
        self.least_end = g.op("Unsqueeze", g.op("Where", oneline, g.const(BREAK), g.const(END)), g.const([2, 3]))
        table = np.array(glyphs)
        table[DELETE] = END
        self.glyphs = g.const(table, np.int64)
        self.banned = g.op("Unsqueeze", "banned", g.const([3]))  # [B, N, C, 1, X]
        end_banned = g.op("Cast", g.op("Equal", "banned", g.const(DELETE)), to=TensorProto.FLOAT)
        end_banned = self.some(g, g.op("ReduceSum", end_banned, g.const([-1]), keepdims=0))
        self.may_end = g.op("Not", g.op("Or", g.op("Less", j, each("told")), end_banned))
        # 1 if each step has noise of its own, 0 if all share the first.
        drawn = g.op("Greater", g.op("Shape", "noise", start=1, end=2), g.const(1))
        self.drawn = g.op("Squeeze", g.op("Cast", drawn, to=TensorProto.INT64), g.const([0]))

    def zeros(self, shape):
        """[B, n] -> zeros [B, n, kvs, hd]."""
        g = self.g
        whole = g.op("Concat", shape, g.const([self.c["n_kv"], self.c["head_dim"]]), axis=0)
        return g.op("Expand", g.const(np.zeros((1, 1, 1, 1)), self.net.real), whole)

    def trimmed(self, name):
        """A stream without the padding that all requests have: alone, a request is as the stepwise graph sees it."""
        g = self.g
        lengths = g.op("ReduceSum", g.op("Cast", g.op("Greater", name, g.const(PAD)), to=TensorProto.INT64), g.const([1]), keepdims=0)
        return g.op("Slice", name, g.const([0]), g.op("Max", g.op("ReduceMax", lengths, keepdims=1), g.const([1])), g.const([1]))

    def set_apart(self, seen):
        """Makes canvases sequences of their own, with a row of scores each as the stepwise graph has it.

        seen [B, P+Q] is what is not padding. As one sequence, which shares the keys of its streams,
        they are faster, but sum in another order.
        """
        g, net = self.g, self.net
        canvases, slots = g.op("Shape", "slots", start=1, end=2), g.op("Shape", "slots", start=2, end=3)

        def by_canvas(x):  # [B, T, ...] -> [B*N, T, ...]
            every = g.op("Expand", g.op("Unsqueeze", x, g.const([1])), g.op("Concat", g.const([1]), canvases, g.op("Shape", x, start=1), axis=0))
            return g.op("Reshape", every, g.op("Concat", g.const([-1]), g.op("Shape", x, start=1), axis=0))

        self.past = [(by_canvas(k), by_canvas(v)) for k, v in self.past]
        own = g.op("Reshape", self.real, g.op("Concat", g.const([-1]), slots, axis=0))
        lacking = g.op("Mod", g.op("Neg", g.op("Add", g.op("Shape", seen, start=1, end=2), slots)), g.const([LANES]))
        rows = g.op("Shape", own, start=0, end=1)

        def fill(like):  # zeros [B*N, lacking, ...]
            return g.op("Expand", g.const(0, net.real), g.op("Concat", rows, lacking, g.op("Shape", like, start=2), axis=0))

        self.no_keys, self.no_values = (fill(x) for x in self.past[0])
        nothing = g.op("Expand", g.const(False, np.bool_), g.op("Concat", rows, lacking, axis=0))
        seen = g.op("Unsqueeze", g.op("Concat", by_canvas(seen), own, nothing, axis=1), g.const([1, 2]))  # [B*N, 1, 1, T]
        bias = g.op("Where", seen, g.const(0, net.real), g.const(net.masked, net.real))
        self.bias = g.op("Expand", bias, g.op("Concat", g.const([1, 1]), slots, g.const([1]), axis=0))
        self.apart = g.op("Concat", g.const([-1]), slots, axis=0)  # [B*N, C]
        self.together = g.op("Concat", g.op("Shape", "slots", start=0, end=1), g.const([-1]), axis=0)  # [B, N*C]

    def parted(self, g, x):  # [B, N*C, ...] -> [B*N, C, ...]
        return g.op("Reshape", x, g.op("Concat", self.apart, g.op("Shape", x, start=2), axis=0))

    def joined(self, g, past, own, rest):
        """Keys or values of the streams and those of the canvases [B, N*C, e]."""
        if not self.net.rounds:
            return g.op("Concat", past, own, axis=1)
        return g.op("Concat", past, self.parted(g, own), rest, axis=1)

    def attend(self, g, q, keys, values):
        """Attention of q [B, N*C, heads, e] over what joined returned; -> [B, N*C, heads*hd]."""
        if not self.net.rounds:
            return self.net.attend(g, q, keys, values, self.bias)
        mixed = self.net.attend(g, self.parted(g, q), keys, values, self.bias)
        return g.op("Reshape", mixed, g.op("Concat", self.together, g.op("Shape", mixed, start=2), axis=0))

    def predict(self, g, slots):
        """Candidates [B, N, C, K] with their log-probabilities, and quality [B, N, C]."""
        net = self.net
        x, h = net.embed(g, g.op("Reshape", slots, g.const([0, -1])), CANVAS)
        frame_a, frame_b = self.frames
        for i in range(self.c["n_layer"]):
            q, k, v = net.heads(g, h, i)
            q = g.op("Concat", net.rotate(g, q, frame_a), net.rotate(g, q, frame_b), axis=3)
            keys = self.joined(g, self.past[i][0], net.spread(g, net.rotate(g, k, frame_a), self.nothing), self.no_keys)
            values = self.joined(g, self.past[i][1], net.spread(g, v), self.no_values)
            h, x = net.rest(g, x, self.attend(g, q, keys, values), i)
        logp, ids = g.op("TopK", g.op("LogSoftmax", net.logits(g, h), axis=-1), g.const([self.k]), outputs=2, axis=-1)
        score = g.op("MatMul", g.op("Cast", h, to=TensorProto.FLOAT), "quality.w")
        quality = g.op("Reshape", g.op("Sigmoid", g.op("Add", score, "quality.b")), self.shape)
        wide = g.op("Concat", self.shape, g.const([self.k]), axis=0)
        return g.op("Reshape", ids, wide), g.op("Reshape", logp, wide), quality

    # --- flags over [B, N, C]; sums along C stand for loops over slots ---

    def along(self, g, flags, reverse=0):
        """How many of flags are set up to and with each slot (from it on, in reverse)."""
        return g.op("CumSum", g.op("Cast", flags, to=TensorProto.FLOAT), g.const(2), reverse=reverse)

    def some(self, g, count):
        return g.op("Greater", count, g.const(0, np.float32))

    def first(self, g, flags):
        return g.op("And", flags, g.op("Equal", self.along(g, flags), g.const(1, np.float32)))

    def none_behind(self, g, flags):
        """Where none of flags stands, nor anywhere behind."""
        return g.op("Equal", self.along(g, flags, reverse=1), g.const(0, np.float32))

    def is_text(self, g, slots):
        return g.op("Greater", slots, g.const(DELETE))  # pad, mask and delete are below

    def pick(self, g, ids, logp, noise, open_):
        """Token, log-probability and rank of the best admissible candidate of each slot; Mask for none.

        open_ tells the slots with no text behind them, which may end the answer.
        """
        glyph = g.op("Gather", self.glyphs, ids)
        ends = g.op("GreaterOrEqual", glyph, self.least_end)
        end_p = g.op("ReduceSum", g.op("Where", ends, g.op("Exp", logp), g.const(0, np.float32)), g.const([-1]), keepdims=0)
        banned = g.op("Cast", g.op("Equal", g.op("Unsqueeze", ids, g.const([4])), self.banned), to=TensorProto.FLOAT)
        banned = self.some(g, g.op("ReduceSum", banned, g.const([-1]), keepdims=0))
        out = g.op("Or", g.op("Or", ends, banned), g.op("Equal", glyph, g.const(CONTROL)))
        draws, end_draw = g.op("Split", noise, g.const([self.k, 1]), outputs=2, axis=-1)
        ranks = g.op("Where", out, g.const(NEVER, np.float32), g.op("Add", logp, draws))
        rank, at = g.op("TopK", ranks, g.const([1]), outputs=2, axis=-1)

        def chosen(x):
            return g.op("Squeeze", g.op("GatherElements", x, at, axis=3), g.const([3]))

        rank = g.op("Squeeze", rank, g.const([3]))
        none = g.op("LessOrEqual", rank, g.const(NEVER, np.float32))
        end_logp = g.op("Log", end_p)  # minus infinity without an end, which is above no rank
        end_rank = g.op("Add", end_logp, g.op("Squeeze", end_draw, g.const([3])))
        ending = g.op("And", g.op("And", self.may_end, open_), g.op("Greater", end_rank, rank))
        token = g.op("Where", none, g.const(MASK), chosen(ids))
        return (g.op("Where", ending, g.const(DELETE), token), g.op("Where", ending, end_logp, chosen(logp)), g.op("Where", ending, end_rank, rank))

    def end_from(self, g, slots, settled, end, logp):
        """Deletes everything from the first of end on; only that one counts in the score."""
        behind = g.op("And", self.some(g, self.along(g, end)), self.real)
        settled = g.op("Where", behind, g.const(0, np.float32), settled)
        return g.op("Where", behind, g.const(DELETE), slots), g.op("Where", self.first(g, end), logp, settled)

    def settle(self, g, slots, settled, masked, final, open_, token, logp, rank):
        """Settles what reaches the threshold, at least the surest, and an end only at the front; all in the last step."""
        is_end, nothing = g.op("Equal", token, g.const(DELETE)), g.op("Equal", token, g.const(MASK))
        sure = g.op("GreaterOrEqual", rank, self.threshold)
        front = self.first(g, masked)
        behind_front = g.op("And", masked, g.op("Not", front))
        sure_end = g.op("And", g.op("And", masked, is_end), sure)
        waits = self.some(g, self.along(g, g.op("And", sure_end, behind_front)))  # behind a likely end
        able = g.op("And", masked, g.op("Not", g.op("Or", waits, g.op("And", behind_front, is_end))))
        _, best = g.op("TopK", g.op("Where", able, rank, g.const(2 * NEVER, np.float32)), g.const([1]), outputs=2, axis=-1)
        top = g.op("Or", final, g.op("And", able, g.op("Equal", self.index, best)))
        # A slot for which nothing is admissible ends the answer, unless text stands behind it.
        ends = g.op("Or", is_end, nothing)
        end = g.op("And", g.op("And", g.op("And", masked, top), ends), open_)
        text = g.op("And", g.op("And", masked, g.op("Not", ends)), g.op("Or", top, g.op("And", able, sure)))
        end_logp = g.op("Where", nothing, g.const(UNLIKELY, np.float32), logp)
        slots, settled = g.op("Where", text, token, slots), g.op("Where", text, logp, settled)
        slots, settled = self.end_from(g, slots, settled, end, end_logp)
        # What is at the front now may be a sure end as well.
        front = self.first(g, g.op("Equal", slots, g.const(MASK)))
        end = g.op("And", g.op("And", front, sure_end), self.none_behind(g, self.is_text(g, slots)))
        return self.end_from(g, slots, settled, end, logp)

    def doubt(self, g, slots, settled, remasked, shown, quality):
        again = g.op("And", g.op("And", shown, g.op("Less", quality, self.floor)), g.op("Less", remasked, g.const(REMASK_LIMIT)))
        return (g.op("Where", again, g.const(MASK), slots), g.op("Where", again, g.const(0, np.float32), settled),
                g.op("Add", remasked, g.op("Cast", again, to=TensorProto.INT64)))

    def alive(self, g, slots, step):
        """Which canvases [B, N, 1] take the given step."""
        masks = g.op("Cast", g.op("Equal", slots, g.const(MASK)), to=TensorProto.FLOAT)
        return g.op("And", self.some(g, g.op("ReduceSum", masks, g.const([2]), keepdims=1)), g.op("Less", step, self.limit))

    def step(self, g, number, live, state):
        """One denoising step; returns who is alive after it, and the state.

        number is an int64 scalar, 0 for the first. What is not alive has nothing
        masked and nothing shown, so nothing of it changes.
        """
        slots, settled, remasked, steps, forwards = state
        ids, logp, quality = self.predict(g, slots)
        text = self.is_text(g, slots)
        masked = g.op("And", g.op("Equal", slots, g.const(MASK)), live)
        open_ = self.none_behind(g, text)
        noise = g.op("Gather", "noise", g.op("Reshape", g.op("Mul", number, self.drawn), g.const(np.zeros(0))), axis=1)
        next_ = g.op("Add", number, g.const(1))
        final = g.op("Equal", next_, self.limit)
        slots, settled = self.settle(g, slots, settled, masked, final, open_, *self.pick(g, ids, logp, noise, open_))
        shown = g.op("And", text, g.op("And", live, g.op("Not", final)))
        slots, settled, remasked = self.doubt(g, slots, settled, remasked, shown, quality)
        taken = g.op("Cast", g.op("Squeeze", live, g.const([2])), to=TensorProto.INT64)
        some = g.op("Greater", g.op("ReduceSum", taken, g.const([1]), keepdims=1), g.const(0))
        state = slots, settled, remasked, g.op("Add", steps, taken), g.op("Add", forwards, g.op("Cast", some, to=TensorProto.INT64))
        return self.alive(g, slots, next_), state

    def more(self, g, live):
        """Whether any canvas is alive: a bool scalar."""
        flags = g.op("Cast", g.op("Reshape", live, g.const([-1])), to=TensorProto.FLOAT)
        return g.op("Squeeze", self.some(g, g.op("ReduceSum", flags, g.const([0]), keepdims=1)), g.const([0]))


def build(stored, config, metadata, glyphs, half=False, attention=None, unroll=0):
    """The ModelProto without the weights.

    stored is what stored_of says of model.onnx; unroll is the number of steps to
    lay out one after the other, 0 for a loop that ends as soon as all is settled.
    """
    g = Graph("fused_const")
    net = Network(g, stored, config, half, attention or DEFAULT_ATTENTION[half])
    d = Denoiser(net, glyphs)
    zero = g.op("Sub", "limit", "limit")
    state = ["slots", "settled", "remasked", g.op("Mul", "told", g.const(0)), zero]
    live = d.alive(g, "slots", g.const(0))
    if unroll:
        for number in range(unroll):
            live, state = d.step(g, g.const(number), live, state)
        for (name, _, _), tensor in zip(STATE, state):
            g.op("Identity", tensor, outputs=[f"{name}_out"])
    else:
        body = Body(g)
        inner = [f"body_{name}" for name, _, _ in STATE]
        alive, after = d.step(body, "body_number", "body_live", inner)
        again = d.more(body, alive)
        flags = ("live", TensorProto.BOOL, ["B", "N", 1])
        scalar = [("body_number", TensorProto.INT64, []), ("body_again", TensorProto.BOOL, []), ("body_live", *flags[1:])]
        graph = helper.make_graph(
            body.nodes, "step",
            inputs=[helper.make_tensor_value_info(*v) for v in scalar + [(n, t, s) for n, (_, t, s) in zip(inner, STATE)]],
            outputs=[helper.make_tensor_value_info(again, TensorProto.BOOL, []), helper.make_tensor_value_info(alive, *flags[1:])] + [
                helper.make_tensor_value_info(a, t, s) for a, (_, t, s) in zip(after, STATE)])
        outputs = ["live_out"] + [f"{n}_out" for n, _, _ in STATE]
        g.op("Loop", "", d.more(g, live), live, *state, outputs=outputs, body=graph)
    graph = helper.make_graph(
        g.nodes, "lacuna-fused",
        inputs=[helper.make_tensor_value_info(*v) for v in INPUTS],
        outputs=[helper.make_tensor_value_info(f"{n}_out", t, s) for n, t, s in STATE],
        initializer=g.initializers)
    model = helper.make_model(graph, producer_name="lacuna", ir_version=IR_VERSION, opset_imports=[
        helper.make_opsetid("", OPSET), helper.make_opsetid(MS, 1)])
    helper.set_model_props(model, metadata | {"lacuna.fused": str(FORMAT)})
    return model


def weights_of(model):
    """The initializers of model.onnx that are weights, as a graph of their own."""
    return onnx.GraphProto(initializer=[i for i in model.graph.initializer if not i.name.startswith(("const_", "ones."))])


def join(fused, model):
    """A fused graph with the weights of model.onnx: bytes that ONNX Runtime loads."""
    return fused.SerializeToString(deterministic=True) + onnx.ModelProto(graph=weights_of(model)).SerializeToString(deterministic=True)


def glyphs_of(tokenizer, vocab):
    """What decoding must know of each token's text, from tokenizer.json."""
    data = json.loads(Path(tokenizer).read_text())
    glyphs = np.full(vocab, CONTROL, np.int64)
    for text, id in data["model"].get("vocab", {}).items():
        glyphs[id] = BREAK if text[0] in "\u010a\u010d" else TEXT  # byte-level BPE writes \n and \r so
    for token in data.get("added_tokens", []):
        glyphs[token["id"]] = CONTROL
    return glyphs


def stored_of(model):
    """The shape of each initializer's scales, () without: [rows, blocks, 1] of export.Folded, [rows, 1] of ByRow."""
    shapes = {i.name: tuple(i.dims) for i in model.graph.initializer}
    return {n: shapes.get(n + ".scale", ()) for n in shapes}


def of_bundle(folder, **options):
    """Builds the fused graph of a bundle; returns (fused, model)."""
    model = onnx.load(Path(folder) / "model.onnx")
    metadata = {p.key: p.value for p in model.metadata_props}
    config = json.loads(metadata["lacuna.config"])
    return build(stored_of(model), config, metadata, glyphs_of(Path(folder) / "tokenizer.json", config["vocab"]), **options), model


def write(folder, **options):
    """Writes the fused graphs of a bundle and lists them in its manifest."""
    folder = Path(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    for file, half in FILES.items():
        fused, _ = of_bundle(folder, half=half, **options)
        data = fused.SerializeToString(deterministic=True)
        (folder / file).write_bytes(data)
        manifest["files"][file] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, help="folder with model.onnx, tokenizer.json and manifest.json")
    parser.add_argument("--attention", choices=ATTENTIONS, help="operator of attention; default: plain for CPUs, mha for CUDA")
    parser.add_argument("--unroll", type=int, default=0, metavar="STEPS", help="lay out so many steps instead of a loop")
    args = parser.parse_args()
    write(args.bundle, attention=args.attention, unroll=args.unroll)
    for file in FILES:
        print(f"{args.bundle / file}: {(args.bundle / file).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
