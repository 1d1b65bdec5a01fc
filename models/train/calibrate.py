"""Makes a bundle's confidence a probability: how often such a fill is exactly right.

    lacuna eval --bundle out/bundle --lang go,python --corpus CODE --holes 900 --no-precedents --records holes.jsonl
    python calibrate.py holes.jsonl --bundle out/bundle

A model is surer than it is right, and of long fills more so. Logistic regression
(Platt 1999) of "is exact" on the log-odds of what the model believes and on the
logarithm of the length, over all fills that came out of the filters. CODE must be
text that the model was not trained on and that it is not to be judged by: the
validation repositories of manifest.json, not the standard libraries.

Writes "calibration" into the bundle's manifest.json; "lacuna eval" then shows the
calibrated figure, and lacuna.inline.minConfidence is in it. Records must come from a
bundle without it.
"""

import argparse
import json
import math
import os
import sys

import numpy as np

RIDGE = 0.1  # a prior worth a few holes: small samples may not bend the curve
LEAST = 30  # exact fills below which a fit is noise


def features(confidence, tokens):
    """[n, 3]: one, log-odds of the confidence, log of the length. infill/calibration.go has the same."""
    c = np.clip(np.asarray(confidence, float), 1e-4, 1 - 1e-4)
    return np.stack((np.ones_like(c), np.log(c / (1 - c)), np.log(np.maximum(np.asarray(tokens, float), 1))), 1)


def fit(x, y):
    """Weights [n] of the logistic regression of y on x [holes, n], whose first column is one, by Newton's method."""
    w = np.zeros(x.shape[1])
    ridge = RIDGE * np.diag([0.0] + [1.0] * (len(w) - 1))
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + ridge + 1e-9 * np.eye(len(w)), x.T @ (y - p) - ridge @ w)
        w += step
        if np.abs(step).max() < 1e-9:
            break
    return w


def loss(w, x, y):
    p = np.clip(1 / (1 + np.exp(-x @ w)), 1e-12, 1 - 1e-12)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("records", nargs="+", help="JSON lines of lacuna eval --records")
    ap.add_argument("--bundle", required=True, help="its manifest.json is changed")
    args = ap.parse_args()
    path = os.path.join(args.bundle, "manifest.json")
    with open(path) as f:
        manifest = json.load(f)
    if "calibration" in manifest:
        sys.exit(f'{path} has a calibration already, which the records were made with: take "calibration" out and evaluate again')
    rows = [json.loads(line) for name in args.records for line in open(name)]
    shown = [r for r in rows if r["shown"]]
    x = features([r["confidence"] for r in shown], [r["tokens"] for r in shown])
    y = np.array([r["exact"] for r in shown], float)
    if y.sum() < LEAST:
        sys.exit(f"{int(y.sum())} of {len(shown)} fills are exact, which is too few to learn from: {LEAST} at least, so evaluate more holes")
    half = np.arange(len(y)) % 2 == 0
    for a, b in ((half, ~half), (~half, half)):
        w = fit(x[a], y[a])
        before = np.array([0.0, 1.0, 0.0])
        print(f"fitted on {a.sum()} fills, on the other {b.sum()}: nats a fill {loss(w, x[b], y[b]):.4f}, uncalibrated {loss(before, x[b], y[b]):.4f}")
    w = fit(x, y)
    manifest["calibration"] = {name: round(float(v), 4) for name, v in zip(("bias", "confidence", "tokens"), w)}
    with open(path, "w") as f:
        json.dump(manifest, f, indent=2, sort_keys=True)
        f.write("\n")
    print(f"{len(shown)} fills, {int(y.sum())} exact: {manifest['calibration']}")
    for n in (1, 4, 16):
        print(f"  {n:2} tokens: " + ", ".join(f"{c:.1f} -> {1 / (1 + math.exp(-float(features([c], [n])[0] @ w))):.2f}" for c in (0.2, 0.5, 0.8, 0.95)))


if __name__ == "__main__":
    main()
