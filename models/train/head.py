"""The output layer and its loss in one go, without ever holding all logits.

A batch scores some hundred thousand rows over 16k entries: the logits alone
would be gigabytes, and their gradient as many again. `head_loss` goes through
the rows in chunks and computes the gradients on the way (Hsu et al. 2024,
"Liger Kernel").
"""

import torch

CHUNK = {"cuda": 8192, "cpu": 1024}  # rows: 512 MB of float32 logits at 16k entries; on a CPU, what the caches like


def chunk_loss(y, emb, target, weight, sharpen=None):
    """(nll [n], hit [n], extra [n], d loss / d y [n, d], d loss / d emb [V, d]) for loss = sum(weight * nll + extra).

    extra is the entropy of the prediction times sharpen [n], where its first choice is right.
    """
    logits = (y @ emb.T).float()
    lse = logits.logsumexp(-1)
    right = torch.arange(logits.shape[1], device=y.device) == target[:, None]
    nll = lse - (logits * right).sum(-1)
    hit = logits.argmax(-1) == target
    logp = logits - lse[:, None]
    p = logp.exp()
    grad, extra = (p - right.float()) * weight[:, None], torch.zeros_like(nll)
    if sharpen is not None:
        entropy, by = -(p * logp).sum(-1), sharpen * hit
        extra = entropy * by
        grad = grad - p * (logp + entropy[:, None]) * by[:, None]
    grad = grad.to(y.dtype)
    return nll, hit, extra, grad @ emb, grad.T @ y


compiled = torch.compile(chunk_loss, dynamic=False)


class HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y, emb, target, weight, sharpen, run):
        table = emb.to(y.dtype)
        grad_emb = torch.zeros_like(emb)
        nlls, hits, grads, extras = [], [], [], 0
        chunk = CHUNK[y.device.type]
        for at in range(0, len(y), chunk):
            part = slice(at, at + chunk)
            n = len(target[part])
            pad = chunk - n if run is compiled else 0  # one shape, one compilation
            grow = lambda x: torch.cat((x, x.new_zeros((pad, *x.shape[1:])))) if pad else x
            more = () if sharpen is None else (grow(sharpen[part]),)
            nll, hit, extra, gy, ge = run(grow(y[part]), table, grow(target[part]), grow(weight[part]), *more)
            extras += extra.sum()
            nlls.append(nll[:n]), hits.append(hit[:n]), grads.append(gy[:n])
            grad_emb += ge
        nll, hit = torch.cat(nlls), torch.cat(hits)
        ctx.save_for_backward(torch.cat(grads), grad_emb)
        ctx.mark_non_differentiable(nll, hit)
        return (nll * weight).sum() + extras, nll, hit

    @staticmethod
    def backward(ctx, grad, *_):
        gy, ge = ctx.saved_tensors
        return gy * grad, ge * grad, None, None, None, None


def head_loss(y, emb, target, weight, fused=False, sharpen=None):
    """sum(weight * cross-entropy), and per row its nll and whether the first choice was right.

    y [n, d] features, emb [V, d], target int64 [n], weight float32 [n]; fused: use torch.compile;
    sharpen float32 [n]: add that times the entropy of each prediction whose first choice is right.
    """
    return HeadLoss.apply(y, emb, target, weight, sharpen, compiled if fused else chunk_loss)
