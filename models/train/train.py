"""Trains the denoiser on prepared records.

    python train.py --data data --out run --minutes 25             # one GPU
    python train.py --data data --out run --minutes 25 --piece 9   # in pieces: once more with --resume
    python train.py --data data --out run --init models/small      # goes on from a bundle
    python train.py --data data --out run --minutes 90 --batch 4   # a few CPU cores, a toy

The last part of a run (--cursor) trains on holes that are asked for at a cursor: none
of arbitrary bytes, none very long. Loss: canvas cross-entropy + L next-token + 0.5 R
previous-token, the stream terms halved in the last 40 % of the run. The schedule is a
function of the share of --minutes that has passed, so a run ends when it should
whatever else the machine does. Writes run/weights.npz, run/config.json, run/state.pt,
run/log.jsonl (plot.py draws it), and at the end run/training.json for the
bundle's manifest.
"""

import argparse
import json
import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import batches
from head import head_loss
from model import Config, Denoiser, blocks
from muon import Muon
from vocabulary import MASK

LR_MATRIX = 0.02  # Muon's usual; the update is orthogonal, so it does not scale with the gradient
LR_TABLE = 0.004  # Adam: embedding, roles, quality head
WARMUP, DECAY = 0.02, 0.40  # shares of the run: warm up, stay, decay linearly to nothing
LEFT = 1.0  # weight of the L loss, R half of it: docs/model.md, experiment 2
OWN_FROM = 0.5  # share of the run after which the model meets its own mistakes
OWN_EVERY = 3  # batches: its samples cost a forward pass more, a third of a step
CURSOR = 0.3  # share of the run, at its end, on holes as users meet them
CURSOR_KINDS = ("rest", "line", "expression", "arguments", "statements", "block", "body")  # without blocks they are unlearnt
CURSOR_TOKENS = 48  # of an answer, at most
FLIP = 0.10  # share of the visible slots offered to them
SAVE_EVERY = 150  # seconds
VALIDATE_EVERY = 400  # steps
PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12}  # dense bf16, by the vendor's datasheets


def moved(batch, device):
    return {k: t.to(device, non_blocking=True) for k, t in batch.items()}


class Forward:
    """packed(), compiled where that pays, and with block-sparse attention where there is a GPU."""

    def __init__(self, model, window, device, compiled=None):
        self.T, self.cuda = window, device.startswith("cuda")
        self.compiled = self.cuda if compiled is None else compiled
        self.run = torch.compile(model.packed, dynamic=False) if self.compiled else model.packed

    def __call__(self, batch, tokens):
        see = tuple(batch[k] for k in ("la", "lb", "ra", "rb", "ca", "cb"))
        found = blocks(see, self.T) if self.cuda else None
        return self.run(tokens, batch["pos_a"], batch["pos_b"], see, self.T, found)


def own_samples(model, forward, batch):
    """tokens with the slots of batch["flip"] replaced by what the model would have put there.

    Uniform noise does not look like real errors; these are real ones. Gradient
    mode stays on, unused: switching it off would compile the model once more.
    """
    T, tokens = forward.T, batch["tokens"]
    hidden = tokens.clone()
    hidden[:, 2 * T :][batch["flip"]] = MASK
    y = forward(batch, hidden).detach()[:, 2 * T :][batch["flip"]]
    if len(y):
        drawn = torch.multinomial(model.logits(y).detach().float().softmax(-1), 1)[:, 0]
        hidden[:, 2 * T :][batch["flip"]] = drawn
    return hidden


def losses(model, forward, batch, left=LEFT, right=LEFT / 2, own=False, extra=None, confidence=0.0):
    """(loss to minimise, dict of the parts as tensors): canvas, left, right, quality, hit.

    confidence: weight of the entropy of canvas slots whose first choice is right. What is right but
    unsure waits for further steps, so that being sure of it is what fewer steps need (LLaDA2.0, 2025).
    extra: adds a loss of its own, a function of the features [B, N, d].
    """
    T, N = forward.T, batch["tokens"].shape[1]
    tokens = own_samples(model, forward, batch) if own else batch["tokens"]
    y = forward(batch, tokens)
    rows = torch.cat((batch["l_rows"], batch["r_rows"], batch["c_rows"]))
    at = batch["c_rows"]
    slot = at // N * (N - 2 * T) + at % N - 2 * T  # index into [B, S]
    shown, truth = tokens[:, 2 * T :].reshape(-1)[slot], batch["truth"].reshape(-1)[slot]
    w = batch["weight"].reshape(-1)[slot] * (shown != truth)  # a visible slot counts only where it is wrong
    nl, nr = len(batch["l_rows"]), len(batch["r_rows"])
    weight = torch.cat((w.new_full((nl,), left / max(nl, 1)), w.new_full((nr,), right / max(nr, 1)), w / w.sum().clamp(min=1)))
    target = torch.cat((batch["l_target"], batch["r_target"], truth))
    sharpen = torch.cat((w.new_zeros(nl + nr), confidence * w / w.sum().clamp(min=1))) if confidence else None
    loss, nll, hit = head_loss(y.flatten(0, 1)[rows], model.emb, target, weight, forward.compiled, sharpen)
    # Quality: is what stands there right, or, where a mask stands, would the first choice be?
    correct = (tokens[:, 2 * T :] == batch["truth"]).float()
    correct.view(-1)[slot] = torch.where(shown == MASK, hit.float()[nl + nr :], (shown == truth).float())
    judged = F.binary_cross_entropy_with_logits(model.quality(y[:, 2 * T :]), correct, reduction="none")
    quality = (judged * batch["live"]).sum() / batch["live"].sum().clamp(min=1)
    l, r, c = nll.detach().split((nl, nr, len(at)))
    parts = {
        "canvas": (c * w).sum() / w.sum().clamp(min=1), "left": l.mean(), "right": r.mean(),
        "quality": quality.detach(), "hit": (hit[nl + nr :] * w).sum() / w.sum().clamp(min=1),
    }  # fmt: skip
    return loss + quality + (extra(y) if extra else 0), parts


def stages(text):
    """[(layers, until which share of the run)] of "2:0.3,4:0.6"."""
    return [(int(n), float(share)) for n, _, share in (part.partition(":") for part in text.split(",") if part)]


def layers_at(grow, share, most):
    """How many layers are in use after this share of a run that grows by stages."""
    return next((n for n, until in grow if share < until), most)


def lr_at(share):
    if share < WARMUP:
        return share / WARMUP
    return min(1.0, max(0.0, (1 - share) / DECAY))


class Optimisers:
    """Muon for the matrices, Adam for the tables and whatever more there is, on one schedule."""

    def __init__(self, model, more=(), eps=1e-10):
        self.model = model
        self.muon = Muon(model.matrices(), LR_MATRIX, dtype=model.dtype)
        self.adam = torch.optim.Adam([*model.tables(), *more], LR_TABLE, betas=(0.9, 0.95), eps=eps)

    def step(self, share):
        """Takes a step with the gradients there are, and drops them. share: of the run that has passed."""
        torch.nn.utils.clip_grad_norm_(self.model.tables(), 1.0)
        for optimiser, base in ((self.muon, LR_MATRIX), (self.adam, LR_TABLE)):
            for group in optimiser.param_groups:
                group["lr"] = base * lr_at(share)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def state(self):
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load(self, state):
        self.muon.load_state_dict(state["muon"]), self.adam.load_state_dict(state["adam"])


def flops(model, batch):
    """Operations of one training step over this batch: products only, forward and twice that backward."""
    c = model.c
    positions = batch["tokens"].numel()
    stack = sum(p.numel() for layer in model.layers[: model.active] for p in layer.parameters()) * positions
    head = model.emb.numel() * sum(len(batch[k]) for k in ("l_rows", "r_rows", "c_rows"))
    pairs = sum(int((batch[hi].long() - batch[lo]).sum()) for lo, hi in (("la", "lb"), ("ra", "rb")))
    return 6 * (stack + head) + 12 * pairs * model.active * c.n_head * c.head_dim


class Validation:
    """Losses on repositories that are not trained on, everything masked."""

    def __init__(self, path, size, window, slots, device, count=4, **options):
        records = batches.Records(path)
        rng = np.random.default_rng(0)
        rows = batches.bins(records, rng.permutation(len(records)), window, slots)
        rows = [rows[i % len(rows)] for i in range(max(size, len(rows) // size * size))]
        groups = [rows[i : i + size] for i in range(0, len(rows), size)][:count]
        self.batches = [moved(batches.batch(records, g, rng, window, slots, ratio=1.0, **options), device) for g in groups]

    def __call__(self, model, forward):
        total = {}
        for b in self.batches:
            for k, v in losses(model, forward, b)[1].items():
                total[k] = total.get(k, 0) + v.item() / len(self.batches)
        return {k: round(v, 4) for k, v in total.items()}


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True, help="folder prepare.py wrote")
    ap.add_argument("--out", required=True)
    ap.add_argument("--minutes", type=float, default=25, help="length of the whole run; --resume goes on within it")
    ap.add_argument("--piece", type=float, default=0, help="stop after this many minutes of it, to be resumed")
    ap.add_argument("--wall", type=float, default=0, help="shorten the run so that the process ends within this many minutes, compilation included")
    ap.add_argument("--batch", type=int, default=64, help="rows a step; 2 * window + slots positions each")
    ap.add_argument("--window", type=int, default=1024, help="tokens of each stream of a row")
    ap.add_argument("--slots", type=int, default=768, help="canvas slots of a row")
    ap.add_argument("--left", type=float, default=LEFT, help="weight of the L loss (R: half of it)")
    ap.add_argument("--own-every", type=int, default=OWN_EVERY, help="0: never train on own samples")
    ap.add_argument("--cursor", type=float, default=CURSOR, help="share of the run, at its end, on holes as users meet them: no arbitrary spans, none very long")
    ap.add_argument("--confidence", type=float, default=0.0, help="in that last part, weight of the entropy of slots whose first choice is right: fewer steps for the same text")
    ap.add_argument("--resume", action="store_true")
    ap.add_argument("--init", help="checkpoint or bundle to begin from")
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    ap.add_argument("--bf16", action="store_true", help="bf16 activations on a CPU too (pays with AMX or AVX512-BF16 only)")
    ap.add_argument("--compile", action="store_true", help="torch.compile on a CPU too: a minute at the start, then twice the speed; needs a C++ compiler")
    ap.add_argument("--grow", type=stages, default=[], metavar="N:SHARE,...", help="use only the first N layers up to that share of the run: with little compute, more steps are worth more than depth (a layer not yet used is the identity, so nothing jumps)")
    ap.add_argument("--threads", type=int, default=0)
    ap.add_argument("--workers", type=int, default=-1, help="processes that make batches (default: 8 beside a GPU, else none)")
    ap.add_argument("--seed", type=int, default=1)
    for name, value in vars(Config()).items():
        if type(value) is int:
            ap.add_argument("--" + name.replace("_", "-"), type=int, default=value)
    return ap.parse_args()


def main():
    args = arguments()
    born = time.time()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    cuda = args.device.startswith("cuda")
    if args.resume and not os.path.exists(os.path.join(args.out, "state.pt")):
        sys.exit(f"{args.out} has no state.pt to resume from: run without --resume first")
    resumed = torch.load(os.path.join(args.out, "state.pt"), map_location=args.device, weights_only=False) if args.resume else None
    if args.init:
        model = Denoiser.load(args.init)
    else:
        model = Denoiser(Config(**{k: getattr(args, k) for k, v in vars(Config()).items() if type(v) is int}))
    model.to(args.device)
    model.dtype = torch.bfloat16 if cuda or args.bf16 else torch.float32
    forward = Forward(model, args.window, args.device, cuda or args.compile)
    optimisers = Optimisers(model)
    step, spent, positions, operations, turned = 0, 0.0, 0, 0.0, None
    os.makedirs(args.out, exist_ok=True)
    if resumed:
        model.load_state_dict(resumed["model"]), optimisers.load(resumed)
        step, spent, positions, operations, turned = (resumed[k] for k in ("step", "spent", "positions", "operations", "turned"))
    workers = args.workers if args.workers >= 0 else 8 if cuda else 0

    def load(turned):
        """Batches from step on; turned: the step from which on they hold users' holes only, if it has come."""
        at_cursor = dict(kinds=[known.index(k) for k in CURSOR_KINDS], limit=CURSOR_TOKENS) if turned is not None else {}
        skip, seed = (step, args.seed) if turned is None else (step - turned, args.seed + 1)
        return batches.loader(args.data, args.batch, args.window, args.slots, seed, workers, skip=skip, flips=FLIP, **at_cursor)

    known = batches.Records(batches.shards(args.data)[0]).kinds
    data = load(turned)
    val = os.path.join(args.data, "val.npz")
    validate = Validation(val, args.batch, args.window, args.slots, args.device) if os.path.exists(val) else None

    def save():
        model.save(args.out)
        state = {"model": model.state_dict(), **optimisers.state(),
                 "step": step, "spent": spent, "positions": positions, "operations": operations, "turned": turned}  # fmt: skip
        torch.save(state, os.path.join(args.out, "state.tmp"))
        os.replace(os.path.join(args.out, "state.tmp"), os.path.join(args.out, "state.pt"))

    def train_step(share):
        batch = moved(next(data), args.device)
        model.active = layers_at(args.grow, share, model.c.n_layer)
        streams = args.left * (1.0 if share < 1 - DECAY else 0.5)
        own = share > OWN_FROM and args.own_every and step % args.own_every == 0
        loss, parts = losses(model, forward, batch, streams, streams / 2, own, confidence=args.confidence if turned is not None else 0.0)
        loss.backward()
        optimisers.step(share)
        return batch, parts

    card = torch.cuda.get_device_name() if cuda else "CPU"
    inner = sum(p.numel() for p in model.matrices())
    print(f"{inner / 1e6:.2f}M parameters in the stack, {model.emb.numel() / 1e6:.2f}M in the embedding, {card}", flush=True)
    log = open(os.path.join(args.out, "log.jsonl"), "a")
    budget = args.minutes * 60
    warm, start, saved, base, logged = 0, time.time(), time.time(), spent, None
    cost, counted = 0.0, 0
    while spent < budget and not (args.piece and spent - base > args.piece * 60):
        if turned is None and spent / budget > 1 - args.cursor:
            turned = step
            data = load(turned)
        batch, parts = train_step(spent / budget)
        step += 1
        warm += 1
        positions += batch["tokens"].numel()
        if counted != model.active:
            cost, counted = flops(model, batch), model.active
        if warm <= 3:  # compilation is not training
            parts["canvas"].item()
            start = time.time()
            if args.wall:
                budget = min(budget, base + args.wall * 60 - (time.time() - born) - 15)
        operations += cost
        spent = base + time.time() - start
        if step % 20 == 0 or warm <= 3:
            row = {"step": step, "share": round(spent / budget, 4), "positions": positions, "lr": round(lr_at(spent / budget), 3),
                   **{k: round(v.item(), 4) for k, v in parts.items()}}  # fmt: skip
            now = time.time()
            if logged:
                row["positions_a_second"] = round((positions - logged[1]) / (now - logged[0]))
                row["tflops"] = round((step - logged[2]) * cost / (now - logged[0]) / 1e12, 1)
            logged = now, positions, step
            if not math.isfinite(row["canvas"]):
                raise SystemExit(f"step {step}: the loss is {row['canvas']}; the last checkpoint is in {args.out}")
            if step % VALIDATE_EVERY == 0 and validate:
                row["val"] = validate(model, forward)
            print(json.dumps(row), file=log, flush=True)
            print(row, flush=True)
        if time.time() - saved > SAVE_EVERY:
            save()
            saved = time.time()
    save()
    summary = {
        "stack_parameters": inner,
        "embedding_parameters": model.emb.numel(),
        "steps": step,
        "positions": positions,
        "operations": float(f"{operations:.4g}"),
        "minutes": round(spent / 60, 2),
        "device": card,
        "torch": torch.__version__,
        "options": {k: v for k, v in vars(args).items() if k not in ("data", "out")},
        "validation": validate(model, forward) if validate else None,
    }
    peak = next((p for name, p in PEAK.items() if name in card), None)
    if peak:
        summary["share_of_peak"] = round(operations / spent / peak, 3)
    print(json.dumps(summary), file=log, flush=True)
    with open(os.path.join(args.out, "training.json"), "w") as f:  # export.py --training
        json.dump(summary, f, indent=1)
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
