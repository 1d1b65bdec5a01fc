"""Choosing among fills of several lengths by what the L head says of them."""

import numpy as np
import torch

import decode
import vocabulary as v


def rerank(model, held, candidates, suffix=8):
    """Chooses among candidates by what the L head says of middle and first suffix tokens. candidates: {(record, hole): [(slots, score, steps)]}"""
    rows, owner = [], []
    for record, k, header, body, a, z, _ in held.holes():
        for n, (slots, *_) in enumerate(candidates.get((record, k), ())):
            middle = slots[: int(decode.lengths(slots[None]))].tolist()
            rows.append((np.concatenate((header, body[:a]))[-(held.scale.window - 64) :].tolist(), middle, body[z : z + suffix].tolist()))
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
