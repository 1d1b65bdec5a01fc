"""Fits the weights of precedents: how often a text found elsewhere in the file is right.

    lacuna precedents --lang go,python --corpus CODE --holes 4000 --records precedents.jsonl
    python precedents.py precedents.jsonl

Logistic regression on what is known of a precedent. Prints precedentWeights of
infill/precedents.go, whose evidence() must have the same formula, and what is lost on
the half of the holes that a fit has not seen. CODE must not be the standard libraries,
which judge.
"""

import argparse
import json

import numpy as np

from calibrate import fit, loss

NAMES = ("one", "before", "after", "count", "behind a rival", "ahead of the rivals", "size", "distance", "several lines")


def features(r):
    log = lambda n: np.log1p(max(n, 0))
    agreed = r["before"] + r["after"]
    return [1, log(r["before"]), log(r["after"]), log(r["count"]), log(r["rival"] - agreed), log(agreed - r["rival"]),
            log(len(r["text"].encode())), log(r["distance"]), float(r["multiline"])]  # fmt: skip


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("records", nargs="+", help="JSON lines of lacuna precedents --records")
    args = ap.parse_args()
    rows = [json.loads(line) for name in args.records for line in open(name)]
    x, y = np.array([features(r) for r in rows]), np.array([r["exact"] for r in rows], float)
    holes = {}
    hole = np.array([holes.setdefault((r["lang"], r["file"], r["byte"]), len(holes)) for r in rows])
    print(f"{len(rows)} precedents of {len(holes)} holes, {int(y.sum())} right")
    for seen in (0, 1):
        half = hole % 2 == seen
        w, always = fit(x[half], y[half]), np.zeros(x.shape[1])
        always[0] = np.log(y[half].mean() / (1 - y[half].mean()))
        print(f"fitted on one half, on the other: nats a precedent {loss(w, x[~half], y[~half]):.4f}, knowing nothing {loss(always, x[~half], y[~half]):.4f}")
    w = fit(x, y)
    for name, weight in zip(NAMES, w):
        print(f"  {weight:7.3f}  {name}")
    print("var precedentWeights = [9]float64{" + ", ".join(f"{v:.3f}" for v in w) + "}")


if __name__ == "__main__":
    main()
