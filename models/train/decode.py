"""Denoising in PyTorch, for experiments: many holes at once, streams recomputed at each step.

The program's own decoder is infill/ in Go; this one follows the same rules
(docs/model.md) so that an experiment measures what a user would get.
"""

import torch

from vocabulary import DELETE, MASK, SPECIAL

STEPS = 8
THRESHOLD = 0.8


def settle(slots, logp, ids, threshold, final):
    """One step. slots [n, C] tokens (changed in place), logp and ids [n, C]: the best choice of each slot.

    Settles what reaches the threshold and at least the surest; an end (DELETE)
    only where everything before it is settled. Returns what was settled [n, C].
    """
    n, C = slots.shape
    index = torch.arange(C, device=slots.device)
    masked = slots == MASK
    front = torch.where(masked, index, C).amin(1, keepdim=True)
    sure = masked & (logp >= torch.log(torch.tensor(threshold)))
    ends = masked & (ids == DELETE)
    likely_end = torch.where(ends & sure & (index > front), index, C).amin(1, keepdim=True)
    if final:  # reading order: the first end found wins
        take = masked
    else:
        open_ = masked & ((ids != DELETE) | (index == front)) & (index < likely_end)
        best = torch.where(open_, logp, -torch.inf).argmax(1, keepdim=True)
        take = open_ & (sure | (index == best)) & masked.any(1, keepdim=True)
        # Of an end only the front may settle, and only when sure or nothing else is left to take.
    slots[take] = ids[take]
    cut = torch.where(slots == DELETE, index, C).amin(1, keepdim=True)
    slots[(index > cut) & (cut < C)] = DELETE
    return take


def choices(logits, breaks):
    """(logp, ids) of the best admissible choice. breaks: bool [V], tokens that begin with a line break, which end a line."""
    logp = logits.float().log_softmax(-1)
    logp[..., breaks] = -torch.inf
    special = [i for i in range(len(SPECIAL)) if i != DELETE]
    logp[..., special] = -torch.inf
    return logp.max(-1)


@torch.no_grad()
def denoise(slots, predict, breaks, steps=STEPS, threshold=THRESHOLD, floor=0.0):
    """Fills slots [n, C], all MASK. predict(slots) -> (logits [n, C, V], quality [n, C]).

    Returns (slots, score [n]: mean log-probability of answer and end, steps taken [n]).
    """
    n, C = slots.shape
    score = torch.zeros(n, C, device=slots.device)
    taken = torch.zeros(n, dtype=torch.long, device=slots.device)
    doubted = torch.zeros_like(slots)
    for step in range(1, steps + 1):
        if not (slots == MASK).any():
            break
        taken += (slots == MASK).any(1)
        logits, quality = predict(slots)
        shown = (slots != MASK) & (slots != DELETE)
        logp, ids = choices(logits, breaks)
        take = settle(slots, logp, ids, threshold, step == steps)
        score = torch.where(take, logp, score)
        if floor and step < steps:
            back = shown & (quality < floor) & (doubted < 3)
            doubted += back
            slots[back], score[back] = MASK, 0.0
    index = torch.arange(C, device=slots.device)
    length = lengths(slots)
    counted = (index <= length[:, None]).float()
    return slots, (score * counted).sum(1) / counted.sum(1), taken


def lengths(slots):
    C = slots.shape[1]
    index = torch.arange(C, device=slots.device)
    return torch.where(slots == DELETE, index, C).amin(1)


def equal(slots, truth):
    """Whether the answers (what stands before the first DELETE) are the same; [n, C] and [n, C'] padded by DELETE."""
    C = max(slots.shape[1], truth.shape[1])
    pad = lambda x: torch.nn.functional.pad(x, (0, C - x.shape[1]), value=DELETE)
    return (pad(slots) == pad(truth)).all(1)
