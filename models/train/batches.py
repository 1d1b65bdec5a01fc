"""Records -> training batches: streams, canvases, masks, targets.

Everything that must not leak is decided here, so it is tested here: a canvas
never sees its own answer, and pos_b tells the canvas's size, not its length.
"""

import numpy as np
import torch

from vocabulary import CUT, DELETE, EOF, MASK, PAD

FLIP = 0.10  # share of visible canvas tokens replaced, once flips are on
R_ROWS = 0.25  # share of R's positions that carry a loss: the head is a third of the work
DELETE_TAIL = 0.1  # weight of deletes after the first: one 'ends here' is news, its echoes are not


class Records:
    def __init__(self, path):
        z = np.load(path)
        self.tokens, self.docs, self.flags, holes = z["tokens"], z["docs"], z["flags"], z["holes"]
        self.window, self.slots = z["sizes"].tolist()
        order = np.argsort(holes[:, 0], kind="stable")
        self.holes = holes[order]
        self.first = np.searchsorted(self.holes[:, 0], np.arange(len(self.docs) + 1))

    def __len__(self):
        return len(self.docs)

    def record(self, i):
        offset, header, length = self.docs[i]
        ids = self.tokens[offset : offset + length].astype(np.int64)
        return ids[:header], ids[header:], EOF if self.flags[i] else CUT, self.holes[self.first[i] : self.first[i + 1], 1:]

    def batch(self, indices, rng, flips=False, ratio=None):
        """A dict of tensors for Denoiser.packed and the losses.

        ratio: fixed mask ratio for evaluation; otherwise 1.0 for a quarter of
        the canvases and U(0.15, 1) for the rest.
        """
        B, T, S = len(indices), self.window, self.slots
        left, right = np.full((B, T), PAD), np.full((B, T), PAD)
        canvas, truth = np.full((B, S), PAD), np.full((B, S), PAD)
        pos_a, pos_b = np.zeros((B, S), np.int64), np.zeros((B, S), np.int64)
        weight = np.zeros((B, S), np.float32)
        owner = np.full((B, S), -1)
        see_l, see_r = np.zeros((B, S), np.int64), np.zeros((B, S), np.int64)
        for b, index in enumerate(indices):
            header, body, end, holes = self.record(index)
            l = np.concatenate((header, body))
            r = np.concatenate(([end], body[::-1]))[:T]
            left[b, : len(l)] = l
            right[b, : len(r)] = r
            at = 0
            for k, (start, stop, size) in enumerate(holes):
                seen_r = 1 + len(body) - stop
                if at + size > S or seen_r > T:
                    continue
                s = slice(at, at + size)
                n = stop - start
                truth[b, s] = DELETE
                truth[b, at : at + n] = body[start:stop]
                weight[b, s] = DELETE_TAIL
                weight[b, at : at + n + 1] = 1.0
                owner[b, s] = k
                see_l[b, s] = len(header) + start
                see_r[b, s] = seen_r
                pos_a[b, s] = len(header) + start + np.arange(size)
                pos_b[b, s] = seen_r + size - 1 - np.arange(size)
                m = ratio if ratio is not None else (1.0 if rng.random() < 0.25 else rng.uniform(0.15, 1.0))
                hide = rng.random(size) < m
                if not hide.any():
                    hide[rng.integers(n)] = True
                shown = truth[b, s].copy()
                if flips:
                    flip = rng.random(size) < FLIP
                    shown[flip] = body[rng.integers(len(body), size=int(flip.sum()))]
                shown[hide] = MASK
                canvas[b, s] = shown
                at += size
        seen = np.arange(T)
        same = (owner[:, :, None] == owner[:, None, :]) & (owner[:, :, None] >= 0)
        idle = owner < 0
        same[idle[:, :, None] & np.eye(S, dtype=bool)] = True  # an idle slot attends to itself: softmax needs something
        allowed = np.concatenate((seen < see_l[..., None], seen < see_r[..., None], same), -1)
        # A visible slot has a loss only where a flip made it wrong.
        scored = (canvas == MASK) | ((canvas != truth) & ~idle)
        r_target = np.roll(right, -1, 1)
        r_target[:, -1] = PAD
        r_target[rng.random(right.shape) > R_ROWS] = PAD
        l_target = np.roll(left, -1, 1)
        l_target[:, -1] = PAD
        t = torch.from_numpy
        return {
            "left": t(left), "right": t(right), "canvas": t(canvas), "pos_a": t(pos_a), "pos_b": t(pos_b),
            "allowed": t(allowed), "truth": t(truth), "weight": t(weight * scored), "live": t(~idle),
            "l_target": t(l_target), "r_target": t(r_target),
        }  # fmt: skip
