"""The output layer and its loss in one go, without ever holding all logits.

A batch scores some hundred thousand rows over 16k entries: the logits alone
would be gigabytes, and their gradient as many again. `head_loss` goes through
the rows in chunks and computes the gradients on the way (Hsu et al. 2024,
"Liger Kernel").
"""

import torch

CHUNK = {"cuda": 8192, "cpu": 1024}  # rows: 512 MB of float32 logits at 16k entries; on a CPU, what the caches like


def chunk_loss(y, emb, target, weight):
    """(nll [n], hit [n], d loss / d y [n, d], d loss / d emb [V, d]) for loss = sum(weight * nll)."""
    logits = (y @ emb.T).float()
    lse = logits.logsumexp(-1)
    right = torch.arange(logits.shape[1], device=y.device) == target[:, None]
    nll = lse - (logits * right).sum(-1)
    hit = logits.argmax(-1) == target
    grad = (((logits - lse[:, None]).exp() - right.float()) * weight[:, None]).to(y.dtype)
    return nll, hit, grad @ emb, grad.T @ y


compiled = torch.compile(chunk_loss, dynamic=False)


class HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y, emb, target, weight, run):
        table = emb.to(y.dtype)
        grad_emb = torch.zeros_like(emb)
        nlls, hits, grads = [], [], []
        chunk = CHUNK[y.device.type]
        for at in range(0, len(y), chunk):
            part = slice(at, at + chunk)
            n = len(target[part])
            pad = chunk - n if run is compiled else 0  # one shape, one compilation
            grow = lambda x: torch.cat((x, x.new_zeros((pad, *x.shape[1:])))) if pad else x
            nll, hit, gy, ge = run(grow(y[part]), table, grow(target[part]), grow(weight[part]))
            nlls.append(nll[:n]), hits.append(hit[:n]), grads.append(gy[:n])
            grad_emb += ge
        nll, hit = torch.cat(nlls), torch.cat(hits)
        ctx.save_for_backward(torch.cat(grads), grad_emb)
        ctx.mark_non_differentiable(nll, hit)
        return (nll * weight).sum(), nll, hit

    @staticmethod
    def backward(ctx, grad, *_):
        gy, ge = ctx.saved_tensors
        return gy * grad, ge * grad, None, None, None


def head_loss(y, emb, target, weight, fused=False):
    """sum(weight * cross-entropy), and per row its nll and whether the first choice was right.

    y [n, d] features, emb [V, d], target int64 [n], weight float32 [n]; fused: use torch.compile.
    """
    return HeadLoss.apply(y, emb, target, weight, compiled if fused else chunk_loss)
