"""The same weights read on from the left stream, token by token, in one call.

The baseline that the fused graph is measured against (measure_fused.py): greedy
decoding on the L head with a cache of keys and values that stays on the device, all
tokens in one call, batched. It is not part of a bundle.
"""

import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from fused import IR_VERSION, MS, OPSET, PAD, Body, Network, stored_of
from export import Graph

LEFT = 0  # the role


def build(stored, config, half=False, attention="plain"):
    """Inputs left [B, P] and count [1]; output tokens [B, count]."""
    g = Graph("fused_const")
    net = Network(g, stored, config, half, attention)
    past, h = net.stream("left", LEFT, whole=True)
    solid = g.op("Not", g.op("Equal", "left", g.const(PAD)))
    length = g.op("ReduceSum", g.op("Cast", solid, to=TensorProto.INT64), g.const([1]), keepdims=1)  # [B, 1]
    at = g.op("Expand", g.op("Unsqueeze", g.op("Sub", length, g.const(1)), g.const([2])), g.op("Concat", g.op("Shape", h, start=0, end=1), g.const([1]), g.op("Shape", h, start=2), axis=0))
    first = best(g, net, g.op("GatherElements", h, at, axis=1))
    seen = g.op("Unsqueeze", g.op("Where", solid, g.const(0, net.real), g.const(net.masked, net.real)), g.const([1, 2]))  # [B, 1, 1, P]

    b = Body(g)
    names = [f"body_{kind}{i}" for i in range(len(past)) for kind in "kv"]
    x, h = net.embed(b, "body_token", LEFT)
    angles = net.rotation(b, b.op("Add", length, "body_number"))
    bias = b.op("Concat", "body_bias", b.op("Mul", b.op("Slice", "body_bias", g.const([0]), g.const([1]), g.const([3])), g.const(0, net.real)), axis=3)
    grown = []
    for i in range(len(past)):
        q, k, v = net.heads(b, h, i)
        k = b.op("Concat", names[2 * i], net.spread(b, net.rotate(b, k, angles)), axis=1)
        v = b.op("Concat", names[2 * i + 1], net.spread(b, v), axis=1)
        grown += [k, v]
        h, x = net.rest(b, x, net.attend(b, net.rotate(b, q, angles), k, v, bias), i)
    token = best(b, net, h)
    said = b.op("Identity", "body_token")
    again = b.op("Identity", "body_again")
    info, real = helper.make_tensor_value_info, net.type
    entry = ["B", None, None]
    body = helper.make_graph(
        b.nodes, "read",
        inputs=[info("body_number", TensorProto.INT64, []), info("body_again", TensorProto.BOOL, []), info("body_token", TensorProto.INT64, ["B", 1]),
                info("body_bias", real, ["B", 1, 1, None])] + [info(n, real, entry) for n in names],
        outputs=[info(again, TensorProto.BOOL, []), info(token, TensorProto.INT64, ["B", 1]), info(bias, real, ["B", 1, 1, None])]
        + [info(n, real, entry) for n in grown] + [info(said, TensorProto.INT64, ["B", 1])])
    state = [first, seen] + [net.spread(g, t) for pair in past for t in pair]
    outputs = [f"loop_{i}" for i in range(len(state))] + ["said"]
    g.op("Loop", g.op("Squeeze", "count", g.const([0])), "", *state, outputs=outputs, body=body)
    g.op("Transpose", g.op("Squeeze", "said", g.const([2])), perm=[1, 0], outputs=["tokens"])
    graph = helper.make_graph(
        g.nodes, "lacuna-autoregressive", inputs=[info("left", TensorProto.INT64, ["B", "P"]), info("count", TensorProto.INT64, [1])],
        outputs=[info("tokens", TensorProto.INT64, ["B", None])], initializer=g.initializers)
    return helper.make_model(graph, producer_name="lacuna", ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(MS, 1)])


def best(g, net, h):
    """The likeliest token [B, 1] after h [B, 1, d]."""
    _, at = g.op("TopK", net.logits(g, h), g.const([1]), outputs=2, axis=-1)
    return g.op("Squeeze", at, g.const([2]))


def of_bundle(folder, **options):
    """(graph, model) of a bundle, for fused.join."""
    model = onnx.load(Path(folder) / "model.onnx")
    config = json.loads(next(p.value for p in model.metadata_props if p.key == "lacuna.config"))
    return build(stored_of(model), config, **options), model
