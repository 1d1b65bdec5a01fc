"""The tables of docs/model.md, from what experiments.py wrote."""

import json
import os

from held import against

# title -> rows: (what it is called, arm, what predicts). A row is compared with base's of the same kind of prediction.
CANVAS, LEFT, FIM = "canvas", "L stream", "prefix, suffix, middle"
QUESTIONS = {
    "1. Two streams against one bidirectional, against autoregressive FIM": [
        ("two streams: canvas", "base", CANVAS), ("two streams: L alone, less base's canvas", "base", LEFT),
        ("bidirectional", "bidirectional", CANVAS), ("autoregressive, FIM", "fim", FIM),
    ],
    "2. Weight of the AR loss": [
        ("0", "ar0", CANVAS), ("0.5 (base)", "base", CANVAS), ("1", "ar1", CANVAS), ("0: L alone", "ar0", LEFT), ("1: L alone", "ar1", LEFT),
    ],
    "3. Slack against a length head": [("slack, 16 slots (base)", "base", CANVAS), ("as long as the answer", "exact", CANVAS)],
    "4. Own-sample flips": [
        ("masks only (base)", "base", CANVAS), ("own-sample flips from 30 % of the run", "own", CANVAS), ("the same: L alone", "own", LEFT),
    ],
    "5. Width, depth, vocabulary": [
        ("base", "base", CANVAS), ("wide", "wide", CANVAS), ("deep", "deep", CANVAS), ("vocab8k", "vocab8k", CANVAS),
        ("wide: L alone", "wide", LEFT), ("deep: L alone", "deep", LEFT), ("vocab8k: L alone", "vocab8k", LEFT),
    ],
}  # fmt: skip


def predictions(title, rows, results):
    """One question's table. Arms that were not run are left out."""
    base = results["base"]["measured"]
    print(f"**{title}**\n")
    print("| arm | positions | operations | nats a character | less base | first token % |\n| --- | --- | --- | --- | --- | --- |")
    for name, arm, kind in rows:
        if arm not in results:
            continue
        r, m = results[arm], results[arm]["measured"][kind]
        other = base[LEFT if kind == LEFT and arm != "base" else CANVAS]["per hole"]
        less = against(m["per hole"], other) if set(other) == set(m["per hole"]) else "other holes"
        print(
            f"| {name} | {r['positions'] / 1e6:.2f}M | {r['operations']:.1e} | {m['nats a character']:.3f} ± {m['plus or minus']:.3f} | {less}"
            f" | {m['first token right']:.1f} ({m['low']:.0f}-{m['high']:.0f}) |"
        )
    print()


def fills(results):
    """What each arm fills, by canvas and by rule of choice."""
    print("| arm | fills by | holes | exact % | tokens a forward | length within 3 % |\n| --- | --- | --- | --- | --- | --- |")
    for arm, r in results.items():
        flat = {}
        for kind, m in r["measured"].items():
            flat |= {f"{kind}: {n}": x for n, x in m.items()} if kind == "length head" else {kind: m}
        for name, m in flat.items():
            if "exact" in m:
                print(f"| {arm} | {name} | {m['holes']} | {m['exact']:.1f} ({m['low']:.1f}-{m['high']:.1f}) | {m.get('tokens a forward', '')} | {m.get('length within 3', '')} |")
    print()


def losses(results):
    print("| arm | canvas | L | R | quality | first choice right |\n| --- | --- | --- | --- | --- | --- |")
    for arm, r in results.items():
        if "losses" in r["measured"]:
            print(f"| {arm} | " + " | ".join(f"{r['measured']['losses'][k]:.3f}" for k in ("canvas", "left", "right", "quality", "hit")) + " |")


def show(folder):
    """Prints the five questions, then all fills and losses, as Markdown."""
    results = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json"):
            with open(os.path.join(folder, name)) as f:
                results[name.removesuffix(".json")] = json.load(f)
    if "base" not in results:
        raise SystemExit(f"{folder} has no base.json: every arm is compared with base, run that first")
    for title, rows in QUESTIONS.items():
        predictions(title, rows, results)
    fills(results)
    losses(results)
