"""A bundle -> the arrays of a checkpoint, so that training can go on from what ships.

    python models/train/unfold.py models/small --out out/small

writes the checkpoint that export.py reads, to export the same weights in another precision.

The weights are read back out of model.onnx by the names export.py gives them;
those of few bits are multiplied out, which costs the rounding and nothing else.
"""

import argparse
import json
import os

import numpy as np
import onnx
from onnx import numpy_helper

import export


def bundle(directory):
    """(config, arrays by the names of weights.npz) of a folder with model.onnx."""
    graph = onnx.load(os.path.join(directory, "model.onnx"))
    config = json.loads(next(p.value for p in graph.metadata_props if p.key == "lacuna.config"))
    stored = {i.name: numpy_helper.to_array(i) for i in graph.graph.initializer}

    def read(name):
        w = stored[name]
        scale = stored.get(name + ".scale")
        if scale is None:
            return w
        if w.dtype == np.uint8:  # around the middle; two of 4 bits in a byte, the first in its lower half
            four = w.shape[2] < export.BLOCK
            w = np.stack([w & 15, w >> 4], axis=3).reshape(*w.shape[:2], -1) - 8.0 if four else w - 128.0
        scale = scale.reshape(len(w), -1, 1)
        return (w.astype(np.float32).reshape(len(w), scale.shape[1], -1) * scale).astype(np.float32).reshape(len(w), -1)

    q, kv = (config[n] * config["head_dim"] for n in ("n_head", "n_kv"))
    arrays = {"emb": read("emb"), "role": read("role_emb"), "quality.w": read("quality.w").reshape(-1), "quality.b": read("quality.b").reshape(())}
    for i in range(config["n_layer"]):
        layer = f"layers.{i}."
        arrays |= dict(zip((layer + n for n in ("wq", "wk", "wv")), np.split(read(layer + "wqkv").T, [q, q + kv], axis=1)))
        arrays |= dict(zip((layer + n for n in ("wg", "wu")), np.split(read(layer + "wgu").T, 2, axis=1)))
        arrays |= {layer + n: read(layer + n).T for n in ("wo", "wd")}
    return config, {k: np.array(a, order="C") for k, a in arrays.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", help="folder with model.onnx")
    parser.add_argument("--out", required=True, help="folder for weights.npz and config.json")
    args = parser.parse_args()
    config, arrays = bundle(args.bundle)
    os.makedirs(args.out, exist_ok=True)
    np.savez(os.path.join(args.out, "weights.npz"), **arrays)
    with open(os.path.join(args.out, "config.json"), "w") as f:
        json.dump(config, f)
    print(f"{args.out}: {sum(a.size for a in arrays.values()):,} weights")


if __name__ == "__main__":
    main()
