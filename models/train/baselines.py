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

MISSES = 8  # documents without room that end a batch
ADAM_EPS = 1e-8  # torch's default, and what the tables in docs/model.md were measured with


def fim_sequence(header, body, a, z, end):
    """[header] left <hole> right <mask> answer <delete>: prefix, suffix, middle."""
    return np.concatenate((header, body[:a], [v.HOLE], body[z:], [end, v.MASK], body[a:z], [v.DELETE]))


def rows_of(documents, rows, width):
    """Endless lists of tensors [rows, width], and which document a place belongs to, 0 for none.

    documents: endless tuples of arrays of one length. A batch is full when so many in a row
    had no room; they are left out.
    """
    pieces, missed = None, 0
    for document in documents:
        if pieces is None:
            fill, number, missed = np.zeros(rows, int), 1, 0
            pieces = [np.full((rows, width), v.PAD, x.dtype) if x.dtype != bool else np.zeros((rows, width), bool) for x in document]
            pieces.append(np.zeros((rows, width), np.int64))
        n = len(document[0])
        row = int(np.argmax(fill + n <= width))
        if fill[row] + n > width:
            missed += 1
            if missed == MISSES:
                yield [torch.from_numpy(p) for p in pieces]
                pieces = None
            continue
        s = slice(fill[row], fill[row] + n)
        for piece, x in zip(pieces, (*document, number)):
            piece[row, s] = x
        fill[row] += n
        number += 1


def fim_documents(records, rng):
    """Endless (tokens, next tokens): every record with one of its holes, then again with another."""
    while True:
        for i in rng.permutation(len(records)):
            header, body, end, holes = records.record(i)
            if len(holes):
                a, z, _ = holes[rng.integers(len(holes))]
                row = fim_sequence(header, body, a, z, end)
                yield row[:-1], row[1:]


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


def bidirectional_documents(records, rng, share=0.25):
    """Endless (tokens, truth, is canvas): a quarter of a document's tokens lie in canvases."""
    while True:
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
            m = 1.0 if rng.random() < 0.25 else rng.uniform(0.15, 1.0)
            yield np.where(canvas & (rng.random(len(truth)) < m), v.MASK, truth), truth, canvas


def places(doc):
    """Where in its document each token stands, of document numbers [B, n] that lie in runs."""
    index = torch.arange(doc.shape[1], device=doc.device).expand_as(doc)
    begins = torch.cat((torch.ones_like(doc[:, :1], dtype=torch.bool), doc[:, 1:] != doc[:, :-1]), 1)
    return index - torch.where(begins, index, 0).cummax(1).values


def train_single(model, kind, args, budget):
    """budget: operations or positions (args.equal), as many as the two-stream arms had."""
    device = args.device
    records = batches.Records(batches.shards(args.data)[0])
    rng = np.random.default_rng(1)
    fim = kind == "fim"
    rows = args.rows * 2
    # Most documents fill a window: one a row, with room for what the baseline adds to it.
    data = rows_of((fim_documents if fim else bidirectional_documents)(records, rng), rows, args.scale.window + (4 if fim else 128))
    optimisers = train.Optimisers(model, eps=ADAM_EPS)
    single = torch.compile(model.single, dynamic=False) if args.compile else model.single
    spent, step, positions, operations, began = 0, 0, 0, 0.0, time.time()
    stack, head = sum(p.numel() for p in model.layers[0].parameters()), model.emb.numel()
    while spent < budget:
        share = spent / budget
        model.active = train.layers_at(args.grow, share, model.c.n_layer)
        tokens, target, *canvas, doc = (x.to(device) for x in next(data))
        mask = doc[:, :, None] == doc[:, None, :]
        if fim:
            mask, scored = mask.tril(), doc > 0
        else:
            scored = canvas[0] & (tokens == v.MASK)
        y = single(tokens, places(doc), mask)
        weight = torch.full((int(scored.sum()),), 1.0 / int(scored.sum()), device=device)
        loss, _, _ = head_loss(y[scored], model.emb, target[scored], weight, args.compile)
        loss.backward()
        optimisers.step(share)
        positions += int((doc > 0).sum())
        operations += 6 * (stack * model.active * tokens.numel() + head * len(weight)) + 12 * int(mask.sum()) * model.active * model.c.n_head * model.c.head_dim
        spent = positions if args.equal == "positions" else operations
        if step % 50 == 0:
            print(kind, step, round(share, 3), round(loss.item(), 3), f"{time.time() - began:.0f} s", flush=True)
        step += 1
    model.active = model.c.n_layer
    return {"steps": step, "positions": positions, "operations": operations, "seconds": round(time.time() - began, 1)}


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
