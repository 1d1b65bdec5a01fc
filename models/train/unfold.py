"""A bundle -> the arrays of a checkpoint, so that training can go on from what ships.

The weights are read back out of model.onnx by the names export.py gives them;
8-bit ones are multiplied out, which costs the rounding and nothing else.
"""

import json
import os

import numpy as np
import onnx
from onnx import numpy_helper


def bundle(directory):
    """(config, arrays by the names of weights.npz) of a folder with model.onnx."""
    graph = onnx.load(os.path.join(directory, "model.onnx"))
    config = json.loads(next(p.value for p in graph.metadata_props if p.key == "lacuna.config"))
    stored = {i.name: numpy_helper.to_array(i) for i in graph.graph.initializer}

    def read(name):
        w = stored[name].astype(np.float32)
        scale = stored.get(name + ".scale")
        return w if scale is None else (w.reshape(len(w), scale.shape[1], -1) * scale).reshape(len(w), -1)

    q, kv = (config[n] * config["head_dim"] for n in ("n_head", "n_kv"))
    arrays = {"emb": read("emb"), "role": read("role_emb"), "quality.w": read("quality.w").reshape(-1), "quality.b": read("quality.b").reshape(())}
    for i in range(config["n_layer"]):
        layer = f"layers.{i}."
        arrays |= dict(zip((layer + n for n in ("wq", "wk", "wv")), np.split(read(layer + "wqkv").T, [q, q + kv], axis=1)))
        arrays |= dict(zip((layer + n for n in ("wg", "wu")), np.split(read(layer + "wgu").T, 2, axis=1)))
        arrays |= {layer + n: read(layer + n).T for n in ("wo", "wd")}
    return config, {k: np.array(a, order="C") for k, a in arrays.items()}
