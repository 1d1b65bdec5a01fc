"""Time the ways to lay out the fused graph of a bundle, and set it beside autoregressive decoding.

    python models/train/measure_fused.py models/small [--provider cuda] [--batches 1,8]
    python models/train/measure_fused.py models/small --curve 1,4,16,64 [--plot curve.svg] [--json curve.json]

Prints the table of docs/benchmarks.md. Every variant fills the same canvases of 8
and 16 slots (or --canvases) between random streams as long as the windows; the
steps are those that the loop takes, at most 8. "split" is the stepwise graph with its caches going
back and forth, one call a stream and one a step, for one request after the other.

--curve prints latency and throughput of fills of 32 slots (or of the largest of
--canvases) by the number of requests in a call: as they decode, with all 8 steps taken,
and autoregressively, 32 tokens by the same weights in one call of their own
(autoregressive.py), which read the left stream only.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import onnxruntime

import autoregressive
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


def layouts(args, config, canvases):
    """The table of ways to lay the graph out."""
    batches = [int(b) for b in args.batches.split(",")]
    calls = {b: request(config, b, canvases) for b in batches}
    half = args.provider == "cuda"
    print("| graph | attention | load s | " + " | ".join(f"ms, {b} at once | forwards" for b in batches) + " |")
    print("| --- | --- | --- |" + " --- | --- |" * len(batches))
    variants = [("loop", a, 0) for a in fused.ATTENTIONS] + [("8 steps unrolled", fused.DEFAULT_ATTENTION[half], LIMIT)]
    taken = {}
    for name, attention, unroll in variants:
        try:
            graph, model = fused.of_bundle(args.bundle, half=half, attention=attention, unroll=unroll)
            made, load = session(fused.join(graph, model), args)
            cells = []
            for b in batches:
                taken[b] = int(made.run(["forwards_out"], calls[b])[0].max())
                cells += [f"{median(lambda: made.run(None, calls[b]), args.repeat):.1f}", str(unroll or taken[b])]
        except Exception as fault:  # of one way: the others are worth knowing all the more
            cells, load = [f"fails: {str(fault).splitlines()[0][:120]}"], 0
        print(f"| {name} | {attention} | {load:.1f} | " + " | ".join(cells) + " |", flush=True)
    made, load = session((args.bundle / "model.onnx").read_bytes(), args)
    cells = []
    for b in batches:
        steps = taken.get(b, LIMIT)
        cells += [f"{b * median(split(made, config, calls[b], steps), args.repeat):.1f}", str(steps)]
    print(f"| split at the step | plain | {load:.1f} | " + " | ".join(cells) + " |")


def curve(args, config, canvases):
    """Latency and throughput by the number of requests in a call."""
    slots, half = max(canvases), args.provider == "cuda"
    attention = fused.DEFAULT_ATTENTION[half]
    graph, model = fused.of_bundle(args.bundle, half=half)
    denoise, _ = session(fused.join(graph, model), args)
    graph, model = autoregressive.of_bundle(args.bundle, half=half, attention=attention)
    read, _ = session(fused.join(graph, model), args)
    rows = []
    print("| at once | fused ms | forwards | fills/s | all 8 steps ms | fills/s | autoregressive ms | fills/s | fused is faster by |")
    print("| --- |" + " --- |" * 8)
    for b in (int(b) for b in args.curve.split(",")):
        call = request(config, b, [slots])
        forwards = int(denoise.run(["forwards_out"], call)[0].max())
        every = call | {"threshold": np.full((b, 1), 1, np.float32), "floor": np.full((b, 1), -1, np.float32)}  # never sure
        count = {"left": call["left"], "count": np.array([slots])}
        row = {"at_once": b, "slots": slots, "forwards": forwards,
               "fused_ms": median(lambda: denoise.run(None, call), args.repeat),
               "all_steps_ms": median(lambda: denoise.run(None, every), args.repeat),
               "autoregressive_ms": median(lambda: read.run(None, count), args.repeat)}
        rows.append(row)
        per_second = {n: 1e3 * b / row[n] for n in ("fused_ms", "all_steps_ms", "autoregressive_ms")}
        print(f"| {b} | {row['fused_ms']:.1f} | {forwards} | {per_second['fused_ms']:.0f} | {row['all_steps_ms']:.1f} | {per_second['all_steps_ms']:.0f} "
              f"| {row['autoregressive_ms']:.1f} | {per_second['autoregressive_ms']:.0f} | {row['autoregressive_ms'] / row['fused_ms']:.1f} |", flush=True)
    first, last = rows[0], rows[-1]
    gain = last["at_once"] / first["at_once"] * first["fused_ms"] / last["fused_ms"]
    print(f"\n{slots} slots, {args.provider}; from {first['at_once']} to {last['at_once']} requests at once {gain:.1f} times the fills a second")
    if args.json:
        args.json.write_text(json.dumps({"provider": args.provider, "bundle": args.bundle.name, "rows": rows}, indent=2) + "\n")
    if args.plot:
        plot(rows, args)


def plot(rows, args):
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    for name, label in (("fused_ms", "fused"), ("all_steps_ms", "fused, all 8 steps"), ("autoregressive_ms", "autoregressive")):
        axes.plot([r[name] for r in rows], [1e3 * r["at_once"] / r[name] for r in rows], marker="o", label=label)
        for r in rows:
            axes.annotate(str(r["at_once"]), (r[name], 1e3 * r["at_once"] / r[name]), textcoords="offset points", xytext=(4, 4), fontsize=8)
    axes.set(xscale="log", yscale="log", xlabel=f"ms a call of {rows[0]['slots']} slots", ylabel="fills a second", title=f"{args.bundle.name}, {args.provider}; requests at once beside the points")
    axes.legend()
    figure.tight_layout()
    figure.savefig(args.plot)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--provider", choices=PROVIDERS, default="cpu")
    parser.add_argument("--batches", default="1,8", help="requests a call, separated by commas (default %(default)s)")
    parser.add_argument("--canvases", help="slots of a request's canvases (default 8,16; with --curve 32)")
    parser.add_argument("--curve", help="requests at once, separated by commas: measure throughput against latency")
    parser.add_argument("--plot", type=Path, help="draw the curve as SVG (needs matplotlib)")
    parser.add_argument("--json", type=Path, help="write the curve's numbers")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    if args.provider == "cuda":
        onnxruntime.preload_dlls()
    config = json.loads((args.bundle / "manifest.json").read_text())["config"]
    canvases = [int(c) for c in (args.canvases or ("32" if args.curve else "8,16")).split(",")]
    (curve if args.curve else layouts)(args, config, canvases)


if __name__ == "__main__":
    main()
