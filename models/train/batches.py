"""Records -> training batches: streams, canvases, masks, targets.

Everything that must not leak is decided here, so it is tested here: a canvas
never sees its own answer, and pos_b tells the canvas's size, not its length.

Several records share one row of a batch as long as their streams fit (`bins`):
most files are shorter than a window, and padding would be a third of the work.
"""

import glob
import os

import numpy as np
import torch

from vocabulary import CUT, DELETE, EOF, HOLE, MASK, PAD

CANVASES = (8, 16, 32, 64)
ROOMY = 0.3  # share of canvases a size larger than they need to be: slack is trained, not only tolerated
OPEN = 0.2  # share of documents in which other holes stand open, as the sentinel <|hole|>
R_ROWS = 0.25  # share of R's positions that carry a loss: the head is a third of the work
DELETE_TAIL = 0.1  # weight of deletes after the first: one 'ends here' is news, its echoes are not
POOL = 256  # records packed together: enough to fill rows to some 97 %, few enough to keep the order random


class Records:
    """One shard of prepare.py's."""

    def __init__(self, path):
        z = np.load(path)
        self.tokens, self.docs, self.flags, holes = z["tokens"], z["docs"], z["flags"], z["holes"]
        self.kinds = [str(k) for k in z["kinds"]]
        order = np.argsort(holes[:, 0], kind="stable")
        self.holes = holes[order]
        self.first = np.searchsorted(self.holes[:, 0], np.arange(len(self.docs) + 1))

    def __len__(self):
        return len(self.docs)

    def record(self, i):
        """header ids, body ids, end mark, holes [k, 3] = (first token, end token, kind)."""
        offset, header, length = self.docs[i]
        ids = self.tokens[offset : offset + length].astype(np.int64)
        return ids[:header], ids[header:], EOF if self.flags[i] else CUT, self.holes[self.first[i] : self.first[i + 1], 1:]


def canvas_sizes(n, rng, exact=False):
    """Sizes for answers of n tokens (array): one slot is always left to say 'ends here'.

    exact: no slack at all, for the experiment that gives the length by other means.
    """
    if exact:
        return n.copy()
    index = np.searchsorted(CANVASES, n, side="right")
    roomy = (rng.random(len(n)) < ROOMY) & (index + 1 < len(CANVASES))
    return np.array((*CANVASES, 0))[index + roomy]


def bins(records, order, window, slots):
    """Packs the records of order into rows: a list of lists of record numbers."""
    lengths = records.docs[:, 2]
    n = records.holes[:, 2] - records.holes[:, 1]
    size = np.array((*CANVASES, 0))[np.searchsorted(CANVASES, n, side="right")]
    need = np.zeros(len(records), np.int64)
    np.add.at(need, records.holes[:, 0], size)
    need = np.minimum(need * 1.1, slots)  # some canvases are roomier than they must be
    out = []
    for at in range(0, len(order), POOL):
        pool = order[at : at + POOL]
        pool = pool[np.argsort(-lengths[pool], kind="stable")]
        room, free, rows = np.full(len(pool), window), np.full(len(pool), slots), [[] for _ in pool]
        for i in pool:
            row = int(np.argmax((room >= lengths[i]) & (free >= need[i])))
            if lengths[i] > window:
                continue
            rows[row].append(int(i))
            room[row] -= lengths[i]
            free[row] -= need[i]
        out += [r for r in rows if r]
    return out


def open_holes(body, holes, rng):
    """Replaces up to three holes of the body by the sentinel.

    Returns the body as the streams show it and, for each hole, where it begins
    and ends there.
    """
    start, stop = holes[:, 0].copy(), holes[:, 1].copy()
    chosen = np.sort(rng.choice(len(holes), min(len(holes), int(rng.integers(1, 4))), replace=False))
    pieces, at = [], 0
    for k in chosen:
        a, z = holes[k, :2]
        pieces += [body[at:a], [HOLE]]
        at = z
        behind = holes[:, 0] >= z
        start[behind] -= z - a - 1
        stop[behind] -= z - a - 1
        stop[k] = start[k] + 1
    return np.concatenate((*pieces, body[at:])).astype(np.int64), start, stop


def batch(records, rows, rng, window, slots, flips=0.0, ratio=None, exact=False, slack=None, kinds=None, limit=None):
    """A dict of tensors for Denoiser.packed and the losses. rows: lists of record numbers.

    ratio: fixed mask ratio for evaluation; otherwise 1.0 for a quarter of the
    canvases and U(0.15, 1) for the rest. flips: share of the visible slots that
    are offered for replacement (train.py decides by what). kinds, limit: only
    holes of these kinds and of at most limit tokens; slack: a fixed canvas
    size, or a function of (record, hole) that gives it.
    """
    B, T, S = len(rows), window, slots
    N = 2 * T + S
    tokens = np.full((B, N), PAD)
    pos_a, pos_b = np.zeros((B, N), np.int64), np.zeros((B, N), np.int64)
    la, lb, ra, rb, ca, cb = (np.zeros((B, N), np.int32) for _ in range(6))
    live = np.zeros((B, S), bool)
    # Padding sees itself alone: softmax needs something.
    la[:, :T], lb[:, :T] = np.arange(T), np.arange(T) + 1
    ra[:, T : 2 * T], rb[:, T : 2 * T] = np.arange(T), np.arange(T) + 1
    ca[:, 2 * T :], cb[:, 2 * T :] = np.arange(S), np.arange(S) + 1
    truth = np.full((B, N), PAD)
    weight = np.zeros((B, N), np.float32)
    l_target, r_target = np.full((B, T), PAD), np.full((B, T), PAD)
    hole_of, record_of = np.full((B, S), -1), np.full((B, S), -1)
    for b, row in enumerate(rows):
        l_at = r_at = c_at = 0
        for index in row:
            header, body, end, holes = records.record(index)
            keep = np.ones(len(holes), bool)
            if kinds is not None:
                keep &= np.isin(holes[:, 2], kinds)
            if limit is not None:
                keep &= holes[:, 1] - holes[:, 0] <= limit
            number = np.flatnonzero(keep)
            holes = holes[keep]
            shown, start, stop = body, holes[:, 0], holes[:, 1]
            if len(holes) and ratio is None and rng.random() < OPEN:
                shown, start, stop = open_holes(body, holes, rng)
            l = np.concatenate((header, shown))
            r = np.concatenate(([end], shown[::-1]))
            if l_at + len(l) > T or r_at + len(r) > T:
                continue
            s = slice(l_at, l_at + len(l))
            tokens[b, s], pos_a[b, s], la[b, s] = l, np.arange(len(l)), l_at
            l_target[b, l_at : s.stop - 1] = l[1:]
            s = slice(T + r_at, T + r_at + len(r))
            tokens[b, s], pos_b[b, s], ra[b, s] = r, np.arange(len(r)), r_at
            r_target[b, r_at : r_at + len(r) - 1] = r[1:]

            n = holes[:, 1] - holes[:, 0]
            if callable(slack):
                size = np.array([slack(index, k) for k in number], np.int64)
            else:
                size = np.full(len(n), slack) if slack else canvas_sizes(n, rng, exact)
            ends = np.cumsum(size)
            fit = c_at + ends <= S
            if fit.any():
                n, size, ends, start, stop, number = n[fit], size[fit], ends[fit], start[fit], stop[fit], number[fit]
                begin, total = holes[fit, 0], int(ends[-1])
                k = np.repeat(np.arange(len(n)), size)
                j = np.arange(total) - (ends - size)[k]
                s = slice(2 * T + c_at, 2 * T + c_at + total)
                answer = j < n[k]
                truth[b, s] = np.where(answer, body[np.minimum(begin[k] + j, len(body) - 1)], DELETE)
                weight[b, s] = np.where(j <= n[k], 1.0, DELETE_TAIL)
                ca[b, s], cb[b, s] = c_at + (ends - size)[k], c_at + ends[k]
                live[b, c_at : c_at + total] = True
                seen_r = 1 + len(shown) - stop
                la[b, s], lb[b, s] = l_at, l_at + len(header) + start[k]
                ra[b, s], rb[b, s] = r_at, r_at + seen_r[k]
                pos_a[b, s] = len(header) + start[k] + j
                pos_b[b, s] = seen_r[k] + size[k] - 1 - j
                hole_of[b, c_at : c_at + total], record_of[b, c_at : c_at + total] = number[k], index
                # Which slots are hidden: a ratio for each canvas, at least one slot.
                m = np.full(len(n), ratio, float) if ratio is not None else np.where(rng.random(len(n)) < 0.25, 1.0, rng.uniform(0.15, 1.0, len(n)))
                draw = rng.random(total)
                hide = draw < m[k]
                lowest = np.minimum.reduceat(draw, ends - size)
                hide |= draw == lowest[k]
                tokens[b, s] = np.where(hide, MASK, truth[b, s])
                c_at += total
            l_at, r_at = l_at + len(l), r_at + len(r)
    slot = tokens[:, 2 * T :]
    flip = live & (slot != MASK) & (rng.random(slot.shape) < flips)
    l_target[l_target == HOLE] = PAD  # where the other holes are is not for L and R to guess
    r_target[r_target == HOLE] = PAD
    r_target[rng.random(r_target.shape) > R_ROWS] = PAD
    t = torch.from_numpy
    out = {
        "tokens": t(tokens), "pos_a": t(pos_a), "pos_b": t(pos_b), "la": t(la), "lb": t(lb), "ra": t(ra), "rb": t(rb), "ca": t(ca), "cb": t(cb),
        "live": t(live), "truth": t(truth[:, 2 * T :]), "weight": t(weight[:, 2 * T :] * live), "flip": t(flip),
        "hole": t(hole_of), "record": t(record_of),
    }  # fmt: skip
    # The rows of the head, as indices into B * N, so that the device need not search for them.
    for name, target, first in (("l", l_target, 0), ("r", r_target, T)):
        at = np.flatnonzero(target != PAD)
        out[name + "_rows"] = t(at // T * N + at % T + first)
        out[name + "_target"] = t(target.reshape(-1)[at])
    at = np.flatnonzero(live & ((slot == MASK) | flip))
    out["c_rows"] = t(at // S * N + at % S + 2 * T)
    return out


def canvases_of(batch, T):
    """For each canvas of a batch: (row, first slot, size, record, hole, last L, last R), int64 [k, 7]."""
    S = batch["live"].shape[1]
    ca = batch["ca"][:, 2 * T :]
    first = batch["live"] & (ca == torch.arange(S, device=ca.device))
    b, s = first.nonzero(as_tuple=True)
    at = lambda name: batch[name][:, 2 * T :][b, s].long()
    return torch.stack((b, s, at("cb") - at("ca"), batch["record"][b, s], batch["hole"][b, s], at("lb") - 1, T + at("rb") - 1), 1)


def shards(folder):
    """The shards that are there now, in order."""
    found = sorted(glob.glob(os.path.join(folder, "shard-*.npz")))
    if not found:
        raise SystemExit(f"{folder} has no shard-*.npz: prepare.py writes them")
    return found


class Plan:
    """Which rows make which batch, for ever: a pass over one shard after the other.

    New shards that appear in the folder join at the next change of shard, so
    that data may still be arriving when training begins. Yields (shard,
    rows, seed).
    """

    def __init__(self, folder, size, window, slots, seed):
        self.folder, self.size, self.window, self.slots, self.seed = folder, size, window, slots, seed

    def __iter__(self):
        uses, count = {}, 0
        while True:
            found = shards(self.folder)
            path = min(found, key=lambda p: (uses.get(p, 0), p))
            uses[path] = uses.get(path, 0) + 1
            records = Records(path)
            rng = np.random.default_rng((self.seed, uses[path], found.index(path)))
            rows = bins(records, rng.permutation(len(records)), self.window, self.slots)
            rng.shuffle(rows)
            if len(rows) < self.size:  # toy data: rather repeat rows than never make a batch
                rows = [rows[i % len(rows)] for i in range(self.size)]
            for at in range(0, len(rows) - self.size + 1, self.size):
                yield path, rows[at : at + self.size], (self.seed, count)
                count += 1


class Batches(torch.utils.data.Dataset):
    """Makes the batches of a Plan, in worker processes where there are some."""

    def __init__(self, window, slots, **options):
        self.window, self.slots, self.options, self.open = window, slots, options, {}

    def __getitem__(self, item):
        path, rows, seed = item
        if path not in self.open:
            self.open = {path: Records(path)}  # the one before it has had its pass
        return batch(self.open[path], rows, np.random.default_rng(seed), self.window, self.slots, **self.options)


def loader(folder, size, window, slots, seed, workers, skip=0, **options):
    """An endless iterator of batches; skip leaves out what a run has already seen."""

    def plan():
        for i, item in enumerate(Plan(folder, size, window, slots, seed)):
            if i >= skip:
                yield item

    class Sampler(torch.utils.data.Sampler):
        def __iter__(self):
            return plan()

    more = dict(num_workers=workers, prefetch_factor=4, pin_memory=True) if workers else {}
    return iter(torch.utils.data.DataLoader(Batches(window, slots, **options), batch_size=None, sampler=Sampler(), **more))
