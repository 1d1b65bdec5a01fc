"""The baselines of experiments.py, each one plain stream: autoregressive filling in the middle, and a bidirectional denoiser."""

import time

import numpy as np
import torch

import batches
import decode
import train
import vocabulary as v
from head import head_loss
from held import report, surprise

ADAM_EPS = 1e-8  # torch's default, and what the tables in docs/model.md were measured with


def fim_sequence(header, body, a, z, end):
    """[header] left <hole> right <mask> answer <delete>: prefix, suffix, middle."""
    return np.concatenate((header, body[:a], [v.HOLE], body[z:], [end, v.MASK], body[a:z], [v.DELETE]))


def fim_rows(records, rng, rows, window):
    """Endless batches [rows, window + 1] of FIM documents laid end to end."""
    buffer = np.zeros(0, np.int64)
    while True:
        for i in rng.permutation(len(records)):
            header, body, end, holes = records.record(i)
            if not len(holes):
                continue
            a, z, _ = holes[rng.integers(len(holes))]
            buffer = np.concatenate((buffer, fim_sequence(header, body, a, z, end)))
            need = rows * (window + 1)
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


def bidirectional_rows(records, rng, rows, window, share=0.25):
    """Endless (tokens, truth, canvas, document) [rows, window + 256]: a quarter of a document's tokens lie in canvases."""
    width = window + 256
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


def train_single(model, kind, args, budget):
    """budget: operations, the same as the two-stream arms had."""
    device = args.device
    records = batches.Records(batches.shards(args.data)[0])
    rng = np.random.default_rng(1)
    fim = kind == "fim"
    rows = args.rows * 2
    data = (fim_rows if fim else bidirectional_rows)(records, rng, rows, args.scale.window)
    optimisers = train.Optimisers(model, eps=ADAM_EPS)
    spent, step, positions, began = 0.0, 0, 0, time.time()
    stack, head = sum(p.numel() for p in model.matrices()), model.emb.numel()
    while spent < budget:
        share = spent / budget
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
        loss, _, _ = head_loss(y[scored], model.emb, target[scored], weight)
        loss.backward()
        optimisers.step(share)
        positions += tokens.numel()
        spent += 6 * (stack * tokens.numel() + head * len(weight)) + 12 * tokens.numel() * pairs * model.c.n_layer * model.c.n_head * model.c.head_dim
        if step % 50 == 0:
            print(kind, step, round(share, 3), round(loss.item(), 3), f"{time.time() - began:.0f} s", flush=True)
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
