"""Time the ways to lay out the fused graph of a bundle.

    python models/train/measure_fused.py models/small [--provider cuda] [--batches 1,8]

Prints the table of docs/benchmarks.md. Every variant fills the same canvases of 8
and 16 slots (or --canvases) between random streams as long as the windows; the
steps are those that the loop takes, at most 8. "split" is the stepwise graph with its caches going
back and forth, one call a stream and one a step, for one request after the other.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import onnxruntime

import fused

PROVIDERS = {"cpu": ["CPUExecutionProvider"], "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"]}
LIMIT = 8


def request(config, batch, canvases, seed=0):
    rng = np.random.default_rng(seed)
    n, c, k = len(canvases), max(canvases), config["top_k"]
    slots = np.zeros((batch, n, c), np.int64)
    for i, size in enumerate(canvases):
        slots[:, i, :size] = fused.MASK
    streams = {name: rng.integers(24, config["vocab"], (batch, config[f"{name}_window"])) for name in ("left", "right")}
    return streams | {
        "slots": slots, "settled": np.zeros((batch, n, c), np.float32), "remasked": np.zeros((batch, n, c), np.int64),
        "banned": np.full((batch, n, c, 1), -1), "told": np.zeros((batch, n), np.int64), "multiline": np.zeros((batch, 1), np.int64),
        "threshold": np.full((batch, 1), np.log(0.8), np.float32), "floor": np.full((batch, 1), 0.05, np.float32),
        "limit": np.full((batch, 1), LIMIT), "noise": np.zeros((batch, 1, n, c, k + 1), np.float32)}


def session(data, args):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = args.threads, 3
    began = time.perf_counter()
    made = onnxruntime.InferenceSession(data, options, providers=PROVIDERS[args.provider])
    if args.provider == "cuda" and "CUDAExecutionProvider" not in made.get_providers():
        raise SystemExit("onnxruntime does not start its CUDA provider here")
    return made, time.perf_counter() - began


def median(f, repeat):
    f()
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        f()
        times.append(time.perf_counter() - began)
    return 1e3 * sorted(times)[len(times) // 2]


def split(stepwise, config, call, steps):
    """One request with the stepwise graph: two streams, then steps."""
    entry = (config["n_layer"], 2, config["n_kv"], config["head_dim"])
    none = np.zeros((0, *entry), np.float32)
    sizes = [int((row != fused.PAD).sum()) for row in call["slots"][0]]
    c = call["slots"].shape[2]

    def run():
        kv = []
        for role, name in enumerate(("left", "right")):
            tokens = call[name][:1]
            n = tokens.shape[1]
            kv.append(stepwise.run(["kv"], {
                "tokens": tokens, "role": np.array([role]), "pos_a": np.arange(n)[None], "pos_b": np.zeros((1, n), np.int64),
                "past_a": none, "past_b": none, "rows": np.zeros(0, np.int64), "targets": np.zeros(0, np.int64)})[0][0])
        rows = np.flatnonzero(call["slots"][0].ravel())
        j = np.arange(c)[None]
        pos_b = len(kv[1]) + np.array(sizes)[:, None] - 1 - j
        for _ in range(steps):
            stepwise.run(None, {
                "tokens": call["slots"][0], "role": np.array([2]), "pos_a": len(kv[0]) + j.repeat(len(sizes), 0), "pos_b": pos_b,
                "past_a": kv[0], "past_b": kv[1], "rows": rows, "targets": call["slots"][0].ravel()[rows]})

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--provider", choices=PROVIDERS, default="cpu")
    parser.add_argument("--batches", default="1,8", help="requests a call, separated by commas (default %(default)s)")
    parser.add_argument("--canvases", default="8,16", help="slots of a request's canvases (default %(default)s)")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    if args.provider == "cuda":
        onnxruntime.preload_dlls()
    config = json.loads((args.bundle / "manifest.json").read_text())["config"]
    batches = [int(b) for b in args.batches.split(",")]
    canvases = [int(c) for c in args.canvases.split(",")]
    calls = {b: request(config, b, canvases) for b in batches}
    half = args.provider == "cuda"
    print("| graph | attention | load s | " + " | ".join(f"ms, {b} at once | forwards" for b in batches) + " |")
    print("| --- | --- | --- |" + " --- | --- |" * len(batches))
    variants = [("loop", a, 0) for a in fused.ATTENTIONS] + [("8 steps unrolled", fused.DEFAULT_ATTENTION[half], LIMIT)]
    taken = {}
    for name, attention, unroll in variants:
        graph, model = fused.of_bundle(args.bundle, half=half, attention=attention, unroll=unroll)
        made, load = session(fused.join(graph, model), args)
        cells = []
        for b in batches:
            taken[b] = int(made.run(["forwards_out"], calls[b])[0].max())
            cells += [f"{median(lambda: made.run(None, calls[b]), args.repeat):.1f}", str(unroll or taken[b])]
        print(f"| {name} | {attention} | {load:.1f} | " + " | ".join(cells) + " |", flush=True)
    made, load = session((args.bundle / "model.onnx").read_bytes(), args)
    cells = []
    for b in batches:
        cells += [f"{b * median(split(made, config, calls[b], taken[b]), args.repeat):.1f}", str(taken[b])]
    print(f"| split at the step | plain | {load:.1f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
