"""The experiments that decide the design: small models, the same holes, one table.

    python experiments.py --data data --out out --positions 25e6 base ar0 ar1 own exact   # one GPU, one compilation
    python experiments.py --data data --out out --positions 25e6 fim bidirectional
    python experiments.py --table out                                                     # docs/model.md's tables

Every arm trains a small network with the same number of operations and fills
the same holes of repositories that are not trained on. Writes OUT/ARM.json and
OUT/ARM, a checkpoint for export.py.
Without a GPU --tiny is a network that a core can train (DATA prepared with
--vocab 4096; the arm vocab8k needs data of its own, prepared with --vocab 8192):

    python experiments.py --tiny --data data4k --out out --positions 1.5e6 --rows 2 --threads 1 base ar0 ar1

The baselines as bundles, which lacuna eval and lacuna bench fill the same holes with:

    python experiments.py --shipped --data data --out out --equal positions --positions 4e6 --rows 4 --compile --grow 2:0.3,4:0.6 ar1 fim bidirectional
    python export.py --checkpoint out/fim --tokenizer data/tokenizer.json --name lacuna-fim --out out/fim/bundle
"""

import argparse
import json
import os
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

import baselines
import batches
import decode
import tables
import train
import vocabulary as v
from baselines import ADAM_EPS
from held import Held, report, surprise
from model import Config, Denoiser
from rerank import rerank

LENGTHS = 64  # classes of the length head


@dataclass(frozen=True)
class Scale:
    config: Config
    window: int  # tokens of each stream; longer records are left out
    slots: int


SMALL = Scale(Config(d_model=256, n_layer=8, n_head=4, n_kv=2, ffn=704), 1024, 768)
TINY = Scale(Config(d_model=128, n_layer=4, n_head=2, n_kv=1, ffn=352, vocab=4096), 512, 384)
# The shape of the bundle that ships. Windows in which both streams, one behind the other, are no longer than
# the documents trained on: a baseline of one stream must not meet positions that it has never seen.
SHIPPED = Scale(Config(d_model=256, n_layer=7, n_head=4, n_kv=2, ffn=704, vocab=4096, left_window=288, right_window=192, snippets=False), 512, 384)

# arm -> (what differs from the base, in words), what differs in SMALL, in TINY, options
ARMS = {
    "base": ("two streams, AR loss 0.5, delete slack", {}, {}, {}),
    "ar0": ("no AR loss", {}, {}, {"left": 0.0}),
    "ar1": ("AR loss 1.0", {}, {}, {"left": 1.0}),
    "own": ("own-sample flips from 30 % of the run", {}, {}, {"own": 0.3}),
    "exact": ("canvases without slack, length head", {}, {}, {"exact": True}),
    "wide": ("wider and flatter", dict(d_model=352, n_layer=4, n_head=6, ffn=960), dict(d_model=192, n_layer=2, n_head=2, ffn=512), {}),
    "deep": ("narrower and deeper", dict(d_model=192, n_layer=15, n_head=3, n_kv=1, ffn=512), dict(d_model=96, n_layer=7, n_head=2, ffn=256), {}),
    "vocab8k": ("8,192 entries", dict(vocab=8192), dict(vocab=8192), {}),
    "fim": ("autoregressive, fill in the middle", {}, {}, {"kind": "fim"}),
    "bidirectional": ("one bidirectional stream, canvases in place", {}, {}, {"kind": "bidirectional"}),
}


class LengthHead(torch.nn.Module):
    """The answer's length from the last features of L and of R: nothing else tells it before there is a canvas."""

    def __init__(self, d):
        super().__init__()
        self.l, self.r, self.out = torch.nn.Linear(d, 128), torch.nn.Linear(d, 128), torch.nn.Linear(128, LENGTHS)

    def forward(self, y, where):
        """y [B, N, d]; where [k, 3] = (row, last position of L, last position of R)."""
        b, l, r = where.T
        return self.out(F.relu(self.l(y[b, l].float()) + self.r(y[b, r].float())))


@torch.no_grad()
def surprise_packed(model, forward, held, rows, size, exact):
    """surprise() of the canvases, and of the L stream alone, which the same weights hold."""
    nats, first, left, left_first = {}, {}, {}, {}
    for batch in held.packed(rows, size, exact):
        with torch.enable_grad():
            y = forward(batch, batch["tokens"]).detach()
        for b, s, _, r, k, _, _ in batches.canvases_of(batch, forward.T).tolist():
            truth = held.truth.get((r, k))
            if truth is None:
                continue
            at = 2 * forward.T + s
            logp = model.logits(y[b, at : at + len(truth)]).float().log_softmax(-1)
            nats[r, k] = -logp.gather(1, truth[:, None])[:, 0]
            first[r, k] = bool(logp[0].argmax() == truth[0])
            before = int(batch["lb"][b, at]) - 1  # the last position of L that the canvas sees predicts the first token
            logp = model.logits(y[b, before : before + len(truth)]).float().log_softmax(-1)
            left[r, k] = -logp.gather(1, truth[:, None])[:, 0]
            left_first[r, k] = bool(logp[0].argmax() == truth[0])
    return surprise(held, nats, first), surprise(held, left, left_first)


def fill_packed(model, forward, batch, breaks, floor=0.0):
    """Denoises every canvas of a batch at once. Returns {(record, hole): (slots, score, steps)}."""
    T = forward.T
    where = batches.canvases_of(batch, T)
    C = int(where[:, 2].max())
    b, s, size = where[:, 0], where[:, 1], where[:, 2]
    j = torch.arange(C, device=b.device)
    inside = j < size[:, None]
    at = (s[:, None] + j).clamp(max=batch["live"].shape[1] - 1)
    tokens = batch["tokens"].clone()
    slots = torch.where(inside, v.MASK, v.DELETE)

    def predict(slots):
        canvas = tokens[:, 2 * T :]
        canvas[b[:, None].expand_as(at)[inside], at[inside]] = slots[inside]
        y = forward(batch, tokens)[:, 2 * T :][b[:, None], at].detach()
        return model.logits(y), torch.sigmoid(model.quality(y))

    with torch.enable_grad():  # the compiled training graph serves: no second compilation
        out, score, steps = decode.denoise(slots, predict, breaks, floor=floor)
    out = torch.where(inside, out, v.DELETE)
    return {(int(r), int(h)): (o, float(c), int(n)) for r, h, o, c, n in zip(where[:, 3], where[:, 4], out, score, steps)}


def fill_all(model, forward, held, rows, size, exact=False, floor=0.0):
    """fill_packed of the holes of the first records of held, and nothing else."""
    found = {}
    for b in held.packed(rows, size, exact, held.fill):
        found |= fill_packed(model, forward, b, held.breaks, floor)
    return {k: x for k, x in found.items() if k in held.truth}


def length_loss(head, batch, window):
    """What losses() adds for the features y: the length head's, where canvases have no slack."""
    where = batches.canvases_of(batch, window)
    size = where[:, 2].clamp(max=LENGTHS - 1)
    return lambda y: 0.2 * F.cross_entropy(head(y, where[:, [0, 5, 6]]), size)


def train_packed(model, arm, args, head=None):
    device = args.device
    window, slots = args.scale.window, args.scale.slots
    forward = args.forwards.setdefault((model.c.d_model, model.c.n_layer, model.c.vocab), train.Forward(model, window, device, args.compile))
    options = ARMS[arm][3]
    exact = options.get("exact", False)
    data = batches.loader(args.data, args.rows, window, slots, 1, args.workers, flips=train.FLIP, exact=exact)
    optimisers = train.Optimisers(model, head.parameters() if head else (), eps=ADAM_EPS)
    row = 2 * window + slots
    steps = max(1, int(args.positions / (args.rows * row)))
    began, operations, cost = time.time(), 0.0, {}
    for step in range(steps):
        share = step / steps
        batch = train.moved(next(data), device)
        model.active = train.layers_at(args.grow, share, model.c.n_layer)
        left = options.get("left", 0.5) * (1.0 if share < 1 - train.DECAY else 0.5)
        own = "own" in options and share > options["own"] and step % 2 == 0
        loss, parts = train.losses(model, forward, batch, left, left / 2, own, length_loss(head, batch, window) if head else None)
        loss.backward()
        optimisers.step(share)
        if step == 2:
            parts["canvas"].item()
            began = time.time()
        if step % 50 == 0:
            print(arm, step, steps, {k: round(x.item(), 3) for k, x in parts.items()}, f"{time.time() - began:.0f} s", flush=True)
        cost[model.active] = cost.get(model.active) or train.flops(model, batch)
        operations += cost[model.active] * (4 / 3 if own else 1)  # own samples cost a forward pass more
    model.active = model.c.n_layer
    return forward, {"steps": steps, "positions": steps * args.rows * row, "operations": operations, "seconds": round(time.time() - began, 1)}


def measure_packed(model, forward, arm, args, held, head=None):
    out = {}
    exact = ARMS[arm][3].get("exact", False)
    sizes = {"true length": None} if exact else {"canvas 8": 8, "canvas 16": 16, "canvas 32": 32}
    out["canvas"], out["L stream"] = surprise_packed(model, forward, held, args.rows, None if exact else 16, exact)
    found = {}
    for name, size in sizes.items():
        f = found[name] = fill_all(model, forward, held, args.rows, size, exact)
        tokens = {k: int(decode.lengths(x[0][None])) for k, x in f.items()}
        out[name] = report(held.right(f))
        out[name]["tokens a forward"] = round(sum(tokens.values()) / max(1, sum(x[2] for x in f.values())), 2)
        out[name]["length within 3"] = round(100 * np.mean([abs(n - len(held.truth[k])) <= 3 for k, n in tokens.items()]), 1)
    if exact:
        out["length head"] = length_head(model, forward, args, held, head)
        return out
    candidates = {k: [found[n][k] for n in sizes if k in found[n]] for k in held.filled}
    pick = {k: max(c, key=lambda x: x[1]) for k, c in candidates.items() if c}
    out["8, 16, 32 by score"] = report(held.right(pick))
    each = [held.right(f) for f in found.values()]
    out["8, 16, 32 oracle"] = report({k: any(e[k] for e in each) for k in held.filled})
    for name, chosen in rerank(model, held, {k: c for k, c in candidates.items() if c}).items():
        out[f"8, 16, 32 by {name}"] = report(held.right(chosen))
    out["canvas 16, remasking"] = report(held.right(fill_all(model, forward, held, args.rows, 16, floor=0.15)))
    return out


def length_head(model, forward, args, held, head):
    """Canvases as long as the length head says; and of its three likeliest lengths the best by score."""
    guess = {}
    for batch in held.packed(args.rows, None, True, held.fill):
        y = forward(batch, batch["tokens"]).detach()
        where = batches.canvases_of(batch, args.scale.window)
        top = head(y, where[:, [0, 5, 6]]).topk(3, -1).indices
        for row, lengths in zip(where.tolist(), top.tolist()):
            guess[row[3], row[4]] = [max(1, n) for n in lengths]
    found = [fill_all(model, forward, held, args.rows, lambda record, hole: guess[record, hole][rank], True) for rank in range(3)]
    first = report(held.right(found[0]))
    first["length within 3"] = round(100 * np.mean([abs(guess[k][0] - len(held.truth[k])) <= 3 for k in held.filled]), 1)
    best = {k: max((f[k] for f in found if k in f), key=lambda x: x[1]) for k in held.filled if k in found[0]}
    return {"its first": first, "best of its first three by score": report(held.right(best))}


def run(arm, args):
    words, small, tiny, options = ARMS[arm]
    base = args.scale.config
    if args.scale is SHIPPED and small:
        raise SystemExit(f"{arm} has another shape than the bundle that ships: use it without --shipped")
    shape = replace(base, **(small if args.scale is SMALL else tiny))
    torch.manual_seed(1)
    held = Held(args.data, args.scale, args.records, args.fill, args.device)
    if len(held.breaks) != shape.vocab:
        raise SystemExit(f"{args.data} was prepared with --vocab {len(held.breaks)}; {arm} needs {shape.vocab}")
    fresh = Denoiser(shape).to(args.device)
    key = (shape.d_model, shape.n_layer, shape.vocab)
    if key in args.models:  # the same object, so that its compiled forward serves again
        model = args.models[key]
        with torch.no_grad():
            for p, q in zip(model.parameters(), fresh.parameters()):
                p.copy_(q)
    else:
        model = args.models[key] = fresh
    model.dtype = torch.bfloat16
    began = time.time()
    folder = os.path.join(args.out, arm)
    if options.get("kind"):
        budget = args.positions
        if args.equal == "operations":  # what the base arm spends, counted on one of its batches
            sample = next(batches.loader(args.data, args.rows, args.scale.window, args.scale.slots, 1, 0))
            budget *= train.flops(Denoiser(base), sample) / sample["tokens"].numel()
        spent = baselines.train_single(model, options["kind"], args, budget)
        keep(model, folder, options["kind"])
        measured = (baselines.measure_fim if options["kind"] == "fim" else baselines.measure_bidirectional)(model, args, held)
    else:
        head = LengthHead(shape.d_model).to(args.device) if options.get("exact") else None
        forward, spent = train_packed(model, arm, args, head)
        keep(model, folder)
        val = train.Validation(os.path.join(args.data, "val.npz"), args.rows, args.scale.window, args.scale.slots, args.device, exact=options.get("exact", False))
        measured = {"losses": val(model, forward)} | measure_packed(model, forward, arm, args, held, head)
    out = {"arm": arm, "what": words, "parameters": sum(p.numel() for p in model.matrices()), **spent, "all_seconds": round(time.time() - began, 1), "measured": measured}
    with open(os.path.join(args.out, arm + ".json"), "w") as f:
        json.dump(out, f, indent=1)
    print(json.dumps(out), flush=True)


def keep(model, folder, objective=None):
    """A checkpoint for export.py."""
    if objective:
        with torch.no_grad():
            model.role.copy_(model.role[0].expand_as(model.role))  # the one role that they trained, whatever the graph calls it
    model.save(folder)
    if objective:
        path = os.path.join(folder, "config.json")
        with open(path) as f:
            config = json.load(f)
        with open(path, "w") as f:
            json.dump(config | {"objective": objective}, f, indent=1)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("arms", nargs="*", metavar="ARM", help=", ".join(ARMS))
    ap.add_argument("--data")
    ap.add_argument("--out", default="out")
    ap.add_argument("--table", help="print what a folder of results says")
    ap.add_argument("--positions", type=float, default=25e6, help="of the base arm")
    ap.add_argument("--rows", type=int, default=16, help="rows a step")
    ap.add_argument("--records", type=int, default=128, help="records of val.npz whose holes are predicted")
    ap.add_argument("--fill", type=int, default=64, help="how many of them are filled as well, which takes many forwards")
    ap.add_argument("--workers", type=int, default=4)
    size = ap.add_mutually_exclusive_group()
    size.add_argument("--tiny", action="store_true", help="the network for a core instead of the one for a GPU")
    size.add_argument("--shipped", action="store_true", help="the network of the bundle that ships")
    ap.add_argument("--equal", choices=("operations", "positions"), default="operations", help="what the baselines are given as much of as the base arm")
    ap.add_argument("--grow", type=train.stages, default=[], metavar="N:SHARE,...", help="begin with fewer layers, as train.py does")
    ap.add_argument("--compile", action="store_true", help="torch.compile on a CPU too")
    ap.add_argument("--threads", type=int, default=0)
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = ap.parse_args()
    if args.table:
        return tables.show(args.table)
    if not args.data or not args.arms:
        ap.error("name --data and at least one arm, or --table")
    unknown = [a for a in args.arms if a not in ARMS]
    if unknown:
        ap.error(f"no arm {unknown[0]}: there are {', '.join(ARMS)}")
    if args.threads:
        torch.set_num_threads(args.threads)
    args.scale = TINY if args.tiny else SHIPPED if args.shipped else SMALL
    if args.device == "cpu":
        args.workers = 0
    else:
        args.compile = True
    args.models, args.forwards = {}, {}
    for arm in args.arms:
        run(arm, args)


if __name__ == "__main__":
    main()
