"""Draws what train.py logged: the losses of one or more runs against the positions seen.

    python plot.py out/run/log.jsonl --out docs/loss.svg

One panel a loss (canvas, L, R, quality) and one for the speed. Thin lines are
the logged batches, thick ones their running mean, dots the validation.
"""

import argparse
import json
import os

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

PANELS = {"canvas": "canvas, nats a slot", "left": "L, nats a token", "right": "R, nats a token", "quality": "quality head, nats a slot", "positions_a_second": "positions a second"}
SMOOTH = 0.9  # of the running mean


def rows(path):
    """The log's rows in order. A run that was resumed from a checkpoint repeats steps: the later ones count."""
    seen = {}
    with open(path) as f:
        for line in f:
            row = json.loads(line)
            if "step" in row:  # the last line is the summary
                seen[row["step"]] = row
    return [seen[k] for k in sorted(seen)]


def smooth(y):
    """Exponential running mean, without the pull of its beginning."""
    out, mean, weight = [], 0.0, 0.0
    for x in y:
        mean, weight = SMOOTH * mean + (1 - SMOOTH) * x, SMOOTH * weight + 1 - SMOOTH
        out.append(mean / weight)
    return np.array(out)


def draw(runs, out):
    """runs: {name: rows}; out: an SVG."""
    plt.rcParams["svg.hashsalt"] = "lacuna"  # the same log gives the same file
    figure, axes = plt.subplots(1, len(PANELS), figsize=(4 * len(PANELS), 3.2), layout="constrained")
    for axis, (key, label) in zip(axes, PANELS.items()):
        axis.set_title(label, fontsize=10)
        axis.set_xlabel("million positions")
        axis.grid(alpha=0.3)
        for i, (name, log) in enumerate(runs.items()):
            some = [r for r in log if key in r]
            x, y = [r["positions"] / 1e6 for r in some], [r[key] for r in some]
            axis.plot(x, y, color=f"C{i}", alpha=0.25, linewidth=0.7)
            axis.plot(x, smooth(y), color=f"C{i}", label=name)
            val = [r for r in log if key in r.get("val", {})]
            axis.plot([r["positions"] / 1e6 for r in val], [r["val"][key] for r in val], "o", color=f"C{i}", markersize=3)
    if len(runs) > 1:
        axes[0].legend(fontsize=8)
    figure.savefig(out, metadata={"Date": None})


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("logs", nargs="+", help="log.jsonl of each run")
    ap.add_argument("--out", required=True)
    args = ap.parse_args()
    runs = {}
    for path in args.logs:
        log = rows(path)
        if not log:
            raise SystemExit(f"{path} has no steps yet: train.py logs every 20th")
        runs[os.path.basename(os.path.dirname(os.path.abspath(path)))] = log
    draw(runs, args.out)


if __name__ == "__main__":
    main()
