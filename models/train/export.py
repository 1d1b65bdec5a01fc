"""Export a checkpoint to the bundle that the program embeds.

    python models/train/export.py --checkpoint out/run1 --tokenizer out/tokenizer.json --out models/small

--checkpoint is a folder with weights.npz and config.json. The graph is built
node by node with onnx.helper, so neither PyTorch nor a tracer stands between
docs/model.md, which is the contract, and the file. The same input gives the
same bytes.

weights.npz holds float32 arrays, all used as x @ W: emb [vocab, d_model],
role [3, d_model], and for each layer i layers.{i}.wq [d_model, n_head*head_dim],
.wk and .wv [d_model, n_kv*head_dim], .wo [n_head*head_dim, d_model], .wg and
.wu [d_model, ffn], .wd [ffn, d_model]; quality.w [d_model], quality.b [].
"""

import argparse
import hashlib
import json
import math
import shutil
from functools import partial
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FORMAT = 1  # of the bundle and of the ONNX contract
OPSET = 20  # new enough for every operator used, old enough for ONNX Runtime 1.24
IR_VERSION = 10  # what goes with that opset
PAD = 0  # docs/model.md: special tokens have fixed ids
CANVAS = 2  # the role that attends in both directions
ROPE_BASE = 10000.0
EPSILON = 1e-6
MASKED = -1e9  # finite: a row that is nothing but padding stays a number
MS = "com.microsoft"
LANES = 64  # sums in softmax go round at most so many lanes: of float32, 4 registers of 16

CONFIG_KEYS = ("d_model", "n_layer", "n_head", "n_kv", "head_dim", "ffn", "vocab", "top_k",
               "left_window", "right_window", "canvases")
# Left out when absent. snippets: models from before there were any; objective: "fim" or
# "bidirectional" for the baselines of one stream, docs/model.md.
OPTIONAL_KEYS = ("snippets", "objective")


class Graph:
    """Collects nodes and initializers; every method returns tensor names."""

    prefix = ""  # of the names of tensors

    def __init__(self, constants="const"):
        self.nodes, self.initializers, self.seen = [], [], {}
        self.constants = constants  # what their names begin with

    def op(self, kind, *inputs, outputs=1, domain="", **attributes):
        """Adds a node. outputs is a number, or a list with "" for unwanted ones."""
        base = f"{kind}_{len(self.nodes)}"
        if isinstance(outputs, int):
            outputs = [f"{base}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), outputs, name=base, domain=domain, **attributes))
        wanted = [o for o in outputs if o]
        return wanted[0] if len(wanted) == 1 else wanted

    def weight(self, name, array):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def const(self, value, dtype=np.int64):
        """A small constant; equal ones are stored once."""
        array = np.asarray(value, dtype=dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.seen:
            self.seen[key] = self.weight(f"{self.constants}_{len(self.seen)}", array)
        return self.seen[key]


class Full:
    """A matrix [rows, width] stored as it is in fp32: rows of it, and x @ its transpose."""

    def __init__(self, g, name, w):
        self.g, self.stored = g, g.weight(name, w.astype(np.float32))

    def rows(self, ids):
        return self.g.op("Gather", self.stored, ids)

    def product(self, x):
        return self.g.op("MatMul", x, self.g.op("Transpose", self.stored, perm=[1, 0]))


BLOCK = 32  # weights that share a scale; 64 saves 5 % of the file and costs a tenth in error


def blocks_of(name, w):
    """w [rows, width] -> [rows, width / BLOCK, BLOCK]"""
    rows, width = w.shape
    if width % BLOCK:
        raise SystemExit(f"{name} is {width} wide, not a multiple of {BLOCK}: export it with --precision fp32")
    return w.astype(np.float32).reshape(rows, width // BLOCK, BLOCK)


class Folded:
    """A matrix [rows, width] stored in 8 bits, one scale for BLOCK neighbours in a row; used like Full.

    ONNX Runtime folds the whole matrix back to float32 when it loads the model: small on
    the disk, the same results on every processor, and a product of float32.
    """

    def __init__(self, g, name, w):
        blocks = blocks_of(name, w)
        scales = np.abs(blocks).max(axis=2, keepdims=True) / 127
        scales[scales == 0] = 1
        self.g = g
        self.stored = g.weight(name, np.rint(blocks / scales).astype(np.int8))
        self.scale = g.weight(name + ".scale", scales)

    def multiplied_out(self, q, s, shape):
        return self.g.op("Reshape", self.g.op("Mul", self.g.op("Cast", q, to=TensorProto.FLOAT), s), self.g.const(shape))

    def rows(self, ids):  # [B, n]
        return self.multiplied_out(self.g.op("Gather", self.stored, ids), self.g.op("Gather", self.scale, ids), [0, 0, -1])

    def product(self, x):
        whole = self.multiplied_out(self.stored, self.scale, [0, -1])
        return self.g.op("MatMul", x, self.g.op("Transpose", whole, perm=[1, 0]))


class Packed:
    """A matrix [rows, width] that stays in 4 or 8 bits in memory too, one scale for BLOCK neighbours in a row.

    Used like Full. Products are MatMulNBits of ONNX Runtime: unsigned numbers, two of 4
    bits in a byte, the first in its lower half, around the middle of their range. At accuracy
    level 4 it rounds what is multiplied to 8 bits as well, by row and block, so that a row
    never depends on which others share the call; at 0 it multiplies in float32 (in 8 bits that takes
    three times as long as float32 weights do, so there is no such precision).
    """

    def __init__(self, g, name, w, bits, level):
        self.g, self.bits, self.level, self.shape = g, bits, level, w.shape
        blocks, middle = blocks_of(name, w), 1 << bits - 1
        # The largest weight of a block becomes exactly the lowest number, of which there is one more than above the middle.
        largest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2, keepdims=True), axis=2)
        scales = largest / -middle
        scales[scales == 0] = 1
        q = np.clip(np.rint(blocks / scales) + middle, 0, 2 * middle - 1).astype(np.uint8)
        if bits == 4:
            q = q[:, :, 0::2] | q[:, :, 1::2] << 4
        self.stored = g.weight(name, q)
        self.scale = g.weight(name + ".scale", scales[:, :, 0])

    def rows(self, ids):
        flat = self.g.op("Reshape", self.stored, self.g.const([0, -1]))
        return self.g.op("GatherBlockQuantized", flat, ids, self.scale, domain=MS, bits=self.bits, block_size=BLOCK, gather_axis=0, quantize_axis=1)

    def product(self, x):
        n, k = self.shape
        return self.g.op("MatMulNBits", x, self.stored, self.scale, domain=MS, K=k, N=n, bits=self.bits, block_size=BLOCK, accuracy_level=self.level)


class ByRow:
    """A matrix [rows, width] in 8 bits with one scale a row, multiplied as bytes; used like Full.

    What is multiplied is rounded too, by row (of one token), so that a row never depends
    on which others share the call; fused.py does it again. To 7 bits: where there is no VNNI the processor adds two products of an
    unsigned and a signed byte in 16 bits, and two of 127 * 127 still fit. So the sums are
    exact, and the same, everywhere.
    """

    LEVELS = 127
    ROUNDED = 63  # levels of what is multiplied
    MIDDLE = 64  # the unsigned byte that stands for its 0
    LEAST = 1e-12  # is added to its scale, which so is never 0

    def __init__(self, g, name, w):
        scales = np.abs(w).max(axis=1, keepdims=True).astype(np.float32) / self.LEVELS
        scales[scales == 0] = 1
        self.g, self.name = g, name
        self.stored = g.weight(name, np.rint(w / scales).astype(np.int8))
        self.scale = g.weight(name + ".scale", scales)

    def rows(self, ids):  # [B, n]
        q = self.g.op("Cast", self.g.op("Gather", self.stored, ids), to=TensorProto.FLOAT)
        return self.g.op("Mul", q, self.g.op("Gather", self.scale, ids))

    def product(self, x):
        g, real = self.g, lambda v: self.g.const(v, np.float32)
        largest = g.op("ReduceMax", g.op("Abs", x), g.const([-1]), keepdims=1)
        scale = g.op("Add", g.op("Mul", largest, real(1 / self.ROUNDED)), real(self.LEAST))
        middle = g.const(self.MIDDLE, np.uint8)
        q = g.op("QuantizeLinear", g.op("Div", x, scale), real(1), middle)
        across = g.op("Transpose", self.stored, perm=[1, 0])
        y = g.op("MatMulIntegerToFloat", q, across, real(1), g.op("Reshape", self.scale, g.const([-1])), middle, domain=MS)
        return g.op("Mul", y, scale)


# Of the weights, by the name in the manifest. docs/benchmarks.md has what each costs.
PRECISIONS = {
    "fp32": Full,
    "int8": Folded,
    "rows8": ByRow,
    "nbits8": partial(Packed, bits=8, level=4),
    "nbits4": partial(Packed, bits=4, level=4),
    "nbits4-fp32": partial(Packed, bits=4, level=0),
}
FUSABLE = ("fp32", "int8", "rows8")  # what fused.py can read and multiplies out; a bundle without is for the CPU


def build(weights, config, name, tokenizer_sha256, store):
    """Returns the ModelProto of docs/model.md; store is one of PRECISIONS."""
    c = config
    d, layers, heads, kvs, hd = c["d_model"], c["n_layer"], c["n_head"], c["n_kv"], c["head_dim"]
    group = heads // kvs  # query heads that share a key-value head
    g = Graph()
    # Rounding makes a step of one level out of a difference in the last bit. So that a stream has
    # the same bits in one piece and in many, each of its sums is in the order of its tokens:
    # one product over past and present values instead of one for each, and rows of
    # scores that end where the lanes of softmax do.
    in_order = store is ByRow

    ones = {width: g.weight(f"ones.{width}", np.ones(width, np.float32)) for width in sorted({d, hd})}

    def rms(x, width):
        return g.op("SimplifiedLayerNormalization", x, ones[width], axis=-1, epsilon=EPSILON)

    def add_rms(x, delta):
        """Returns rms(x + delta) and x + delta."""
        return g.op("SkipSimplifiedLayerNormalization", x, delta, ones[d], domain=MS,
                    outputs=[f"norm_{len(g.nodes)}", "", "", f"sum_{len(g.nodes)}"], epsilon=EPSILON)

    # --- once a call: sizes, angles, mask, caches by layer ---

    n = g.op("Shape", "tokens", start=1, end=2)
    parts = g.op("Concat", g.op("Shape", "past_a", start=0, end=1), g.op("Shape", "past_b", start=0, end=1), n, axis=0)

    zero, one = g.const(0), g.const(1)
    count = g.op("Size", "tokens")
    every = g.op("Reshape", g.op("Range", zero, count, one), g.op("Shape", "tokens"))
    frequency = g.const(ROPE_BASE ** (-np.arange(hd // 2) / (hd // 2)), np.float32)

    def rotation(positions):
        """RotaryEmbedding wants a table of angles: here one row for each token of the call."""
        angle = g.op("Mul", g.op("Cast", g.op("Reshape", positions, g.const([-1, 1])), to=TensorProto.FLOAT), frequency)
        cos, sin = g.op("Cos", angle), g.op("Sin", angle)
        return lambda x: g.op("RotaryEmbedding", x, every, cos, sin, domain=MS)

    rope_a, rope_b = rotation("pos_a"), rotation("pos_b")

    index = g.op("Range", zero, g.op("Squeeze", n), one)
    causal = g.op("LessOrEqual", index, g.op("Unsqueeze", index, g.const([1])))  # [n, n]
    seen = g.op("Or", causal, g.op("Equal", "role", g.const(CANVAS)))
    solid = g.op("Not", g.op("Equal", "tokens", g.const(PAD)))
    seen = g.op("And", seen, g.op("Unsqueeze", solid, g.const([1])))
    bias = g.op("Where", seen, g.const(0, np.float32), g.const(MASKED, np.float32))  # [B, n, n]
    bias = g.op("Unsqueeze", g.op("Concat", *[bias] * group, axis=1), g.const([1]))  # [B, 1, group*n, n]

    def by_layer(past):
        """Cache [P, layers, 2, kvs, hd] -> for each layer k and v [kvs, P, hd]."""
        shape = g.op("Concat", g.const([layers * 2 * kvs]), g.op("Shape", past, start=0, end=1), g.const([hd]), axis=0)
        flat = g.op("Reshape", g.op("Transpose", past, perm=[1, 2, 3, 0, 4]), shape, allowzero=1)
        split = g.op("Split", flat, outputs=layers * 2, axis=0, num_outputs=layers * 2)
        return [(split[2 * i], split[2 * i + 1]) for i in range(layers)]

    past_a, past_b = by_layer("past_a"), by_layer("past_b")
    if in_order:
        total = g.op("ReduceSum", parts, g.const([0]))
        lacking = g.op("Mod", g.op("Neg", total), g.const([LANES]))
        batch = g.op("Shape", "tokens", start=0, end=1)
        each = g.op("Concat", batch, g.const([1, 1, 1]), axis=0)
        queries = g.op("Mul", n, g.const([group]))
        no_scores = g.op("Expand", g.const(MASKED, np.float32), g.op("Concat", batch, g.const([kvs]), queries, lacking, axis=0))
        no_values = g.op("Expand", g.const(0, np.float32), g.op("Concat", batch, g.const([kvs]), lacking, g.const([hd]), axis=0))

    def attention(i, qkv):
        """qkv [B, n, (heads + 2 kvs)*hd]; returns the mixed values [B, n, heads*hd], and k and v [B, kvs, n, hd]."""

        def scores(q, k):
            return g.op("FusedMatMul", q, k, domain=MS, transB=1, alpha=1 / math.sqrt(hd))

        def grouped(q):  # the queries of a key-value head under each other
            return g.op("Reshape", q, g.const([0, kvs, -1, hd]))

        by_head = g.op("Transpose", g.op("Reshape", qkv, g.const([0, 0, -1, hd])), perm=[0, 2, 1, 3])
        q, k, v = g.op("Split", by_head, g.const([heads, kvs, kvs]), outputs=3, axis=1)
        q, k = rms(q, hd), rope_a(rms(k, hd))
        qa, qb = grouped(rope_a(q)), grouped(rope_b(q))
        (key_a, value_a), (key_b, value_b) = past_a[i], past_b[i]
        s = scores(qa, key_a), scores(qb, key_b), g.op("Add", scores(qa, k), bias)
        if in_order:
            values = g.op("Concat", *(g.op("Expand", past, each) for past in (value_a, value_b)), v, no_values, axis=2)
            mixed = g.op("MatMul", g.op("Softmax", g.op("Concat", *s, no_scores, axis=3), axis=-1), values)
        else:
            p_a, p_b, p_self = g.op("Split", g.op("Softmax", g.op("Concat", *s, axis=3), axis=-1), parts, outputs=3, axis=3)
            mixed = g.op("Sum", g.op("MatMul", p_a, value_a), g.op("MatMul", p_b, value_b), g.op("MatMul", p_self, v))
        mixed = g.op("Transpose", g.op("Reshape", mixed, g.const([0, heads, -1, hd])), perm=[0, 2, 1, 3])
        return g.op("Reshape", mixed, g.const([0, 0, heads * hd])), k, v

    # --- the stack ---

    def linear(x, name, w):
        return store(g, name, w.T).product(x)

    emb = store(g, "emb", weights["emb"])
    role = g.op("Gather", g.weight("role_emb", weights["role"].astype(np.float32)), "role")
    x = rms(g.op("Add", emb.rows("tokens"), role), d)
    # A spare row, cut off at the end: ONNX Runtime 1.30 has operators that
    # refuse, misshape or crash on a matrix with no rows.
    rows = g.op("Concat", "rows", g.const([0]), axis=0)
    h = rms(x, d)
    cache = []
    for i in range(layers):
        w = {k: weights[f"layers.{i}.{k}"] for k in ("wq", "wk", "wv", "wo", "wg", "wu", "wd")}
        qkv = linear(h, f"layers.{i}.wqkv", np.concatenate([w["wq"], w["wk"], w["wv"]], axis=1))
        mixed, k, v = attention(i, qkv)
        cache += [k, v]
        if i == layers - 1:  # from here on only rows with a prediction matter; a stream has none
            mixed = g.op("Gather", g.op("Reshape", mixed, g.const([-1, heads * hd])), rows)
            x = g.op("Gather", g.op("Reshape", x, g.const([-1, d])), rows)
        h, x = add_rms(x, linear(mixed, f"layers.{i}.wo", w["wo"]))
        gate_up = linear(h, f"layers.{i}.wgu", np.concatenate([w["wg"], w["wu"]], axis=1))
        gate, up = g.op("Split", gate_up, outputs=2, axis=-1, num_outputs=2)
        inner = g.op("Mul", g.op("QuickGelu", gate, domain=MS, alpha=1.0), up)  # alpha 1 is silu
        h, x = add_rms(x, linear(inner, f"layers.{i}.wd", w["wd"]))

    # --- outputs ---

    def without_spare(x, name):
        g.op("Slice", x, g.const([0]), g.const([-1]), g.const([0]), outputs=[name])

    kv = g.op("Transpose", g.op("Concat", *cache, axis=1), perm=[0, 2, 1, 3])
    g.op("Reshape", kv, g.const([0, 0, layers, 2, kvs, hd]), outputs=["kv"])
    logp = g.op("LogSoftmax", emb.product(h), axis=-1)
    top_logp, top_ids = g.op("TopK", logp, g.const([c["top_k"]]), outputs=2, axis=-1)
    without_spare(top_logp, "top_logp")
    without_spare(top_ids, "top_ids")
    wanted = g.op("Unsqueeze", g.op("Concat", "targets", g.const([0]), axis=0), g.const([1]))
    without_spare(g.op("Squeeze", g.op("GatherElements", logp, wanted, axis=1), g.const([1])), "target_logp")
    score = g.op("MatMul", h, g.weight("quality.w", weights["quality.w"].astype(np.float32)))
    score = g.op("Add", score, g.weight("quality.b", weights["quality.b"].astype(np.float32)))
    without_spare(g.op("Sigmoid", score), "quality")

    i64, f32, kv = TensorProto.INT64, TensorProto.FLOAT, [layers, 2, kvs, hd]
    graph = helper.make_graph(
        g.nodes, "lacuna",
        inputs=[helper.make_tensor_value_info(*v) for v in (
            ("tokens", i64, ["B", "n"]), ("role", i64, [1]), ("pos_a", i64, ["B", "n"]), ("pos_b", i64, ["B", "n"]),
            ("past_a", f32, ["P", *kv]), ("past_b", f32, ["Q", *kv]), ("rows", i64, ["m"]), ("targets", i64, ["m"]))],
        outputs=[helper.make_tensor_value_info(*v) for v in (
            ("kv", f32, ["B", "n", *kv]), ("top_ids", i64, ["m", c["top_k"]]), ("top_logp", f32, ["m", c["top_k"]]),
            ("target_logp", f32, ["m"]), ("quality", f32, ["m"]))],
        initializer=g.initializers)
    model = helper.make_model(graph, producer_name="lacuna", ir_version=IR_VERSION, opset_imports=[
        helper.make_opsetid("", OPSET), helper.make_opsetid(MS, 1)])
    helper.set_model_props(model, {
        "lacuna.format": str(FORMAT), "lacuna.name": name, "lacuna.vocab_sha256": tokenizer_sha256,
        "lacuna.config": json.dumps(published(c), sort_keys=True)})
    return model


def published(config):
    """The part of a checkpoint's config.json that goes into the bundle."""
    return {k: config[k] for k in CONFIG_KEYS} | {k: config[k] for k in OPTIONAL_KEYS if k in config}


def check(weights, config):
    """Stops with a clear message when the checkpoint is not what it says."""
    missing = [k for k in CONFIG_KEYS if k not in config]
    if missing:
        raise SystemExit(f"config.json lacks {', '.join(missing)}")
    c = config
    if c["n_head"] % c["n_kv"] or c["head_dim"] % 2:
        raise SystemExit("config.json: n_head must be a multiple of n_kv, head_dim must be even")
    d, q, kv, ffn = c["d_model"], c["n_head"] * c["head_dim"], c["n_kv"] * c["head_dim"], c["ffn"]
    shapes = {"emb": (c["vocab"], d), "role": (3, d), "quality.w": (d,), "quality.b": ()}
    layer = {"wq": (d, q), "wk": (d, kv), "wv": (d, kv), "wo": (q, d), "wg": (d, ffn), "wu": (d, ffn), "wd": (ffn, d)}
    shapes |= {f"layers.{i}.{k}": s for i in range(c["n_layer"]) for k, s in layer.items()}
    for key, shape in shapes.items():
        if key not in weights:
            raise SystemExit(f"weights.npz lacks {key} {list(shape)}")
        if weights[key].shape != shape:
            raise SystemExit(f"weights.npz: {key} is {list(weights[key].shape)}, config.json makes it {list(shape)}")
    extra = set(weights) - set(shapes)
    if extra:
        raise SystemExit(f"weights.npz has arrays that no part of the model reads: {', '.join(sorted(extra))}")


def write_bundle(out, weights, config, tokenizer, name, precision, training):
    """Writes model.onnx, tokenizer.json, manifest.json and, but for baselines, the fused graphs into the folder out."""
    check(weights, config)
    out.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(tokenizer.read_bytes()).hexdigest()
    model = build(weights, config, name, digest, PRECISIONS[precision])
    (out / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    if tokenizer.resolve() != (out / "tokenizer.json").resolve():
        shutil.copyfile(tokenizer, out / "tokenizer.json")
    files = {}
    for file in ("model.onnx", "tokenizer.json"):
        data = (out / file).read_bytes()
        files[file] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    manifest = {"format": FORMAT, "name": name, "precision": precision, "files": files,
                "config": published(config), "training": training}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    if precision in FUSABLE and "objective" not in config:  # baselines are run step by step only
        import fused  # which builds on this module

        fused.write(out)
    return json.loads((out / "manifest.json").read_text())["files"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder with weights.npz and config.json")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--out", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--name", default="lacuna-small", help="what the model calls itself")
    parser.add_argument("--precision", choices=PRECISIONS, default="int8", help="of the weights (default %(default)s)")
    parser.add_argument("--training", type=Path, help="JSON file that goes into the manifest: data, steps, results")
    args = parser.parse_args()

    with np.load(args.checkpoint / "weights.npz") as archive:
        weights = dict(archive)
    config = json.loads((args.checkpoint / "config.json").read_text())
    training = json.loads(args.training.read_text()) if args.training else {}
    files = write_bundle(args.out, weights, config, args.tokenizer, args.name, args.precision, training)
    for file, entry in files.items():
        print(f"{args.out / file}: {entry['size']} bytes, sha256 {entry['sha256'][:12]}")


if __name__ == "__main__":
    main()
