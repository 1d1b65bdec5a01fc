"""What may see what, that training and serving are one model, and that ONNX is too.

Needs PyTorch: make test-train.
"""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest

if not os.environ.get("LACUNA_TORCH"):  # make test-train sets it: there a missing PyTorch is a failure
    pytest.importorskip("torch", reason="NOT RUN: needs PyTorch, see make test-train")
import torch  # noqa: E402

pytestmark = pytest.mark.torch

import batches  # noqa: E402
import export  # noqa: E402
import pack  # noqa: E402
import train  # noqa: E402
import unfold  # noqa: E402
import vocabulary as v  # noqa: E402
from model import Config, Denoiser, blocks, dense  # noqa: E402
from muon import Muon  # noqa: E402

TINY = Config(d_model=32, n_layer=2, n_head=2, n_kv=1, head_dim=16, ffn=64, vocab=300)
WINDOW, SLOTS = 128, 128
HEADER = [v.GO, 40, v.CODE]
HOLES = [(5, 6, 0), (10, 15, 1), (20, 30, 0), (34, 36, 1)]  # of 1 and 5 tokens: canvases of 8; of 10: of 16; of 2: of 8


@pytest.fixture
def records(tmp_path):
    """Three records of random tokens with four holes each."""
    rng = np.random.default_rng(4)
    shard = pack.Shard()
    for length, ends in ((50, True), (40, False), (55, True)):
        shard.add(HEADER, rng.integers(24, 300, length), ends, HOLES)
    np.savez(tmp_path / "shard-000.npz", **pack.join([shard.arrays()]))
    return batches.Records(tmp_path / "shard-000.npz")


@pytest.fixture
def model():
    torch.manual_seed(0)
    m = Denoiser(TINY)
    with torch.no_grad():
        for p in m.parameters():  # zero-initialised layers would hide every leak
            p.copy_(torch.randn_like(p) * 0.3)
    return m


class Forward(train.Forward):
    """train.py's on a CPU."""

    def __init__(self, model, window=WINDOW):
        super().__init__(model, window, "cpu", compiled=False)


def features(model, b, tokens=None):
    with torch.no_grad():
        return Forward(model)(b, b["tokens"] if tokens is None else tokens)


def canvases(b, row=0):
    """[(record, hole, slots as a slice of N)] of a row."""
    return [
        (record, hole, slice(2 * WINDOW + s, 2 * WINDOW + s + size))
        for r, s, size, record, hole, _, _ in batches.canvases_of(b, WINDOW).tolist()
        if r == row
    ]


def batch(records, rows=((0,), (1,), (2,)), ratio=1.0, seed=1, **options):
    return batches.batch(records, [list(r) for r in rows], np.random.default_rng(seed), WINDOW, SLOTS, ratio=ratio, **options)


def changed(b, *at, to=77):
    tokens = b["tokens"].clone()
    for i in at:
        tokens[0, i] = to
    return tokens


LENGTH = 50  # of record 0


def in_l(i):
    """Where token i of the body of record 0 stands in L."""
    return len(HEADER) + i


def in_r(i):
    """Where it stands in R: behind the end mark, backwards."""
    return WINDOW + LENGTH - i


def test_a_canvas_never_sees_its_own_answer(records, model):
    b = batch(records)
    before = features(model, b)
    for record, hole, slots in canvases(b):
        start, end, _ = HOLES[hole]
        own = [at for i in range(start, end) for at in (in_l(i), in_r(i))]
        after = features(model, b, changed(b, *own))
        assert torch.equal(before[0, slots], after[0, slots]), f"canvas {hole} saw its answer"
        assert not torch.equal(before[0], after[0]), "nobody saw the change: the test would prove nothing"


def test_a_canvas_sees_both_sides_up_to_the_hole(records, model):
    b = batch(records)
    before = features(model, b)
    [slots] = [s for _, hole, s in canvases(b) if hole == 1]
    for at in (in_l(9), in_r(15)):  # the tokens next to hole 1 = [10, 15)
        assert not torch.equal(before[0, slots], features(model, b, changed(b, at))[0, slots])


def test_canvases_do_not_see_each_other(records, model):
    b = batch(records)
    before = features(model, b)
    for _, hole, slots in canvases(b):
        after = features(model, b, changed(b, slots.start))
        for _, other, s in canvases(b):
            assert torch.equal(before[0, s], after[0, s]) == (other != hole)


def test_records_of_a_row_do_not_see_each_other(records, model):
    together, alone = batch(records, [(0, 1)]), batch(records, [(1,)])
    y, z = features(model, together), features(model, alone)
    slots, apart = [s for r, _, s in canvases(together) if r == 1], [s for r, _, s in canvases(alone)]
    assert len(slots) == len(apart) == len(HOLES)
    for s, t in zip(slots, apart):
        n = min(s.stop - s.start, t.stop - t.start)
        if s.stop - s.start == t.stop - t.start:  # canvases of one size: the draw may differ
            torch.testing.assert_close(y[0, s][:n], z[0, t][:n], rtol=1e-4, atol=1e-5)
    first = slice(len(HEADER) + LENGTH, len(HEADER) + LENGTH + len(HEADER) + 40)  # record 1 of row 0 in L
    torch.testing.assert_close(y[0, first], z[0, : first.stop - first.start], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("offset", [0, WINDOW], ids=["L", "R"])
def test_streams_are_causal_and_apart(records, model, offset):
    b = batch(records)
    same = (features(model, b) == features(model, b, changed(b, offset + 20))).all(-1)[0]
    assert same[offset : offset + 20].all() and not same[offset + 20 : offset + LENGTH].any()
    other = WINDOW - offset
    assert same[other : other + WINDOW].all()


def test_the_distance_to_r_does_not_betray_the_length(records):
    """Holes of 1, 5 and 2 tokens, all in canvases of 8: the positions relative to R's end are the same."""
    b = batch(records, slack=8, limit=7)
    gaps = [(b["pos_b"][0, s] - b["rb"][0, s.start]).tolist() for _, _, s in canvases(b)]
    assert len(gaps) == 3 and gaps[0] == gaps[1] == gaps[2]


def test_everything_masked_means_everything(records):
    b = batch(records, ratio=1.0)
    assert (b["tokens"][:, 2 * WINDOW :][b["live"]] == v.MASK).all()
    assert len(b["c_rows"]) == b["live"].sum()


def test_targets_are_the_text(records):
    b = batch(records)
    N = b["tokens"].shape[1]
    flat = b["tokens"].view(-1)
    for rows, target in (("l_rows", "l_target"), ("r_rows", "r_target")):
        assert (flat[b[rows] + 1] == b[target]).all() and len(b[rows]) > 20
    assert (b["l_rows"] % N < WINDOW).all() and ((b["r_rows"] % N) // WINDOW == 1).all()
    for record, hole, s in canvases(b):
        start, end, _ = HOLES[hole]
        want = records.record(record)[1][start:end].tolist()
        truth = b["truth"][0, s.start - 2 * WINDOW : s.stop - 2 * WINDOW].tolist()
        assert truth == want + [v.DELETE] * (s.stop - s.start - len(want))


def test_open_holes_leave_the_other_canvases_what_they_are(records):
    """With sentinels in the streams, every canvas still stands between the text before and after its hole."""
    for seed in range(40):
        b = batch(records, [(0,)], ratio=None, seed=seed)
        if not (b["tokens"][0, :WINDOW] == v.HOLE).any():
            continue
        body = records.record(0)[1]
        for _, hole, s in canvases(b):
            start, end, _ = HOLES[hole]
            before, after = b["tokens"][0, int(b["lb"][0, s.start]) - 1], b["tokens"][0, WINDOW + int(b["rb"][0, s.start]) - 1]
            assert int(before) in (body[start - 1], v.HOLE) and int(after) in (body[end], v.HOLE)
        return
    raise AssertionError("no batch had open holes")


def test_own_samples_are_scored_and_visible_truth_is_not(records, model):
    b = batch(records, ratio=0.3, flips=0.5)
    S, at = SLOTS, 2 * WINDOW
    tokens = train.own_samples(model, Forward(model), b)
    shown, truth = tokens[:, at:], b["truth"]
    changed_ = shown != b["tokens"][:, at:]
    assert (b["flip"] | ~changed_).all() and changed_.any(), "only what was offered is replaced"
    scored = torch.zeros_like(b["live"])
    N = b["tokens"].shape[1]
    scored.view(-1)[b["c_rows"] // N * S + b["c_rows"] % N - at] = True
    assert scored[(shown != truth) & b["live"]].all(), "what is wrong or masked is scored"
    weight = b["weight"] * scored * (shown != truth)
    assert (weight[b["live"] & (shown == truth)] == 0).all() and (weight[changed_ & (shown != truth)] > 0).all()


def test_block_sparse_attention_is_the_same_mask(records, model):
    """What the GPU computes with: blocks() says of no block that it is whole or empty when it is not."""
    b = batch(records, [(0, 1), (1,), (2, 0)])
    see = tuple(b[k] for k in ("la", "lb", "ra", "rb", "ca", "cb"))
    B, N = b["tokens"].shape
    full = torch.zeros(B, N, N, dtype=torch.bool)
    full[:, :WINDOW, :WINDOW], full[:, WINDOW : 2 * WINDOW, WINDOW : 2 * WINDOW], full[:, 2 * WINDOW :] = dense(see, WINDOW)
    tiles = full.view(B, N // 128, 128, N // 128, 128)
    some, whole = tiles.any(4).any(2), tiles.all(4).all(2)
    partial, order, complete, order_c = blocks(see, WINDOW)
    for i in range(B):
        for q in range(N // 128):
            part = set(order[i, 0, q, : partial[i, 0, q]].tolist())
            all_ = set(order_c[i, 0, q, : complete[i, 0, q]].tolist())
            assert part | all_ == set(some[i, q].nonzero()[:, 0].tolist()) and not part & all_
            assert all_ == set(whole[i, q].nonzero()[:, 0].tolist())


def test_layers_not_yet_in_use_change_nothing():
    torch.manual_seed(0)
    m = Denoiser(dataclasses.replace(TINY, n_layer=4))
    with torch.no_grad():
        for layer in m.layers[:2]:
            for p in layer.parameters():
                p.copy_(torch.randn_like(p) * 0.3)
    tokens, pos = torch.randint(24, 300, (1, 20)), torch.arange(20)[None]
    m.active = 2
    few = features_of(m, tokens, pos)
    m.active = 4
    assert torch.equal(few, features_of(m, tokens, pos))
    assert train.stages("2:0.3,4:0.6") == [(2, 0.3), (4, 0.6)]


def features_of(m, tokens, pos):
    T = tokens.shape[1]
    i = torch.arange(T, dtype=torch.int32)[None]
    n = torch.zeros_like(i)
    with torch.no_grad():  # L alone: R and the canvases are one padding token each that sees itself
        pad = torch.zeros(1, T, dtype=torch.long)
        see = [torch.cat(x, 1) for x in ((n, n), (i + 1, n), (n, i), (n, i + 1), (n, n), (n, n))]
        return m.packed(torch.cat((tokens, pad), 1), torch.cat((pos, pad), 1), torch.cat((pad, pos), 1), tuple(see), T)[:, :T]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_head_loss_is_cross_entropy(dtype):
    """Chunked and with its own gradient, but the same numbers."""
    import head

    torch.manual_seed(1)
    y, emb = torch.randn(50, 16).to(dtype).requires_grad_(), torch.randn(300, 16, requires_grad=True)
    target, weight = torch.randint(0, 300, (50,)), torch.rand(50)
    loss, nll, hit = head.head_loss(y, emb, target, weight)
    loss.backward()
    y2, emb2 = y.detach().float().requires_grad_(), emb.detach().to(dtype).float().requires_grad_()
    want = torch.nn.functional.cross_entropy(y2 @ emb2.T, target, reduction="none")
    (want * weight).sum().backward()
    bound = dict(rtol=1e-4, atol=1e-5) if dtype == torch.float32 else dict(rtol=0.1, atol=0.15)
    torch.testing.assert_close(nll, want.detach(), **bound)
    torch.testing.assert_close(y.grad.float(), y2.grad, **bound)
    torch.testing.assert_close(emb.grad, emb2.grad, **bound)
    assert (hit == ((y2 @ emb2.T).argmax(-1) == target)).float().mean() > 0.9


def test_sharpening_is_the_entropy_of_what_is_right():
    import head

    torch.manual_seed(1)
    y, emb = (2 * torch.randn(50, 16)).requires_grad_(), torch.randn(40, 16, requires_grad=True)
    sharpen, weight = torch.rand(50), torch.rand(50)
    target = torch.where(torch.arange(50) % 2 == 0, (y @ emb.T).argmax(-1), torch.randint(0, 40, (50,)))
    loss, _, hit = head.head_loss(y, emb, target, weight, sharpen=sharpen)
    loss.backward()
    y2, emb2 = y.detach().requires_grad_(), emb.detach().requires_grad_()
    logp = (y2 @ emb2.T).log_softmax(-1)
    want = (-(logp.gather(1, target[:, None])[:, 0]) * weight).sum() + (-(logp.exp() * logp).sum(-1) * sharpen * hit).sum()
    want.backward()
    assert 25 <= hit.sum() < 50
    torch.testing.assert_close(loss, want)
    torch.testing.assert_close(y.grad, y2.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(emb.grad, emb2.grad, rtol=1e-4, atol=1e-5)


def test_a_memorised_batch_has_no_loss_left(records):
    torch.manual_seed(0)
    model = Denoiser(TINY)
    forward, muon, adam = Forward(model), Muon(model.matrices(), 0.02), torch.optim.Adam(model.tables(), 0.01)
    b = batch(records)
    for _ in range(200):
        loss, parts = train.losses(model, forward, b)
        loss.backward()
        muon.step(), adam.step(), muon.zero_grad(), adam.zero_grad()
    assert parts["canvas"] < 0.05 and parts["left"] < 0.1 and parts["right"] < 0.1 and parts["hit"] > 0.99, parts


def test_rows_are_full_and_every_record_is_in_one(records):
    lengths = records.docs[:, 2]
    rows = batches.bins(records, np.arange(len(records)), WINDOW, SLOTS)
    assert sorted(i for row in rows for i in row) == [0, 1, 2]
    assert all(sum(lengths[i] for i in row) <= WINDOW for row in rows) and len(rows) == 2


def serve_pieces(b, k):
    """L, R and canvas k of record 0 as the server would send them."""
    _, _, s = canvases(b)[k]
    left = b["tokens"][0, : int(b["lb"][0, s.start])]
    right = b["tokens"][0, WINDOW : WINDOW + int(b["rb"][0, s.start])]
    return left, right, b["tokens"][0, s], s


def encode(run, tokens, role, past, start):
    pos = torch.arange(start, start + len(tokens))[None]
    empty = past[:0]
    return run(tokens[None], role, pos, torch.zeros_like(pos), past, empty)


def test_serving_is_the_trained_model_and_the_cache_is_exact(records, model):
    b = batch(records, ratio=0.6)
    packed = features(model, b)
    none = torch.zeros(0, TINY.n_layer, 2, TINY.n_kv, TINY.head_dim)
    with torch.no_grad():
        for k in range(4):
            left, right, canvas, s = serve_pieces(b, k)
            _, whole = encode(model.serve, left, 0, none, 0)
            cut = len(left) // 2
            _, head = encode(model.serve, left[:cut], 0, none, 0)
            _, tail = encode(model.serve, left[cut:], 0, head[0], cut)
            cached = torch.cat((head[0], tail[0]))
            torch.testing.assert_close(cached, whole[0], rtol=1e-4, atol=1e-5)
            _, r = encode(model.serve, right, 1, none, 0)
            C = len(canvas)
            pos_a, pos_b = torch.arange(len(left), len(left) + C)[None], (len(right) + C - 1 - torch.arange(C))[None]
            y, _ = model.serve(canvas[None], 2, pos_a, pos_b, cached, r[0])
            torch.testing.assert_close(y[0], packed[0, s], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precision, bound", [("fp32", 1e-3), ("int8", 5e-2)])
def test_onnx_is_the_trained_model(records, model, tmp_path, precision, bound):
    """The whole way to the file that ships: checkpoint, export, ONNX Runtime."""
    model.save(tmp_path / "run")
    (tmp_path / "tokenizer.json").write_text('{"model": {"vocab": {}}}')
    weights = {k: a for k, a in np.load(tmp_path / "run" / "weights.npz").items()}
    export.write_bundle(tmp_path / "out", weights, dataclasses.asdict(model.c), tmp_path / "tokenizer.json", "t", precision, {})
    session = onnxruntime.InferenceSession(tmp_path / "out" / "model.onnx", providers=["CPUExecutionProvider"])
    b = batch(records, ratio=0.6)
    none = torch.zeros(0, TINY.n_layer, 2, TINY.n_kv, TINY.head_dim)
    relative = lambda x, ref: float(np.linalg.norm(x - ref) / np.linalg.norm(ref))
    with torch.no_grad():
        for k in range(4):
            left, right, canvas, _ = serve_pieces(b, k)
            past_a, past_b = encode(model.serve, left, 0, none, 0)[1][0], encode(model.serve, right, 1, none, 0)[1][0]
            C = len(canvas)
            pos_a, pos_b = torch.arange(len(left), len(left) + C)[None], (len(right) + C - 1 - torch.arange(C))[None]
            y, kv = model.serve(canvas[None], 2, pos_a, pos_b, past_a, past_b)
            logp = model.logits(y[0]).log_softmax(-1).numpy()
            feed = {"tokens": canvas[None], "role": torch.tensor([2]), "pos_a": pos_a, "pos_b": pos_b, "past_a": past_a,
                    "past_b": past_b, "rows": torch.arange(C), "targets": canvas}  # fmt: skip
            out = dict(zip([o.name for o in session.get_outputs()], session.run(None, {n: t.numpy() for n, t in feed.items()})))
            assert relative(out["kv"], kv.numpy()) < bound
            assert relative(out["target_logp"], logp[np.arange(C), canvas]) < bound
            assert relative(out["top_logp"], np.take_along_axis(logp, out["top_ids"], 1)) < bound
            quality = torch.sigmoid(model.quality(y[0])).numpy()
            assert relative(out["quality"], quality) < bound


def test_checkpoints_come_back(model, tmp_path):
    model.save(tmp_path)
    again = Denoiser.load(tmp_path)
    for (name, a), (_, z) in zip(model.named_parameters(), again.named_parameters()):
        assert torch.equal(a, z), name


@pytest.mark.parametrize("precision, bound", [("fp32", 0), ("int8", 0.02)])
def test_a_bundle_can_be_trained_on(model, tmp_path, precision, bound):
    """--init models/small: what ships is unfolded into what trains."""
    model.save(tmp_path / "run")
    (tmp_path / "tokenizer.json").write_text('{"model": {"vocab": {}}}')
    weights = dict(np.load(tmp_path / "run" / "weights.npz"))
    export.write_bundle(tmp_path / "out", weights, dataclasses.asdict(model.c), tmp_path / "tokenizer.json", "t", precision, {})
    config, arrays = unfold.bundle(tmp_path / "out")
    assert arrays.keys() == weights.keys()
    for name, a in weights.items():
        assert a.shape == arrays[name].shape and np.abs(a - arrays[name]).max() <= bound * max(1e-9, np.abs(a).max()), name
    again = Denoiser.load(tmp_path / "out")
    assert again.c == model.c


def test_a_run_in_pieces_goes_on_where_it_stopped(records, tmp_path):
    """The program itself, on a CPU: a piece, the rest, a bundle's worth of files."""
    flags = ["--data", str(tmp_path), "--out", str(tmp_path / "run"), "--minutes", "0.1", "--threads", "1", "--batch", "1", "--window", str(WINDOW), "--slots", str(SLOTS), "--device", "cpu"]
    for name in ("d_model", "n_layer", "n_head", "n_kv", "head_dim", "ffn", "vocab"):
        flags += ["--" + name.replace("_", "-"), str(getattr(TINY, name))]
    script = os.path.join(os.path.dirname(train.__file__), "train.py")
    run = lambda *more: subprocess.run([sys.executable, script, *flags, *more], check=True, capture_output=True, text=True)
    run("--piece", "0.02")
    first = torch.load(tmp_path / "run" / "state.pt", weights_only=False)
    run("--resume")
    last = torch.load(tmp_path / "run" / "state.pt", weights_only=False)
    assert first["step"] > 3 and last["step"] > first["step"] and last["spent"] >= 0.1 * 60 > first["spent"]
    assert first["turned"] is None and first["step"] < last["turned"] < last["step"], "the last part is on holes at a cursor"
    summary = json.loads((tmp_path / "run" / "training.json").read_text())
    assert summary["steps"] == last["step"] and summary["operations"] > 0
    again = Denoiser.load(tmp_path / "run")
    assert torch.equal(again.emb, last["model"]["emb"])
    run("--resume", "--minutes", "0.12")
    assert torch.load(tmp_path / "run" / "state.pt", weights_only=False)["turned"] == last["turned"], "once"
    refused = subprocess.run([sys.executable, script, *flags[:2], "--out", str(tmp_path / "none"), "--resume"], capture_output=True, text=True)
    assert refused.returncode != 0 and "without --resume" in refused.stderr
