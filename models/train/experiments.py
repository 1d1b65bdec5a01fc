"""The experiments that decide the design: small models, the same holes, one table.

    python experiments.py --data data --out out --positions 25e6 base ar0 ar1 own exact   # one GPU, one compilation
    python experiments.py --data data --out out --positions 25e6 fim bidirectional
    python experiments.py --table out                                                     # docs/model.md's tables

Every arm trains a small network with the same number of operations and fills
the same holes of repositories that are not trained on. Writes OUT/ARM.json.
Without a GPU --tiny is a network that a core can train (DATA prepared with
--vocab 4096; the arm vocab8k needs data of its own, prepared with --vocab 8192):

    python experiments.py --tiny --data data4k --out out --positions 1.5e6 --rows 2 --threads 1 base ar0 ar1
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

TINY = Config(d_model=128, n_layer=4, n_head=2, n_kv=1, ffn=352, vocab=4096)
HOLES = 12  # of a record, at most: they fit the widest canvases compared

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

    def __init__(self, data, records, fill, device):
        self.records = batches.Records(os.path.join(data, "val.npz"))
        rng = np.random.default_rng(5)
        fits = np.flatnonzero(self.records.docs[:, 2] < WINDOW)  # R has an end mark instead of the header, so it fits too
        self.chosen = rng.permutation(fits)[:records]
        self.kinds = [i for i, k in enumerate(self.records.kinds) if k in HOLE_KINDS]
        self.device, self.fill = device, fill
        tok = v.load(os.path.join(data, "tokenizer.json")) if os.path.exists(os.path.join(data, "tokenizer.json")) else None
        size = tok.get_vocab_size() if tok else 300
        breaks = [i for i in range(size) if tok and tok.decode([i])[:1] in ("\n", "\r")]
        self.breaks = torch.zeros(size, dtype=torch.bool, device=device)
        self.breaks[breaks] = True
        characters = lambda ids: len(tok.decode([int(x) for x in ids])) if tok else len(ids)
        self.characters = {(r, k): max(1, characters(body[a:z])) for r, k, _, body, a, z, _ in self.holes()}
        self.truth = {(r, k): torch.tensor(body[a:z], device=device) for r, k, _, body, a, z, _ in self.holes()}
        self.filled = {(r, k) for r, k in self.truth if r in set(self.chosen[:fill].tolist())}

    def right(self, found):
        """{(record, hole): whether its answer is exact} of {(record, hole): (slots, ...)}; holes of no answer are wrong."""
        return {key: key in found and bool(decode.equal(found[key][0][None], truth[None])) for key, truth in self.truth.items() if key in self.filled}

    def holes(self):
        """(record, hole, header, body, start, stop, end mark) of each."""
        for i in self.chosen:
            header, body, end, holes = self.records.record(i)
            eligible = [(k, a, z) for k, (a, z, kind) in enumerate(holes) if kind in self.kinds and z - a <= LIMIT]
            for k, a, z in eligible[:HOLES]:
                yield int(i), k, header, body, int(a), int(z), end

    def packed(self, rows, size=None, exact=False, records=None):
        """Batches of the two-stream layout, everything masked, canvases of one size."""
        packed = batches.bins(self.records, self.chosen[:records], WINDOW, SLOTS)
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


def surprise(held, nats, first):
    """How well the answers are predicted, all of their tokens unknown: nats [tokens] and whether the first token's
    first choice is right, of {(record, hole)}. Per hole as well, so that arms can be compared hole by hole."""
    per = {f"{r} {k}": round(float(n.sum()) / held.characters[r, k], 4) for (r, k), n in nats.items()}
    x = np.array(list(per.values()))
    right = report(first)
    return {
        "nats a character": round(float(x.mean()), 4),
        "plus or minus": round(1.96 * float(x.std()) / math.sqrt(len(x)), 4),
        "first token right": right["exact"], "low": right["low"], "high": right["high"], "holes": len(x), "per hole": per,
    }  # fmt: skip


# --- two streams ---


@torch.no_grad()
def surprise_packed(model, forward, held, rows, size, exact):
    """surprise() of the canvases, and of the L stream alone, which the same weights hold."""
    nats, first, left, left_first = {}, {}, {}, {}
    for batch in held.packed(rows, size, exact):
        with torch.enable_grad():
            y = forward(batch, batch["tokens"]).detach()
        for b, s, _, r, k, _, _ in canvases_of(batch, forward.T).tolist():
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
    where = canvases_of(batch, T)
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


def length_loss(head, batch):
    """What losses() adds for the features y: the length head's, where canvases have no slack."""
    where = canvases_of(batch, WINDOW)
    size = where[:, 2].clamp(max=LENGTHS - 1)
    return lambda y: 0.2 * F.cross_entropy(head(y, where[:, [0, 5, 6]]), size)


def train_packed(model, arm, args, head=None):
    device = args.device
    forward = args.forwards.setdefault((model.c.d_model, model.c.n_layer, model.c.vocab), train.Forward(model, WINDOW, device, args.compile))
    options = ARMS[arm][3]
    exact = options.get("exact", False)
    data = batches.loader(args.data, args.rows, WINDOW, SLOTS, 1, args.workers, flips=train.FLIP, exact=exact)
    muon, adam = Muon(model.matrices(), train.LR_MATRIX, dtype=model.dtype), torch.optim.Adam(model.tables() + (list(head.parameters()) if head else []), train.LR_TABLE, betas=(0.9, 0.95))
    steps = max(1, int(args.positions / (args.rows * (2 * WINDOW + SLOTS))))
    began = time.time()
    for step in range(steps):
        share = step / steps
        for opt, base in ((muon, train.LR_MATRIX), (adam, train.LR_TABLE)):
            opt.param_groups[0]["lr"] = base * train.lr_at(share)
        batch = train.moved(next(data), device)
        left = options.get("left", 0.5) * (1.0 if share < 1 - train.DECAY else 0.5)
        own = "own" in options and share > options["own"] and step % 2 == 0
        loss, parts = train.losses(model, forward, batch, left, left / 2, own, length_loss(head, batch) if head else None)
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


def rerank(model, held, candidates, suffix=8):
    """Chooses among candidates by what the L head says of middle and first suffix tokens. candidates: {(record, hole): [(slots, score, steps)]}"""
    rows, owner = [], []
    for record, k, header, body, a, z, _ in held.holes():
        for n, (slots, *_) in enumerate(candidates.get((record, k), ())):
            middle = slots[: int(decode.lengths(slots[None]))].tolist()
            rows.append((np.concatenate((header, body[:a]))[-(WINDOW - 64) :].tolist(), middle, body[z : z + suffix].tolist()))
            owner.append((record, k, n))
    result = dict(zip(owner, likelihood(model, rows, held.device)))
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
                m, length, s, after = result[(*key, n)]
                scored.append(rule(m, length, s, after, cand[1]))
            chosen[key] = cands[int(np.argmax(scored))]
        out[name] = chosen
    return out


@torch.no_grad()
def likelihood(model, rows, device, size=64):
    """Of each (left, middle, suffix): log-probability of the middle under the L stream, its length, that of the suffix, its length."""
    out = []
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
            out.append((float(got[: len(m)].sum()), len(m), float(got[len(m) :].sum()), len(s)))
    return out


def length_head(model, forward, args, held, head):
    """Canvases as long as the length head says; and of its three likeliest lengths the best by score."""
    guess = {}
    for batch in held.packed(args.rows, None, True):
        y = forward(batch, batch["tokens"]).detach()
        where = canvases_of(batch, WINDOW)
        top = head(y, where[:, [0, 5, 6]]).topk(3, -1).indices
        for row, lengths in zip(where.tolist(), top.tolist()):
            guess[row[3], row[4]] = [max(1, n) for n in lengths]
    found = [fill_all(model, forward, held, args.rows, lambda record, hole: guess[record, hole][rank], True) for rank in range(3)]
    first = report(held.right(found[0]))
    first["length within 3"] = round(100 * np.mean([abs(guess[k][0] - len(t)) <= 3 for k, t in held.truth.items() if k in guess]), 1)
    best = {k: max((f[k] for f in found if k in f), key=lambda x: x[1]) for k in held.filled if k in found[0]}
    return {"its first": first, "best of its first three by score": report(held.right(best))}


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
    fim = ARMS[arm][3]["kind"] == "fim"
    rows = args.rows * 2
    data = (fim_rows if fim else bidirectional_rows)(records, rng, rows)
    muon, adam = Muon(model.matrices(), train.LR_MATRIX, dtype=model.dtype), torch.optim.Adam(model.tables(), train.LR_TABLE, betas=(0.9, 0.95))
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
def measure_fim(model, args, held, size=32):
    """Greedy decoding, one token a forward. It is exact where every first choice behind the true beginning is
    right, the end included: one forward over prompt and answer tells."""
    exact, nats, first = {}, {}, {}
    holes = sorted(held.holes(), key=lambda h: len(h[2]) + len(h[3]))
    for at in range(0, len(holes), size):
        part = holes[at : at + size]
        rows = [fim_sequence(h, b, a, z, e) for _, _, h, b, a, z, e in part]
        width = max(map(len, rows))
        tokens = torch.full((len(part), width), v.PAD, device=args.device)
        for i, r in enumerate(rows):
            tokens[i, : len(r)] = torch.from_numpy(r)
        y = model.single(tokens, torch.arange(width, device=args.device).expand(len(part), -1), None)
        for i, (r, k, _, _, a, z, _) in enumerate(part):
            end = len(rows[i])
            logits = model.logits(y[i, end - (z - a) - 2 : end - 1]).float()
            answer = tokens[i, end - (z - a) - 1 : end - 1]
            nats[r, k] = -logits[:-1].log_softmax(-1).gather(1, answer[:, None])[:, 0]  # without the end, as for canvases
            first[r, k] = bool(logits[0].argmax() == answer[0])
            logits[:, [x for x in range(len(v.SPECIAL)) if x != v.DELETE]] = -torch.inf
            best = logits.argmax(-1)
            best[held.breaks[best]] = v.DELETE  # a line break ends a line, as for the canvases
            exact[r, k] = bool((best == tokens[i, end - (z - a) - 1 : end]).all())
    exact = {k: e for k, e in exact.items() if k in held.filled}
    return {"prefix, suffix, middle": surprise(held, nats, first), "greedy": report(exact) | {"tokens a forward": 1.0}}


@torch.no_grad()
def measure_bidirectional(model, args, held, C=16, size=32):
    exact, nats, first, total, taken = {}, {}, {}, 0, 0
    holes = sorted(held.holes(), key=lambda h: ((h[0], h[1]) not in held.filled, len(h[2]) + len(h[3])))
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

        def predict(slots):
            tokens[index, at_] = slots
            y = model.single(tokens, pos, mask)[index, at_]
            return model.logits(y), torch.ones(slots.shape, device=slots.device)

        logp = predict(torch.full_like(at_, v.MASK))[0].float().log_softmax(-1)
        for i, key in enumerate((r, k) for r, k, *_ in part):
            truth = held.truth[key]
            nats[key] = -logp[i, : len(truth)].gather(1, truth[:, None])[:, 0]
            first[key] = bool(logp[i, 0].argmax() == truth[0])
        if not held.filled & set((r, k) for r, k, *_ in part):
            continue
        out, _, steps = decode.denoise(torch.full_like(at_, v.MASK), predict, held.breaks)
        for i, (r, k, *_) in enumerate(part):
            exact[r, k] = bool(decode.equal(out[i][None], held.truth[r, k][None]))
        total += int(decode.lengths(out).sum())
        taken += int(steps.sum())
    exact = {k: e for k, e in exact.items() if k in held.filled}
    return {"canvas": surprise(held, nats, first), "canvas 16": report(exact) | {"tokens a forward": round(total / max(1, taken), 2)}}


def run(arm, args):
    words, small, tiny, options = ARMS[arm]
    base = TINY if args.tiny else SMALL
    shape = replace(base, **(tiny if args.tiny else small))
    torch.manual_seed(1)
    held = Held(args.data, args.records, args.fill, args.device)
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
    if options.get("kind"):
        # What the base arm spends, counted on one of its batches.
        sample = next(batches.loader(args.data, args.rows, WINDOW, SLOTS, 1, 0))
        budget = train.flops(Denoiser(base), sample) / sample["tokens"].numel() * args.positions
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


def against(per, base, samples=2000):
    """Mean difference hole by hole and its 95 % bootstrap interval."""
    d = np.array([per[k] - base[k] for k in per if k in base])
    means = d[np.random.default_rng(0).integers(0, len(d), (samples, len(d)))].mean(1)
    return f"{d.mean():+.3f} ({np.quantile(means, 0.025):+.3f}..{np.quantile(means, 0.975):+.3f})"


def table(folder):
    """Markdown: what each arm predicts, and below what its fills are."""
    results = {}
    for arm in ARMS:
        path = os.path.join(folder, arm + ".json")
        if os.path.exists(path):
            with open(path) as f:
                results[arm] = json.load(f)
    base = results.get("base", {}).get("measured", {}).get("canvas", {}).get("per hole", {})
    print("| arm | what | parameters | operations | positions | predicts with | nats a character | less base | first token % |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for arm, r in results.items():
        for name, m in r["measured"].items():
            if "per hole" in m:
                less = against(m["per hole"], base) if base and set(base) == set(m["per hole"]) else "other holes"
                print(f"| {arm} | {r['what']} | {r['parameters'] / 1e6:.2f}M | {r['operations']:.2g} | {r['positions'] / 1e6:.2f}M | {name} | {m['nats a character']:.3f} ± {m['plus or minus']:.3f} | {less} | {m['first token right']:.1f} ({m['low']:.0f}-{m['high']:.0f}) |")
    print("\n| arm | fills by | holes | exact % | tokens a forward | length within 3 % |\n| --- | --- | --- | --- | --- | --- |")
    for arm, r in results.items():
        flat = {}
        for k, m in r["measured"].items():
            flat |= {f"{k}: {n}": x for n, x in m.items()} if k == "length head" else {k: m}
        for name, m in flat.items():
            if "exact" in m:
                print(f"| {arm} | {name} | {m['holes']} | {m['exact']:.1f} ({m['low']:.1f}-{m['high']:.1f}) | {m.get('tokens a forward', '')} | {m.get('length within 3', '')} |")
    print("\n| arm | canvas | L | R | quality | first choice right |\n| --- | --- | --- | --- | --- | --- |")
    for arm, r in results.items():
        if "losses" in r["measured"]:
            print(f"| {arm} | " + " | ".join(f"{r['measured']['losses'][k]:.3f}" for k in ("canvas", "left", "right", "quality", "hit")) + " |")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("arms", nargs="*", metavar="ARM", help=", ".join(ARMS))
    ap.add_argument("--data")
    ap.add_argument("--out", default="out")
    ap.add_argument("--table", help="print what a folder of results says")
    ap.add_argument("--positions", type=float, default=25e6, help="of the base arm; the others get the same operations or positions")
    ap.add_argument("--rows", type=int, default=16, help="rows a step")
    ap.add_argument("--records", type=int, default=128, help="records of val.npz whose holes are predicted")
    ap.add_argument("--fill", type=int, default=64, help="how many of them are filled as well, which takes many forwards")
    ap.add_argument("--workers", type=int, default=4)
    ap.add_argument("--tiny", action="store_true", help="the network for a core instead of the one for a GPU")
    ap.add_argument("--compile", action="store_true", help="torch.compile on a CPU too")
    ap.add_argument("--threads", type=int, default=0)
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = ap.parse_args()
    if args.table:
        return table(args.table)
    if not args.data or not args.arms:
        ap.error("name --data and at least one arm, or --table")
    unknown = [a for a in args.arms if a not in ARMS]
    if unknown:
        ap.error(f"no arm {unknown[0]}: there are {', '.join(ARMS)}")
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.tiny:
        global WINDOW, SLOTS
        WINDOW, SLOTS = 512, 384  # longer records are left out
    if args.device == "cpu":
        args.workers = 0
    else:
        args.compile = True
    args.models, args.forwards = {}, {}
    for arm in args.arms:
        run(arm, args)


if __name__ == "__main__":
    main()
