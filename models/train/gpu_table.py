"""One table out of what runtime/ort/gpu.sh measured: python models/train/gpu_table.py out/gpu

What was not run says so.
"""

import json
import sys
from pathlib import Path


def read(folder, name):
    path = folder / f"{name}.json"
    if not path.exists() or not path.stat().st_size:
        return None
    return json.loads(path.read_text())


def rows(folder):
    """(what, value, what is wanted of an H100)."""
    doctor, parity, bench, evaluation, curve = (read(folder, n) for n in ("doctor", "parity", "bench", "eval", "curve"))
    missing = "not run"
    yield "device", ", ".join(f"{g['name']} (driver for CUDA {doctor['cuda']['driver_cuda']})" for g in doctor["cuda"]["gpus"]) or doctor["self_test"]["device"] if doctor else missing, ""
    yield "ONNX Runtime", doctor["library"]["version"] if doctor else missing, ""
    yield ("the same text as the stepwise engine", f"{parity['same_text']} of {parity['holes']} on {parity['device']} ({100 * parity['agree']:.1f} %)"
           if parity else missing, "99 %")
    if curve:
        first, last = curve["rows"][0], curve["rows"][-1]
        slots = first["slots"]
        yield f"{slots} slots, {first['at_once']} at once, the graph alone", f"{first['fused_ms']:.1f} ms, {first['forwards']} forwards", "5 ms, aim 3"
        yield f"{slots} slots, all 8 steps", f"{first['all_steps_ms']:.1f} ms", ""
        yield f"{slots} tokens autoregressively, same weights", f"{first['autoregressive_ms']:.1f} ms", ""
        yield "fused against autoregressive", f"{first['autoregressive_ms'] / first['fused_ms']:.1f} times", "5, aim 10"
        gain = last["at_once"] / first["at_once"] * first["fused_ms"] / last["fused_ms"]
        yield f"fills a second, {first['at_once']} -> {last['at_once']} at once, the graph", f"{gain:.1f} times", "10 from 1 to 64"
    else:
        yield "the graph alone", missing, "5 ms, aim 3"
    if bench:
        yield "keystroke, p50 / p95", f"{bench['keystroke']['p50_ms']:.1f} / {bench['keystroke']['p95_ms']:.1f} ms", ""
        yield "cold fill, p50", f"{bench['cold']['p50_ms']:.1f} ms", ""
        yield "load, p50", f"{bench['load']['p50_ms']:.0f} ms", ""
        crowds = bench.get("crowds", [])
        for c in crowds:
            yield f"{c['clients']} clients, 32 slots, whole fills", f"{c['fills_per_second']:.1f} a second, p50 {c['p50_ms']:.1f}, p95 {c['p95_ms']:.1f} ms", ""
        if len(crowds) > 1:
            gain = crowds[-1]["fills_per_second"] / crowds[0]["fills_per_second"]
            yield f"fills a second, {crowds[0]['clients']} -> {crowds[-1]['clients']} clients", f"{gain:.1f} times", "10 from 1 to 64"
    else:
        yield "lacuna bench", missing, ""
    if evaluation:
        total = evaluation["result"]["total"]
        yield (f"exact match, {', '.join(evaluation['langs'])}, {total['holes']} holes", f"{100 * total['exact']['rate']:.1f} % "
               f"({100 * total['exact']['low']:.0f}-{100 * total['exact']['high']:.0f})", "as on the CPU")
        yield "a hole of the evaluation, p50 / p95", f"{total['p50_ms']:.1f} / {total['p95_ms']:.1f} ms", ""
    else:
        yield "lacuna eval", missing, ""


def main():
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    print("| | measured | wanted of an H100 |\n| --- | --- | --- |")
    for what, value, wanted in rows(folder):
        print(f"| {what} | {value} | {wanted} |")
    layouts = folder / "layouts.md"
    if layouts.exists():
        print(f"\n{layouts.read_text().strip()}")


if __name__ == "__main__":
    main()
