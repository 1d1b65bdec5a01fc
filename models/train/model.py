"""The denoiser in PyTorch: docs/model.md, nothing more.

`Denoiser.packed` is the training forward (two streams and K canvases of one
window at once); `Denoiser.serve` is the ONNX contract, for parity tests.
"""

import copy
import json
import os
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from vocabulary import PAD


@dataclass
class Config:
    d_model: int = 256  # first light: 5.2M parameters in the stack, what two cores can train
    n_layer: int = 7
    n_head: int = 4
    n_kv: int = 2  # grouped: the cache and its copies halve, quality hardly moves
    head_dim: int = 64
    ffn: int = 704  # 2.75 d, SwiGLU, a multiple of 32 for blockwise int8
    vocab: int = 4096
    top_k: int = 8
    left_window: int = 352  # served windows stay inside the trained 384 positions
    right_window: int = 224
    canvases: tuple = (8, 16, 32, 64)


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
        heads = lambda w, n: (h @ w).view(*x.shape[:-1], n, c.head_dim)
        return rms(heads(self.wq, c.n_head)), rms(heads(self.wk, c.n_kv)), heads(self.wv, c.n_kv)

    def finish(self, x, attended):
        x = x + attended.flatten(-2) @ self.wo
        h = rms(x)
        return x + (F.silu(h @ self.wg) * (h @ self.wu)) @ self.wd


def by_head(x, groups=1):
    """[B, n, heads, hd] -> [B, heads * groups, n, hd]"""
    x = x.transpose(1, 2)
    return x.repeat_interleave(groups, 1) if groups > 1 else x


class Denoiser(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.emb = nn.Parameter(torch.randn(c.vocab, c.d_model) * 0.02)
        self.role = nn.Parameter(torch.zeros(3, c.d_model))
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.n_layer))
        self.quality_w = nn.Parameter(torch.zeros(c.d_model))
        self.quality_b = nn.Parameter(torch.zeros(()))

    def grow(self, n):
        """Deepens the stack to n layers without changing what it computes: new layers stand
        behind old ones as their copies with zeroed outputs."""
        old = list(self.layers)
        after = [i * len(old) // (n - len(old)) for i in range(n - len(old))]
        layers = []
        for i, layer in enumerate(old):
            layers.append(layer)
            for _ in range(after.count(i)):
                new = copy.deepcopy(layer)
                with torch.no_grad():
                    new.wo.zero_(), new.wd.zero_()
                layers.append(new)
        self.layers = nn.ModuleList(layers)
        self.c = replace(self.c, n_layer=n)

    def matrices(self):
        return [p for layer in self.layers for p in layer.parameters()]

    def embed(self, tokens, role):
        return rms(self.emb[tokens] + self.role[role])

    def packed(self, left, right, canvas, pos_a, pos_b, allowed):
        """left, right [B, T]; canvas, pos_a, pos_b [B, S]; allowed bool [B, S, T + T + S]:
        which keys of L, of R and of the canvases each slot may see.
        Returns features [B, T + T + S, d]."""
        c, T = self.c, left.shape[1]
        x = torch.cat((self.embed(left, 0), self.embed(right, 1), self.embed(canvas, 2)), 1)
        stream = rotations(torch.arange(T, device=left.device), c.head_dim)
        both = [torch.cat((s.expand(len(left), T, -1), s.expand(len(left), T, -1), a), 1)
                for s, a in zip(stream, rotations(pos_a, c.head_dim))]  # fmt: skip
        frame_b = rotations(pos_b, c.head_dim)
        bias = torch.zeros(allowed.shape, dtype=x.dtype, device=x.device).masked_fill(~allowed, -1e9)[:, None]
        for layer in self.layers:
            x = self.block(layer, x, T, both, frame_b, bias)
        return rms(x)

    def block(self, layer, x, T, frame_a, frame_b, bias):
        c = self.c
        g = c.n_head // c.n_kv
        q, k, v = layer.qkv(x)
        qa, ka = by_head(rope(q, frame_a)), by_head(rope(k, frame_a), g)
        qb, vh = by_head(rope(q[:, 2 * T :], frame_b)), by_head(v, g)
        cut = lambda t: (t[:, :, :T], t[:, :, T : 2 * T], t[:, :, 2 * T :])
        (ql, qr, qc), (kl, kr, kc), (vl, vr, vc) = cut(qa), cut(ka), cut(vh)
        ol = F.scaled_dot_product_attention(ql, kl, vl, is_causal=True)
        orr = F.scaled_dot_product_attention(qr, kr, vr, is_causal=True)
        s = torch.cat((qc @ kl.mT, qb @ kr.mT, qc @ kc.mT), -1) * c.head_dim**-0.5 + bias
        oc = s.softmax(-1) @ vh
        return layer.finish(x, torch.cat((ol, orr, oc), 2).transpose(1, 2))

    def logits(self, y):
        return y @ self.emb.T

    def quality(self, y):
        """Logit of the quality head. It reads the features and does not shape them."""
        return y.detach() @ self.quality_w + self.quality_b

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

    def weights(self):
        """The checkpoint export.py reads."""
        out = {"emb": self.emb, "role": self.role, "quality.w": self.quality_w, "quality.b": self.quality_b}
        for i, layer in enumerate(self.layers):
            for name, w in layer.named_parameters():
                out[f"layers.{i}.{name}"] = w
        return {k: w.detach().float().cpu().numpy() for k, w in out.items()}

    def save(self, directory):
        os.makedirs(directory, exist_ok=True)
        tmp = os.path.join(directory, "weights.tmp.npz")
        np.savez(tmp, **self.weights())
        os.replace(tmp, os.path.join(directory, "weights.npz"))
        with open(os.path.join(directory, "config.json"), "w") as f:
            json.dump(asdict(self.c), f, indent=1)

    @staticmethod
    def load(directory):
        with open(os.path.join(directory, "config.json")) as f:
            model = Denoiser(Config(**json.load(f)))
        arrays = np.load(os.path.join(directory, "weights.npz"))
        state = {k.replace("quality.", "quality_"): torch.from_numpy(arrays[k]) for k in arrays.files}
        model.load_state_dict(state)
        return model
