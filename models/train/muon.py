"""Muon: momentum, then orthogonalisation, for matrices (Jordan et al. 2024)."""

import torch


def orthogonalise(g, dtype, steps=5):
    """Newton-Schulz towards the nearest semi-orthogonal matrix. g [k, m, n]; dtype: to compute in."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.to(dtype)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    wide = x.shape[-2] > x.shape[-1]
    x = x.mT if wide else x
    for _ in range(steps):
        s = x @ x.mT
        x = a * x + (b * s + c * (s @ s)) @ x
    return (x.mT if wide else x).to(g.dtype)


class Muon(torch.optim.Optimizer):
    """Equal shapes go through one batched product."""

    def __init__(self, params, lr, momentum=0.95, dtype=torch.float32):
        super().__init__(params, dict(lr=lr, momentum=momentum))
        self.dtype = dtype  # bfloat16 where that is fast: the result is approximate anyhow

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                shapes.setdefault(p.shape, []).append(p)
            for shape, params in shapes.items():
                updates = []
                for p in params:
                    if p.grad is None:  # of a layer that is not in use yet
                        continue
                    m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    m.lerp_(p.grad, 1 - group["momentum"])
                    updates.append(p.grad.lerp(m, group["momentum"]))
                if not updates:
                    continue
                scale = max(1, shape[1] / shape[0]) ** 0.5  # x @ W: rows are inputs
                for p, u in zip([p for p in params if p.grad is not None], orthogonalise(torch.stack(updates), self.dtype)):
                    p.add_(u, alpha=-group["lr"] * scale)
