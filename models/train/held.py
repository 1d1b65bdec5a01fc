"""What every experiment is measured on, and how: the same holes, one interval.

Holes of repositories that are not trained on (val.npz). A small model fills next
to nothing exactly; how well it predicts the answers tells arms apart long before,
because they are compared hole by hole.
"""

import math
import os

import numpy as np
import torch

import batches
import decode
import train
import vocabulary as v

HOLE_KINDS = ("rest", "line", "expression")
LIMIT = 15  # tokens of an answer: it fits every canvas compared
HOLES = 12  # of a record, at most: they fit the widest canvases compared


class Held:
    """The holes every arm is measured on: all short ones of some records of val.npz."""

    def __init__(self, data, scale, records, fill, device):
        """records: how many of val.npz; fill: of how many of them the holes are filled, which takes many forwards."""
        self.scale, self.device, self.fill = scale, device, fill
        self.records = batches.Records(os.path.join(data, "val.npz"))
        rng = np.random.default_rng(5)
        fits = np.flatnonzero(self.records.docs[:, 2] < scale.window)  # R has an end mark instead of the header, so it fits too
        self.chosen = rng.permutation(fits)[:records]
        self.kinds = [i for i, k in enumerate(self.records.kinds) if k in HOLE_KINDS]
        tok = v.load(os.path.join(data, "tokenizer.json"))
        self.breaks = torch.tensor([tok.decode([i])[:1] in ("\n", "\r") for i in range(tok.get_vocab_size())], device=device)
        self.characters = {(r, k): max(1, len(tok.decode(body[a:z].tolist()))) for r, k, _, body, a, z, _ in self.holes()}
        self.truth = {(r, k): torch.tensor(body[a:z], device=device) for r, k, _, body, a, z, _ in self.holes()}
        first = set(self.chosen[:fill].tolist())
        self.filled = {(r, k) for r, k in self.truth if r in first}

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
        rng = np.random.default_rng(0)
        # Wide canvases of a record of many holes do not fit beside those of others: one record a row.
        single = [[int(i)] for i in self.chosen[:records]]
        single += single[: -len(single) % rows]
        for at in range(0, len(single), rows):
            b = batches.batch(self.records, single[at : at + rows], rng, self.scale.window, self.scale.slots, ratio=1.0, exact=exact, slack=size, kinds=self.kinds, limit=LIMIT)
            yield train.moved(b, self.device)


def report(rows):
    """Per cent that are right, with a Wilson interval, over {(record, hole): bool}."""
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


def against(per, base, samples=2000):
    """Mean difference hole by hole and its 95 % bootstrap interval."""
    d = np.array([per[k] - base[k] for k in sorted(per) if k in base])
    means = d[np.random.default_rng(0).integers(0, len(d), (samples, len(d)))].mean(1)
    return f"{d.mean():+.3f} ({np.quantile(means, 0.025):+.3f}..{np.quantile(means, 0.975):+.3f})"
