"""The denoiser in PyTorch: docs/model.md, nothing more.

`Denoiser.packed` is the training forward (the streams of several windows and
all their canvases at once); `Denoiser.serve` is the ONNX contract, for parity
tests; `Denoiser.single` is one plain stream, for the baselines of experiments.py.
"""

import json
import os
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention.flex_attention import BlockMask, flex_attention

from vocabulary import PAD


@dataclass
class Config:
    d_model: int = 512
    n_layer: int = 12
    n_head: int = 8
    n_kv: int = 2  # grouped: the cache and its copies are a quarter, quality hardly moves
    head_dim: int = 64
    ffn: int = 1536  # 3 d, SwiGLU, a multiple of 32 for blockwise int8
    vocab: int = 16384
    top_k: int = 8
    left_window: int = 768  # served windows together stay inside the trained 1,024 positions
    right_window: int = 256
    canvases: tuple = (8, 16, 32, 64)
    snippets: bool = True  # trained with outlines of neighbouring files, docs/context.md


def rms(x):
    return F.rms_norm(x, (x.shape[-1],), eps=1e-6)


def rotations(pos, hd):
    """cos and sin of shape pos.shape + [hd/2]."""
    m = hd // 2
    freq = 10000.0 ** (-torch.arange(m, device=pos.device, dtype=torch.float32) / m)
    angle = pos[..., None].float() * freq
    return angle.cos(), angle.sin()


def rope(x, cs):
    """x [B, n, heads, hd]; cs: cos and sin, broadcastable to [B, n, hd/2]."""
    cos, sin = (c.unsqueeze(-2).to(x.dtype) for c in cs)
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def by_head(x, groups=1):
    """[B, n, heads, hd] -> [B, heads * groups, n, hd]"""
    x = x.transpose(1, 2)
    return x.repeat_interleave(groups, 1) if groups > 1 else x


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        d, hd = c.d_model, c.head_dim
        self.c = c
        for name, shape in dict(
            wq=(d, c.n_head * hd), wk=(d, c.n_kv * hd), wv=(d, c.n_kv * hd), wo=(c.n_head * hd, d),
            wg=(d, c.ffn), wu=(d, c.ffn), wd=(c.ffn, d),
        ).items():  # fmt: skip
            w = torch.zeros(shape)
            if name not in ("wo", "wd"):  # zero-initialised outputs: each layer begins as the identity
                nn.init.normal_(w, std=shape[0] ** -0.5)
            setattr(self, name, nn.Parameter(w))

    def qkv(self, x):
        c = self.c
        h = rms(x)
        heads = lambda w, n: (h @ w.to(h.dtype)).view(*x.shape[:-1], n, c.head_dim)
        return rms(heads(self.wq, c.n_head)), rms(heads(self.wk, c.n_kv)), heads(self.wv, c.n_kv)

    def finish(self, x, attended):
        x = x + attended.flatten(-2) @ self.wo.to(x.dtype)
        h = rms(x)
        return x + (F.silu(h @ self.wg.to(h.dtype)) * (h @ self.wu.to(h.dtype))) @ self.wd.to(h.dtype)


BLOCK = 128  # of flex_attention: T and S are multiples of it on a GPU


def dense(see, T):
    """Masks from ranges. see: six int32 [B, N] (la, lb, ra, rb, ca, cb): a query sees keys la..lb of L,
    ra..rb of R and ca..cb of the canvas slots. Returns bool [B, T, T] for L and for R, [B, S, N] for canvases."""
    la, lb, ra, rb, ca, cb = see
    L, R, C = slice(0, T), slice(T, 2 * T), slice(2 * T, None)

    def within(lo, hi, rows, n):
        i = torch.arange(n, device=lo.device)
        return (i >= lo[:, rows, None]) & (i < hi[:, rows, None])

    S = la.shape[1] - 2 * T
    return within(la, lb, L, T), within(ra, rb, R, T), torch.cat((within(la, lb, C, T), within(ra, rb, C, T), within(ca, cb, C, S)), -1)


def blocks(see, T):
    """For flex_attention: which blocks of keys each block of queries sees in part, and which as a whole.

    Returns (count, order, whole count, whole order), int32 [B, 1, N/BLOCK] and [B, 1, N/BLOCK, N/BLOCK].
    """
    la, lb, ra, rb, ca, cb = see
    B, N = la.shape
    touched, covered = [], []
    for lo, hi, n in ((la, lb, T), (ra, rb, T), (ca, cb, N - 2 * T)):
        start = torch.arange(0, n, BLOCK, device=la.device)
        lo, hi = lo[..., None], hi[..., None]
        touched.append((lo < start + BLOCK) & (hi > start) & (lo < hi))
        covered.append((lo <= start) & (hi >= start + BLOCK))
    by_block = lambda parts: torch.cat(parts, -1).view(B, N // BLOCK, BLOCK, -1)
    some, whole = by_block(touched).any(2), by_block(covered).all(2)
    out = []
    for m in (some & ~whole, whole):
        out += [m.sum(-1).int()[:, None], m.int().argsort(dim=-1, descending=True, stable=True).int()[:, None]]
    return tuple(out)


def block_mask(see, T, found):
    """The BlockMask of see, from blocks(see, T)."""
    la, lb, ra, rb, ca, cb = see

    def sees(b, h, q, k):
        r, c = k - T, k - 2 * T
        left = (k >= la[b, q]) & (k < lb[b, q]) & (k < T)
        right = (r >= ra[b, q]) & (r < rb[b, q]) & (r >= 0) & (r < T)
        canvas = (c >= ca[b, q]) & (c < cb[b, q]) & (c >= 0)
        return left | right | canvas

    return BlockMask.from_kv_blocks(*found, BLOCK_SIZE=BLOCK, mask_mod=sees)


class Denoiser(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.dtype = torch.float32  # of activations; parameters stay float32
        self.active = c.n_layer  # layers in use: train.py may begin with a few of them
        self.emb = nn.Parameter(torch.randn(c.vocab, c.d_model) * 0.02)
        self.role = nn.Parameter(torch.zeros(3, c.d_model))
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.n_layer))
        self.quality_w = nn.Parameter(torch.zeros(c.d_model))
        self.quality_b = nn.Parameter(torch.zeros(()))

    def matrices(self):
        return [p for layer in self.layers for p in layer.parameters()]

    def tables(self):
        return [self.emb, self.role, self.quality_w, self.quality_b]

    def embed(self, tokens, role):
        return rms(self.emb[tokens] + self.role[role]).to(self.dtype)

    def packed(self, tokens, pos_a, pos_b, see, T, found=None):
        """tokens, pos_a, pos_b [B, N] with N = T + T + S: L, R, canvases; see: as in dense();
        found: blocks(see, T), to use flex_attention with it.

        pos_a is the position in the frame of L (L and canvases), pos_b in the
        frame of R (R and canvases). Returns features [B, N, d].
        """
        c = self.c
        N = tokens.shape[1]
        kind = (torch.arange(N, device=tokens.device) >= T).long() + (torch.arange(N, device=tokens.device) >= 2 * T).long()
        x = self.embed(tokens, kind)
        # One product over 2 hd serves both frames: a key of L or of a canvas has its
        # rotation in the first half and zeros in the second, a key of R the reverse.
        only = lambda cs, keep: tuple(t * keep[:, None] for t in cs)
        a, b = rotations(pos_a, c.head_dim), rotations(pos_b, c.head_dim)
        in_a, q_b, k_b = only(a, kind != 1), only(b, kind != 0), only(b, kind == 1)
        mask = dense(see, T) if found is None else block_mask(see, T, found)
        for layer in self.layers[: self.active]:
            q, k, v = layer.qkv(x)
            q = by_head(torch.cat((rope(q, in_a), rope(q, q_b)), -1))
            k = by_head(torch.cat((rope(k, in_a), rope(k, k_b)), -1))
            x = layer.finish(x, self.attend(q, k, by_head(v), T, mask).transpose(1, 2))
        return rms(x)

    def attend(self, q, k, v, T, mask):
        c = self.c
        scale = c.head_dim**-0.5
        if not isinstance(mask, tuple):
            return flex_attention(q, k, v, block_mask=mask, scale=scale, enable_gqa=True)
        # Plain products and a softmax: compiled for a CPU with AMX, their backward pass takes half
        # the time of the fused kernel's, and a step a fifth less.
        hd, g = c.head_dim, c.n_head // c.n_kv
        q = q.unflatten(1, (c.n_kv, g))
        k, v = (t[:, :, None].expand(-1, -1, g, -1, -1) for t in (k, v))
        L, R, C = slice(0, T), slice(T, 2 * T), slice(2 * T, None)

        def one(q, k, v, see):
            hidden = torch.zeros_like(see, dtype=q.dtype).masked_fill(~see, -30000.0)[:, None, None]
            return ((q @ k.mT).float() * scale + hidden).softmax(-1).to(q.dtype) @ v

        left, right, canvas = mask
        return torch.cat((
            one(q[..., L, :hd], k[..., L, :hd], v[..., L, :], left),
            one(q[..., R, hd:], k[..., R, hd:], v[..., R, :], right),
            one(q[..., C, :], k, v, canvas),
        ), 3).flatten(1, 2)  # fmt: skip

    def single(self, tokens, pos, mask):
        """One stream, one frame: tokens, pos [B, n]; mask None (causal) or bool [B, n, n]. Features [B, n, d]."""
        c = self.c
        n, g = tokens.shape[1], c.n_head // c.n_kv
        x = self.embed(tokens, 0)
        cs = rotations(pos, c.head_dim)
        if mask is None:
            mask = torch.ones(n, n, dtype=torch.bool, device=tokens.device).tril()[None]
        hidden = torch.zeros_like(mask, dtype=x.dtype).masked_fill(~mask, -30000.0)[:, None, None]
        for layer in self.layers[: self.active]:
            q, k, v = layer.qkv(x)
            q = by_head(rope(q, cs)).unflatten(1, (c.n_kv, g))
            k, v = (by_head(t)[:, :, None] for t in (rope(k, cs), v))
            o = ((q @ k.mT).float() * c.head_dim**-0.5 + hidden).softmax(-1).to(q.dtype) @ v
            x = layer.finish(x, o.flatten(1, 2).transpose(1, 2))
        return rms(x)

    def logits(self, y):
        return y @ self.emb.T.to(y.dtype)

    def quality(self, y):
        """Logit of the quality head. It reads the features and does not shape them."""
        return y.detach().float() @ self.quality_w + self.quality_b

    def serve(self, tokens, role, pos_a, pos_b, past_a, past_b):
        """The ONNX contract up to the head: features [B, n, d] and kv [B, n, NL, 2, n_kv, hd]."""
        c = self.c
        B, n = tokens.shape
        g = c.n_head // c.n_kv
        x = self.embed(tokens, role)
        fa, fb = rotations(pos_a, c.head_dim), rotations(pos_b, c.head_dim)
        bias = torch.zeros(B, 1, n, len(past_a) + len(past_b) + n)
        inner = bias[..., len(past_a) + len(past_b) :]
        inner.masked_fill_((tokens == PAD)[:, None, None, :], -1e9)
        if role < 2:
            inner.masked_fill_(~torch.ones(n, n, dtype=torch.bool).tril(), -1e9)
        kvs = []
        for i, layer in enumerate(self.layers):
            q, k, v = layer.qkv(x)
            qa, qb, ka = rope(q, fa), rope(q, fb), rope(k, fa)
            kvs.append(torch.stack((ka, v), 2))
            past = lambda p, j: by_head(p[None, :, i, j].expand(B, -1, -1, -1), g)
            s = torch.cat((by_head(qa) @ past(past_a, 0).mT, by_head(qb) @ past(past_b, 0).mT, by_head(qa) @ by_head(ka, g).mT), -1)
            s = s * c.head_dim**-0.5 + bias
            o = s.softmax(-1) @ torch.cat((past(past_a, 1), past(past_b, 1), by_head(v, g)), 2)
            x = layer.finish(x, o.transpose(1, 2))
        return rms(x), torch.stack(kvs, 2)

    def weights(self, dtype=np.float32):
        """The checkpoint export.py reads."""
        out = {"emb": self.emb, "role": self.role, "quality.w": self.quality_w, "quality.b": self.quality_b}
        for i, layer in enumerate(self.layers):
            for name, w in layer.named_parameters():
                out[f"layers.{i}.{name}"] = w
        return {k: w.detach().float().cpu().numpy().astype(dtype) for k, w in out.items()}

    def save(self, directory, dtype=np.float32):
        os.makedirs(directory, exist_ok=True)
        tmp = os.path.join(directory, "weights.tmp.npz")
        np.savez(tmp, **self.weights(dtype))
        os.replace(tmp, os.path.join(directory, "weights.npz"))
        with open(os.path.join(directory, "config.json"), "w") as f:
            json.dump(asdict(self.c), f, indent=1)

    @staticmethod
    def load(directory):
        """From a folder that save wrote, or from a bundle (model.onnx), whose int8 weights are unfolded."""
        config, arrays = read(directory)
        model = Denoiser(config)
        model.load_state_dict({k.replace("quality.", "quality_"): torch.from_numpy(np.asarray(a, np.float32)) for k, a in arrays.items()})
        return model


def read(directory):
    """(Config, arrays) of a checkpoint or of a bundle."""
    known = Config.__dataclass_fields__
    if os.path.exists(os.path.join(directory, "weights.npz")):
        with open(os.path.join(directory, "config.json")) as f:
            config = json.load(f)
        with np.load(os.path.join(directory, "weights.npz")) as z:
            arrays = dict(z)
    else:
        import unfold  # needs onnx, which the device that trains may lack

        config, arrays = unfold.bundle(directory)
    config = Config(**{k: v for k, v in config.items() if k in known})
    config.canvases = tuple(config.canvases)  # JSON has lists
    return config, arrays
