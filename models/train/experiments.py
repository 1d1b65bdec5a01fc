"""The experiments that decide the design: small models, the same holes, one table.

    python experiments.py --data data --out out --positions 25e6 base ar0 ar1 own exact   # one GPU, one compilation
    python experiments.py --data data --out out --positions 25e6 fim bidirectional
    python experiments.py --table out                                                     # docs/model.md's tables

Every arm trains the same small network with the same number of operations and
fills the same holes of repositories that are not trained on. Writes
OUT/ARM.json. On two cores: --positions 3e5 --rows 2, to see it run.
"""

import argparse
import json
import math
import os
import time
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

import batches
import decode
import train
import vocabulary as v
from head import head_loss
from model import Config, Denoiser
from muon import Muon

SMALL = Config(d_model=256, n_layer=8, n_head=4, n_kv=2, ffn=704)
WINDOW, SLOTS = 1024, 768
HOLE_KINDS = ("rest", "line", "expression")
LIMIT = 15  # tokens of an answer: it fits every canvas compared
LENGTHS = 64  # classes of the length head

# arm -> (what differs from the base, in words), shape, options
ARMS = {
    "base": ("two streams, AR loss 0.5, delete slack", SMALL, {}),
    "ar0": ("no AR loss", SMALL, {"left": 0.0}),
    "ar1": ("AR loss 1.0", SMALL, {"left": 1.0}),
    "own": ("own-sample flips from 30 % of the run", SMALL, {"own": 0.3}),
    "exact": ("canvases without slack, length head", SMALL, {"exact": True}),
    "wide": ("d 352, 4 layers", replace(SMALL, d_model=352, n_layer=4, n_head=6, ffn=960, head_dim=64), {}),
    "deep": ("d 192, 15 layers", replace(SMALL, d_model=192, n_layer=15, n_head=3, n_kv=1, ffn=512), {}),
    "vocab8k": ("8,192 entries", replace(SMALL, vocab=8192), {}),
    "fim": ("autoregressive, fill in the middle", SMALL, {"kind": "fim"}),
    "bidirectional": ("one bidirectional stream, canvases in place", SMALL, {"kind": "bidirectional"}),
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


def canvases_of(batch, T):
    """For each canvas of a batch: (row, first slot, size, record, hole, last L, last R), int64 [k, 7]."""
    S = batch["live"].shape[1]
    ca = batch["ca"][:, 2 * T :]
    first = batch["live"] & (ca == torch.arange(S, device=ca.device))
    b, s = first.nonzero(as_tuple=True)
    at = lambda name: batch[name][:, 2 * T :][b, s].long()
    return torch.stack((b, s, at("cb") - at("ca"), batch["record"][b, s], batch["hole"][b, s], at("lb") - 1, T + at("rb") - 1), 1)


class Held:
    """The holes every arm is measured on: all short ones of some records of val.npz."""

    def __init__(self, data, records, device):
        self.records = batches.Records(os.path.join(data, "val.npz"))
        rng = np.random.default_rng(5)
        self.chosen = rng.permutation(len(self.records))[:records]
        self.kinds = [i for i, k in enumerate(self.records.kinds) if k in HOLE_KINDS]
        self.device = device
        tok = v.load(os.path.join(data, "tokenizer.json")) if os.path.exists(os.path.join(data, "tokenizer.json")) else None
        size = tok.get_vocab_size() if tok else 300
        breaks = [i for i in range(size) if tok and tok.decode([i])[:1] in ("\n", "\r")]
        self.breaks = torch.zeros(size, dtype=torch.bool, device=device)
        self.breaks[breaks] = True

    def holes(self):
        """(record, hole, header, body, start, stop, end mark) of each."""
        for i in self.chosen:
            header, body, end, holes = self.records.record(i)
            for k, (a, z, kind) in enumerate(holes):
                if kind in self.kinds and z - a <= LIMIT:
                    yield int(i), k, header, body, int(a), int(z), end

    def packed(self, rows, size=None, exact=False):
        """Batches of the two-stream layout, everything masked, canvases of one size."""
        packed = batches.bins(self.records, self.chosen, WINDOW, SLOTS)
        rng = np.random.default_rng(0)
        # A record of many holes does not fit all its canvases beside others: one record a row.
        single = [[r] for row in packed for r in row]
        single += single[: -len(single) % rows]
        for at in range(0, len(single), rows):
            b = batches.batch(self.records, single[at : at + rows], rng, WINDOW, SLOTS, ratio=1.0, exact=exact, slack=size, kinds=self.kinds, limit=LIMIT)
            yield train.moved(b, self.device)


def report(rows):
    """Exact match with a Wilson interval, over {(record, hole): bool}."""
    n, x = len(rows), sum(rows.values())
    if not n:
        return None
    p, z = x / n, 1.96
    mid, half = (p + z * z / 2 / n) / (1 + z * z / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n) / (1 + z * z / n)
    return {"holes": n, "exact": round(100 * p, 2), "low": round(100 * (mid - half), 1), "high": round(100 * (mid + half), 1)}


# --- two streams ---


def fill_packed(model, forward, batch, breaks, floor=0.0):
    """Denoises every canvas of a batch at once. Returns rows of (record, hole, tokens, truth, score, steps)."""
    T = forward.T
    where = canvases_of(batch, T)
    C = int(where[:, 2].max())
    b, s, size = where[:, 0], where[:, 1], where[:, 2]
    j = torch.arange(C, device=b.device)
    inside = j < size[:, None]
    at = (s[:, None] + j).clamp(max=batch["live"].shape[1] - 1)
    tokens = batch["tokens"].clone()
    slots = torch.where(inside, v.MASK, v.DELETE)
    truth = torch.where(inside, batch["truth"][b[:, None], at], v.DELETE)

    def predict(slots):
        canvas = tokens[:, 2 * T :]
        canvas[b[:, None].expand_as(at)[inside], at[inside]] = slots[inside]
        y = forward(batch, tokens)[:, 2 * T :][b[:, None], at].detach()
        return model.logits(y), torch.sigmoid(model.quality(y))

    with torch.enable_grad():  # the compiled training graph serves: no second compilation
        out, score, steps = denoise_exact(slots, predict, breaks, floor, inside)
    return [(int(r), int(h), o, t, float(c), int(n)) for r, h, o, t, c, n in zip(where[:, 3], where[:, 4], out, truth, score, steps)]


def denoise_exact(slots, predict, breaks, floor, inside):
    filled, score, steps = decode.denoise(slots, predict, breaks, floor=floor)
    return torch.where(inside, filled, v.DELETE), score, steps


def exact_of(rows):
    return {(r, h): bool(decode.equal(o[None], t[None])) for r, h, o, t, _, _ in rows}


def train_packed(model, arm, args, head=None):
    device = args.device
    forward = args.forwards.setdefault((model.c.d_model, model.c.n_layer, model.c.vocab), train.Forward(model, WINDOW, device))
    options = ARMS[arm][2]
    exact = options.get("exact", False)
    data = batches.loader(args.data, args.rows, WINDOW, SLOTS, 1, args.workers, flips=train.FLIP, exact=exact)
    muon, adam = Muon(model.matrices(), train.LR_MATRIX), torch.optim.Adam(model.tables() + (list(head.parameters()) if head else []), train.LR_TABLE, betas=(0.9, 0.95))
    steps = max(1, int(args.positions / (args.rows * (2 * WINDOW + SLOTS))))
    began = time.time()
    for step in range(steps):
        share = step / steps
        for opt, base in ((muon, train.LR_MATRIX), (adam, train.LR_TABLE)):
            opt.param_groups[0]["lr"] = base * train.lr_at(share)
        batch = train.moved(next(data), device)
        left = options.get("left", 0.5) * (1.0 if share < 1 - train.DECAY else 0.5)
        own = "own" in options and share > options["own"] and step % 2 == 0
        loss, parts = train.losses(model, forward, batch, left, left / 2, own)
        if head:
            where = canvases_of(batch, WINDOW)
            n = (batch["truth"] != v.DELETE).int()
            real = torch.stack([n[b, s : s + c].sum() for b, s, c in where[:, :3].tolist()]) if False else where[:, 2]
            y = forward.features
            loss = loss + 0.2 * F.cross_entropy(head(y, where[:, [0, 5, 6]]), real.clamp(max=LENGTHS - 1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.tables(), 1.0)
        muon.step(), adam.step()
        muon.zero_grad(set_to_none=True), adam.zero_grad(set_to_none=True)
        if step == 2:
            parts["canvas"].item()
            began = time.time()
        if step % 50 == 0:
            print(arm, step, steps, {k: round(x.item(), 3) for k, x in parts.items()}, f"{time.time() - began:.0f} s", flush=True)
    return forward, {"steps": steps, "positions": steps * args.rows * (2 * WINDOW + SLOTS), "operations": train.flops(model, batch) * steps, "seconds": round(time.time() - began, 1)}


def measure_packed(model, forward, arm, args, held, head=None):
    out = {}
    exact = ARMS[arm][2].get("exact", False)
    sizes = {"true length": None} if exact else {"canvas 8": 8, "canvas 16": 16, "canvas 32": 32}
    found = {}
    for name, size in sizes.items():
        rows = [r for b in held.packed(args.rows, size, exact) for r in fill_packed(model, forward, b, held.breaks)]
        found[name] = {(r, h): (o, t, c, n) for r, h, o, t, c, n in rows}
        e = exact_of(rows)
        out[name] = report(e)
        tokens = {k: int(decode.lengths(x[0][None])) for k, x in found[name].items()}
        out[name]["tokens a forward"] = round(sum(tokens.values()) / max(1, sum(x[3] for x in found[name].values())), 2)
        out[name]["length within 3"] = round(100 * np.mean([abs(tokens[k] - int(decode.lengths(x[1][None]))) <= 3 for k, x in found[name].items()]), 1)
    if exact:
        out["length head"] = length_head(model, forward, args, held, head)
        return out
    common = set.intersection(*(set(f) for f in found.values()))
    pick = {k: max((found[n][k] for n in sizes), key=lambda x: x[2]) for k in common}
    out["8, 16, 32 by score"] = report({k: bool(decode.equal(x[0][None], x[1][None])) for k, x in pick.items()})
    out["8, 16, 32 oracle"] = report({k: any(bool(decode.equal(found[n][k][0][None], found[n][k][1][None])) for n in sizes) for k in common})
    ranked = rerank(model, held, {k: [found[n][k] for n in sizes] for k in common})
    for name, chosen in ranked.items():
        out[f"8, 16, 32 by {name}"] = report({k: bool(decode.equal(x[0][None], x[1][None])) for k, x in chosen.items()})
    rows = [r for b in held.packed(args.rows, 16) for r in fill_packed(model, forward, b, held.breaks, floor=0.15)]
    out["canvas 16, remasking"] = report(exact_of(rows))
    return out


def rerank(model, held, candidates, suffix=8):
    """Chooses among candidates by what the L head says of middle and first suffix tokens. {(record, hole): [(slots, truth, score, steps)]}"""
    rows, owner = [], []
    for record, k, header, body, a, z, _ in held.holes():
        for n, (slots, *_) in enumerate(candidates.get((record, k), ())):
            middle = slots[: int(decode.lengths(slots[None]))].tolist()
            rows.append((np.concatenate((header, body[:a]))[-(WINDOW - 64) :].tolist(), middle, body[z : z + suffix].tolist()))
            owner.append((record, k, n))
    result = {}
    for left, middle, after, key in zip(*likelihood(model, rows, held.device), owner):
        result[key] = left, middle, after
    rules = {
        "likelihood of the middle": lambda m, n, s, k, c: m / max(n, 1),
        "likelihood of the suffix": lambda m, n, s, k, c: s,
        "likelihood of both": lambda m, n, s, k, c: (m + s) / (n + k),
        "score and suffix": lambda m, n, s, k, c: c + s / max(k, 1),
    }
    out = {}
    for name, rule in rules.items():
        chosen = {}
        for key, cands in candidates.items():
            scored = []
            for n, cand in enumerate(cands):
                (m, length), (s, after) = result[(*key, n)][0], result[(*key, n)][1]
                scored.append(rule(m, length, s, after, cand[2]))
            chosen[key] = cands[int(np.argmax(scored))]
        out[name] = chosen
    return out


@torch.no_grad()
def likelihood(model, rows, device, size=64):
    """Log-probabilities under the L stream: lists of (sum over middle, its length), (sum over suffix, its length), None."""
    a, b = [], []
    for at in range(0, len(rows), size):
        part = rows[at : at + size]
        width = max(sum(map(len, r)) for r in part)
        tokens = torch.full((len(part), width), v.PAD, device=device)
        for i, (l, m, s) in enumerate(part):
            tokens[i, : len(l) + len(m) + len(s)] = torch.tensor(l + m + s, device=device)
        y = model.single(tokens, torch.arange(width, device=device).expand(len(part), -1), None)
        for i, (l, m, s) in enumerate(part):
            first = len(l) - 1
            logp = model.logits(y[i, first : first + len(m) + len(s)]).float().log_softmax(-1)
            got = logp.gather(1, tokens[i, first + 1 : first + 1 + len(m) + len(s)][:, None])[:, 0]
            a.append((float(got[: len(m)].sum()), len(m)))
            b.append((float(got[len(m) :].sum()), len(s)))
    return a, b, [None] * len(a)


def length_head(model, forward, args, held, head):
    """Canvases as long as the length head says; and of its three likeliest lengths the best by score."""
    guess = {}
    for batch in held.packed(args.rows, None, True):
        y = forward(batch, batch["tokens"]).detach()
        where = canvases_of(batch, WINDOW)
        top = head(y, where[:, [0, 5, 6]]).topk(3, -1).indices
        for row, lengths in zip(where.tolist(), top.tolist()):
            guess[row[3], row[4]] = [max(1, n) for n in lengths]
    found = []
    for rank in range(3):
        rows = []
        for batch in held.packed(args.rows, lambda record, hole: guess[record, hole][rank], True):
            rows += fill_packed(model, forward, batch, held.breaks)
        found.append({(r, h): (o, t, c, n) for r, h, o, t, c, n in rows})
    # The truth of a canvas shorter than the answer is cut off: compare with the whole answer.
    whole = {(r, k): torch.tensor(body[a:z], device=held.device) for r, k, _, body, a, z, _ in held.holes()}
    right = lambda key, x: bool(decode.equal(x[0][None], whole[key][None]))
    common = set.intersection(*(set(f) for f in found))
    first = report({k: right(k, found[0][k]) for k in common})
    first["length within 3"] = round(100 * np.mean([abs(guess[k][0] - len(whole[k])) <= 3 for k in common]), 1)
    best = report({k: right(k, max((f[k] for f in found), key=lambda x: x[2])) for k in common})
    return {"its first": first, "best of its first three by score": best}


# --- baselines: one stream ---


def fim_sequence(header, body, a, z, end):
    """[header] left <hole> right <mask> answer <delete>: prefix, suffix, middle."""
    return np.concatenate((header, body[:a], [v.HOLE], body[z:], [end, v.MASK], body[a:z], [v.DELETE]))


def fim_rows(records, rng, rows):
    """Endless batches [rows, WINDOW + 1] of FIM documents laid end to end."""
    buffer = np.zeros(0, np.int64)
    while True:
        for i in rng.permutation(len(records)):
            header, body, end, holes = records.record(i)
            if not len(holes):
                continue
            a, z, _ = holes[rng.integers(len(holes))]
            buffer = np.concatenate((buffer, fim_sequence(header, body, a, z, end)))
            need = rows * (WINDOW + 1)
            if len(buffer) >= need:
                yield torch.from_numpy(buffer[:need].reshape(rows, -1))
                buffer = buffer[need:]


def in_place(header, body, holes, sizes):
    """A document with its holes as canvases in their places. Returns (tokens, is canvas, truth)."""
    tokens, canvas, at = [header], [np.zeros(len(header), bool)], 0
    for (a, z, _), size in zip(holes, sizes):
        tokens += [body[at:a], np.concatenate((body[a:z], np.full(size - (z - a), v.DELETE)))]
        canvas += [np.zeros(a - at, bool), np.ones(size, bool)]
        at = z
    tokens.append(body[at:])
    canvas.append(np.zeros(len(body) - at, bool))
    return np.concatenate(tokens), np.concatenate(canvas)


def bidirectional_rows(records, rng, rows, share=0.25):
    """Endless (tokens, truth, canvas, document) [rows, WINDOW + 256]: a quarter of a document's tokens lie in canvases."""
    width = WINDOW + 256
    while True:
        pieces = [np.full((rows, width), v.PAD), np.full((rows, width), v.PAD), np.zeros((rows, width), bool), np.zeros((rows, width), np.int64)]
        fill, doc = np.zeros(rows, int), 1
        for i in rng.permutation(len(records)):
            header, body, _, holes = records.record(i)
            if not len(holes):
                continue
            order, taken, total = rng.permutation(len(holes)), [], 0
            sizes = batches.canvas_sizes(holes[:, 1] - holes[:, 0], rng)
            for k in order:
                if total < share * len(body):
                    taken.append(k)
                    total += sizes[k]
            taken = sorted(taken, key=lambda k: holes[k, 0])
            truth, canvas = in_place(header, body, holes[taken], sizes[taken])
            row = int(np.argmax(fill + len(truth) <= width))
            if fill[row] + len(truth) > width:
                if fill.mean() > 0.8 * width:
                    break
                continue
            m = 1.0 if rng.random() < 0.25 else rng.uniform(0.15, 1.0)
            shown = np.where(canvas & (rng.random(len(truth)) < m), v.MASK, truth)
            s = slice(fill[row], fill[row] + len(truth))
            for piece, x in zip(pieces, (shown, truth, canvas, doc)):
                piece[row, s] = x
            fill[row] += len(truth)
            doc += 1
        yield [torch.from_numpy(p) for p in pieces]


def train_single(model, arm, args, budget):
    """budget: operations, the same as the two-stream arms had."""
    device = args.device
    records = batches.Records(batches.Plan(args.data, 1, 1, 1, 1).shards()[0])
    rng = np.random.default_rng(1)
    fim = ARMS[arm][2]["kind"] == "fim"
    rows = args.rows * 2
    data = (fim_rows if fim else bidirectional_rows)(records, rng, rows)
    muon, adam = Muon(model.matrices(), train.LR_MATRIX), torch.optim.Adam(model.tables(), train.LR_TABLE, betas=(0.9, 0.95))
    spent, step, positions, began = 0.0, 0, 0, time.time()
    stack, head = sum(p.numel() for p in model.matrices()), model.emb.numel()
    while spent < budget:
        share = spent / budget
        for opt, base in ((muon, train.LR_MATRIX), (adam, train.LR_TABLE)):
            opt.param_groups[0]["lr"] = base * train.lr_at(share)
        if fim:
            t = next(data).to(device)
            tokens, target = t[:, :-1], t[:, 1:]
            mask, pos = None, torch.arange(tokens.shape[1], device=device).expand(rows, -1)
            scored, pairs = torch.ones_like(tokens, dtype=torch.bool), tokens.shape[1] / 2
        else:
            tokens, target, canvas, doc = (x.to(device) for x in next(data))
            mask = (doc[:, :, None] == doc[:, None, :])
            pos = torch.arange(tokens.shape[1], device=device).expand(rows, -1)
            scored, pairs = canvas & (tokens == v.MASK), tokens.shape[1]
        y = model.single(tokens, pos, mask)
        weight = torch.full((int(scored.sum()),), 1.0 / int(scored.sum()), device=device)
        loss, _, hit = head_loss(y[scored], model.emb, target[scored], weight)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([model.emb, model.role], 1.0)
        muon.step(), adam.step()
        muon.zero_grad(set_to_none=True), adam.zero_grad(set_to_none=True)
        positions += tokens.numel()
        spent += 6 * (stack * tokens.numel() + head * len(weight)) + 12 * tokens.numel() * pairs * model.c.n_layer * model.c.n_head * model.c.head_dim
        if step % 50 == 0:
            print(arm, step, round(share, 3), round(loss.item(), 3), f"{time.time() - began:.0f} s", flush=True)
        step += 1
    return {"steps": step, "positions": positions, "operations": spent, "seconds": round(time.time() - began, 1)}


@torch.no_grad()
def measure_fim(model, args, held, size=64):
    """Greedy, one token a forward, until the end or LIMIT + 1 tokens."""
    exact, total, forwards = {}, 0, 0
    holes = list(held.holes())
    holes.sort(key=lambda h: len(h[2]) + len(h[3]))
    for at in range(0, len(holes), size):
        part = holes[at : at + size]
        prompts = [fim_sequence(h, b, a, z, e)[: len(h) + len(b) - (z - a) + 3] for _, _, h, b, a, z, e in part]
        width = max(map(len, prompts)) + LIMIT + 1
        tokens = torch.full((len(part), width), v.PAD, device=args.device)
        ends = torch.tensor([len(p) for p in prompts], device=args.device)
        for i, p in enumerate(prompts):
            tokens[i, : len(p)] = torch.from_numpy(p)
        pos = torch.arange(width, device=args.device).expand(len(part), -1)
        alive, index = torch.ones(len(part), dtype=torch.bool, device=args.device), torch.arange(len(part), device=args.device)
        for step in range(LIMIT + 1):
            y = model.single(tokens, pos, None)[index, ends + step - 1]
            logits = model.logits(y).float()
            logits[:, [i for i in range(len(v.SPECIAL)) if i != v.DELETE]] = -torch.inf
            best = logits.argmax(-1)
            best[held.breaks[best]] = v.DELETE  # a line break ends a line, as for the canvases
            forwards += int(alive.sum())
            tokens[index, ends + step] = torch.where(alive, best, v.DELETE)
            alive &= best != v.DELETE
            if not alive.any():
                break
        for i, (r, k, _, body, a, z, _) in enumerate(part):
            out = tokens[i, len(prompts[i]) : len(prompts[i]) + LIMIT + 1]
            exact[r, k] = bool(decode.equal(out[None], torch.from_numpy(body[a:z]).to(out.device)[None]))
            total += int(decode.lengths(out[None]))
    return {"greedy": report(exact) | {"tokens a forward": round(total / max(1, forwards), 2)}}


@torch.no_grad()
def measure_bidirectional(model, args, held, C=16, size=64):
    exact, total, taken = {}, 0, 0
    holes = list(held.holes())
    holes.sort(key=lambda h: len(h[2]) + len(h[3]))
    for at in range(0, len(holes), size):
        part = holes[at : at + size]
        rows = [in_place(h, b, [(a, z, 0)], [C]) for _, _, h, b, a, z, _ in part]
        width = max(len(t) for t, _ in rows)
        tokens = torch.full((len(part), width), v.PAD, device=args.device)
        doc = torch.zeros_like(tokens)
        begin = torch.tensor([int(np.argmax(c)) for _, c in rows], device=args.device)
        for i, (t, _) in enumerate(rows):
            tokens[i, : len(t)] = torch.from_numpy(t)
            doc[i, : len(t)] = 1
        mask = doc[:, :, None] == doc[:, None, :]
        pos = torch.arange(width, device=args.device).expand(len(part), -1)
        at_ = begin[:, None] + torch.arange(C, device=args.device)
        index = torch.arange(len(part), device=args.device)[:, None]
        truth = tokens[index, at_]

        def predict(slots):
            tokens[index, at_] = slots
            y = model.single(tokens, pos, mask)[index, at_]
            return model.logits(y), torch.ones(slots.shape, device=slots.device)

        out, _, steps = decode.denoise(torch.full_like(truth, v.MASK), predict, held.breaks)
        for i, (r, k, *_) in enumerate(part):
            exact[r, k] = bool(decode.equal(out[i][None], truth[i][None]))
        total += int(decode.lengths(out).sum())
        taken += int(steps.sum())
    return {"canvas 16": report(exact) | {"tokens a forward": round(total / max(1, taken), 2)}}


def run(arm, args):
    words, shape, options = ARMS[arm]
    torch.manual_seed(1)
    held = Held(args.data, args.records, args.device)
    shape = replace(shape, vocab=len(held.breaks))
    fresh = Denoiser(shape).to(args.device)
    key = (shape.d_model, shape.n_layer, shape.vocab)
    if key in args.models:  # the same object, so that its compiled forward serves again
        model = args.models[key]
        with torch.no_grad():
            for p, q in zip(model.parameters(), fresh.parameters()):
                p.copy_(q)
    else:
        model = args.models[key] = fresh
    model.dtype = torch.bfloat16 if args.device.startswith("cuda") else torch.float32
    began = time.time()
    if options.get("kind"):
        base = Denoiser(replace(SMALL, vocab=shape.vocab))
        # What the base arm spends, counted on one of its batches.
        sample = next(batches.loader(args.data, args.rows, WINDOW, SLOTS, 1, 0))
        budget = train.flops(base, sample) / sample["tokens"].numel() * args.positions
        spent = train_single(model, arm, args, budget)
        measured = (measure_fim if options["kind"] == "fim" else measure_bidirectional)(model, args, held)
    else:
        head = LengthHead(shape.d_model).to(args.device) if options.get("exact") else None
        forward, spent = train_packed(model, arm, args, head)
        val = train.Validation(os.path.join(args.data, "val.npz"), args.rows, WINDOW, SLOTS, args.device, exact=options.get("exact", False))
        measured = {"losses": val(model, forward)} | measure_packed(model, forward, arm, args, held, head)
    out = {"arm": arm, "what": words, "parameters": sum(p.numel() for p in model.matrices()), **spent, "all_seconds": round(time.time() - began, 1), "measured": measured}
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, arm + ".json"), "w") as f:
        json.dump(out, f, indent=1)
    print(json.dumps(out), flush=True)


def table(folder):
    for arm in ARMS:
        path = os.path.join(folder, arm + ".json")
        if not os.path.exists(path):
            continue
        r = json.load(open(path))
        print(f"| {arm} | {r['what']} | {r['parameters'] / 1e6:.1f}M | {r['operations']:.2g} |", end=" ")
        flat = {}
        for k, m in r["measured"].items():
            flat |= {f"{k}: {n}": x for n, x in m.items()} if k == "length head" else {k: m}
        for name, m in flat.items():
            if isinstance(m, dict) and "exact" in m:
                print(f"{name} {m['exact']:.1f} ({m['low']:.0f}-{m['high']:.0f}) {m.get('tokens a forward', '')};", end=" ")
        print("|", {k: x for k, x in r["measured"].get("losses", {}).items()})


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("arms", nargs="*", choices=[*ARMS, []])
    ap.add_argument("--data")
    ap.add_argument("--out", default="out")
    ap.add_argument("--table", help="print what a folder of results says")
    ap.add_argument("--positions", type=float, default=25e6, help="of the base arm; the others get the same operations or positions")
    ap.add_argument("--rows", type=int, default=16, help="rows a step")
    ap.add_argument("--records", type=int, default=64, help="records of val.npz whose holes are filled")
    ap.add_argument("--workers", type=int, default=4)
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = ap.parse_args()
    if args.table:
        return table(args.table)
    if not args.data or not args.arms:
        ap.error("name --data and at least one arm, or --table")
    if args.device == "cpu":
        args.workers = 0
    args.models, args.forwards = {}, {}
    for arm in args.arms:
        run(arm, args)


if __name__ == "__main__":
    main()
