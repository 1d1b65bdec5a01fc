"""Trains the denoiser on prepared records.

    python train.py --data data --out run --minutes 90            # two cores
    python train.py --data data --out run --minutes 9 --resume    # in pieces
    python train.py --data data --out run --minutes 75 --grow 2:0.3,4:0.58   # shallow first
    python train.py --data data --out run --minutes 25 --batch 64 # one GPU

Loss: canvas cross-entropy + 0.5 L next-token + 0.25 R previous-token, the
stream terms halved in the last 40 % of the run. The schedule is a function of
the share of --minutes that has passed, so a run ends when it should whatever
else the machine does. Writes run/weights.npz, run/config.json, run/state.pt,
run/log.jsonl, and at the end run/training.json for the bundle's manifest.
"""

import argparse
import json
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from batches import Records
from model import Config, Denoiser
from vocabulary import PAD

LR_MATRIX = 0.02  # Muon's usual; update is orthogonal, so it does not scale with the gradient
LR_TABLE = 0.004  # Adam: embedding, roles, quality head
WARMUP, DECAY = 0.02, 0.40  # shares of the run: warm up, stay, decay linearly to nothing
FLIPS_FROM = 0.5
SAVE_EVERY = 300  # seconds
HELD_BACK = 50  # one record in fifty is never trained on: the validation set of the log


def orthogonalise(g, steps=4):
    """Newton-Schulz towards the nearest semi-orthogonal matrix (Muon, Jordan et al. 2024). g [k, m, n]."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    wide = x.shape[-2] > x.shape[-1]
    x = x.mT if wide else x
    for _ in range(steps):
        s = x @ x.mT
        x = a * x + (b * s + c * (s @ s)) @ x
    return x.mT if wide else x


class Muon(torch.optim.Optimizer):
    """Momentum, then orthogonalisation, for matrices; equal shapes go through one batched product."""

    def __init__(self, params, lr, momentum=0.95):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                shapes.setdefault(p.shape, []).append(p)
            for shape, params in shapes.items():
                updates = []
                for p in params:
                    m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    m.lerp_(p.grad, 1 - group["momentum"])
                    updates.append(p.grad.lerp(m, group["momentum"]))
                scale = max(1, shape[1] / shape[0]) ** 0.5  # x @ W: rows are inputs
                for p, u in zip(params, orthogonalise(torch.stack(updates))):
                    p.add_(u, alpha=-group["lr"] * scale)


def losses(model, batch, run):
    """dict of scalar losses: canvas, left, right, quality."""
    T = batch["left"].shape[1]
    y = run(*(batch[k] for k in ("left", "right", "canvas", "pos_a", "pos_b", "allowed")))
    parts = {}
    for name, span, target in (("left", y[:, :T], batch["l_target"]), ("right", y[:, T : 2 * T], batch["r_target"])):
        rows = target != PAD
        parts[name] = F.cross_entropy(model.logits(span[rows]), target[rows])
    slots, live = y[:, 2 * T :], batch["live"]
    scored = batch["weight"] > 0
    logits = model.logits(slots[scored])
    truth, w = batch["truth"][scored], batch["weight"][scored]
    parts["canvas"] = (F.cross_entropy(logits, truth, reduction="none") * w).sum() / w.sum()
    right = (batch["canvas"] == batch["truth"]).float()
    right[scored] = (logits.detach().argmax(-1) == truth).float() * (batch["canvas"][scored] == 1)  # 1: mask
    parts["quality"] = F.binary_cross_entropy_with_logits(model.quality(slots[live]), right[live])
    return parts


def stages(text, layers):
    """'2:0.3,4:0.58' -> [(0.3, 4), (0.58, 7)] and the 2 layers to begin with.

    Where compute is short, a shallow model sees several times the tokens first;
    the deeper one goes on from it (gradual stacking, Gong et al. 2019).
    """
    if not text:
        return layers, []
    steps = [(int(n), float(until)) for n, until in (part.split(":") for part in text.split(","))]
    deeper = [n for n, _ in steps[1:]] + [layers]
    return steps[0][0], [(until, n) for (_, until), n in zip(steps, deeper)]


def lr_at(share):
    if share < WARMUP:
        return share / WARMUP
    return min(1.0, max(0.0, (1 - share) / DECAY))


@torch.no_grad()
def validate(model, data, indices, run, size, device):
    rng = np.random.default_rng(0)
    total, n = {}, 0
    for i in range(0, len(indices) - size + 1, size):
        batch = {k: t.to(device) for k, t in data.batch(indices[i : i + size], rng, ratio=1.0).items()}
        for k, v in losses(model, batch, run).items():
            total[k] = total.get(k, 0) + v.item()
        n += 1
    return {k: round(v / max(n, 1), 4) for k, v in total.items()}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True, help="folder prepare.py wrote")
    ap.add_argument("--out", required=True)
    ap.add_argument("--minutes", type=float, default=90, help="length of the whole run; --resume goes on within it")
    ap.add_argument("--piece", type=float, default=0, help="stop after this many minutes of it, to be resumed")
    ap.add_argument("--batch", type=int, default=4, help="records a step; 1,088 positions each")
    ap.add_argument("--resume", action="store_true")
    ap.add_argument("--init", help="folder with weights.npz to begin from")
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    ap.add_argument("--threads", type=int, default=0)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--no-compile", action="store_true")
    ap.add_argument("--grow", default="", help="LAYERS:UNTIL,...: layers up to shares of the run; --n-layer after the last")
    for name, value in vars(Config()).items():
        if isinstance(value, int):
            ap.add_argument("--" + name.replace("_", "-"), type=int, default=value)
    args = ap.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    torch.set_float32_matmul_precision("high")

    data = Records(os.path.join(args.data, "records.npz"))
    held = np.arange(0, len(data), HELD_BACK)[:48]
    pool = np.setdiff1d(np.arange(len(data)), np.arange(0, len(data), HELD_BACK))
    fields = {k: getattr(args, k) for k, v in vars(Config()).items() if isinstance(v, int)}
    fields["n_layer"], growth = stages(args.grow, fields["n_layer"])
    state = os.path.join(args.out, "state.pt")
    resumed = torch.load(state, map_location=args.device, weights_only=False) if args.resume else None
    if resumed:
        fields["n_layer"] = resumed["layers"]
    model = Denoiser(Config(**fields)) if not args.init else Denoiser.load(args.init)
    model.to(args.device)
    compiled = lambda: model.packed if args.no_compile else torch.compile(model.packed, dynamic=False)
    run = compiled()
    tables = [model.emb, model.role, model.quality_w, model.quality_b]
    muon = Muon(model.matrices(), LR_MATRIX)
    adam = torch.optim.Adam(tables, LR_TABLE, betas=(0.9, 0.95), eps=1e-10)
    step, spent, positions, order, at = 0, 0.0, 0, np.array([], int), 0
    rng = np.random.default_rng(args.seed)
    os.makedirs(args.out, exist_ok=True)
    if resumed:
        s = resumed
        model.load_state_dict(s["model"]), muon.load_state_dict(s["muon"]), adam.load_state_dict(s["adam"])
        step, spent, positions, order, at = s["step"], s["spent"], s["positions"], s["order"], s["at"]
        rng.bit_generator.state = s["rng"]

    def save():
        model.save(args.out)
        torch.save({"model": model.state_dict(), "muon": muon.state_dict(), "adam": adam.state_dict(), "step": step, "layers": model.c.n_layer,
                    "spent": spent, "positions": positions, "order": order, "at": at, "rng": rng.bit_generator.state}, state + ".tmp")  # fmt: skip
        os.replace(state + ".tmp", state)

    inner = sum(p.numel() for p in model.matrices())
    print(f"{inner / 1e6:.2f}M parameters in the stack, {model.emb.numel() / 1e6:.2f}M in the embedding, {len(pool)} records, {args.device}", flush=True)
    log = open(os.path.join(args.out, "log.jsonl"), "a")
    budget, saved, here = args.minutes * 60, time.time(), time.time()
    while spent < budget and (not args.piece or time.time() - here < args.piece * 60):
        began = time.time()
        share = spent / budget
        for until, layers in growth:
            if share >= until and model.c.n_layer < layers:
                model.grow(layers)
                momenta, muon = muon.state, Muon(model.matrices(), LR_MATRIX)
                muon.state.update(momenta)
                run = compiled()
                print(f"step {step}: {layers} layers", flush=True)
        for opt, base in ((muon, LR_MATRIX), (adam, LR_TABLE)):
            for group in opt.param_groups:
                group["lr"] = base * lr_at(share)
        if at + args.batch > len(order):
            order, at = rng.permutation(pool), 0
        batch = {k: t.to(args.device) for k, t in data.batch(order[at : at + args.batch], rng, flips=share > FLIPS_FROM).items()}
        at += args.batch
        with torch.autocast(args.device, torch.bfloat16, enabled=args.device == "cuda"):
            parts = losses(model, batch, run)
        streams = 1.0 if share < 1 - DECAY else 0.5
        loss = parts["canvas"] + streams * (0.5 * parts["left"] + 0.25 * parts["right"]) + parts["quality"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tables, 1.0)
        muon.step(), adam.step()
        for opt in (muon, adam):
            opt.zero_grad(set_to_none=True)
        step += 1
        positions += batch["left"].numel() * 2 + batch["canvas"].numel()
        if not math.isfinite(loss.item()):
            raise SystemExit(f"step {step}: the loss is {loss.item()}; the last checkpoint is {state}")
        # Compilation and validation are not training: only the step counts.
        taken = time.time() - began
        spent += min(taken, 60.0)
        if step % 20 == 0 or step < 4:
            row = {"step": step, "share": round(spent / budget, 4), "positions": positions, "seconds": round(taken, 2),
                   "lr": round(lr_at(share), 3), **{k: round(v.item(), 4) for k, v in parts.items()}}  # fmt: skip
            if step % 200 == 0:
                row["val"] = validate(model, data, held, run, args.batch, args.device)
            print(json.dumps(row), file=log, flush=True)
            print(row, flush=True)
        if time.time() - saved > SAVE_EVERY:
            save()
            saved = time.time()
    save()
    summary = {
        "stack_parameters": sum(p.numel() for p in model.matrices()),
        "embedding_parameters": model.emb.numel(),
        "steps": step,
        "positions": positions,
        "minutes": round(spent / 60, 1),
        "device": args.device,
        "torch": torch.__version__,
        "options": {k: v for k, v in vars(args).items() if k not in ("data", "out", "init")},
        "validation": validate(model, data, held, run, args.batch, args.device),
    }
    print(json.dumps(summary), file=log, flush=True)
    with open(os.path.join(args.out, "training.json"), "w") as f:  # export.py --training
        json.dump(summary, f, indent=1)
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
