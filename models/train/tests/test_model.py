"""What may see what, that training and serving are one model, and that ONNX is too.

Needs PyTorch: make test-train.
"""

import dataclasses
import os

import numpy as np
import onnxruntime
import pytest

if not os.environ.get("LACUNA_TORCH"):  # make test-train sets it: there a missing PyTorch is a failure
    pytest.importorskip("torch", reason="NOT RUN: needs PyTorch, see make test-train")
import torch  # noqa: E402

pytestmark = pytest.mark.torch

import batches  # noqa: E402
import export  # noqa: E402
import prepare  # noqa: E402
import train  # noqa: E402
import vocabulary as v  # noqa: E402
from model import Config, Denoiser  # noqa: E402

TINY = Config(d_model=32, n_layer=2, n_head=2, n_kv=1, head_dim=16, ffn=64, vocab=300)
WINDOW, SLOTS = 64, 48


@pytest.fixture
def records(tmp_path):
    """Three records of random tokens with holes of 1 to 20 tokens."""
    rng = np.random.default_rng(4)
    packer = prepare.Packer(WINDOW, SLOTS)
    for length, ends in ((50, True), (40, False), (55, True)):
        body = rng.integers(24, 300, length).tolist()
        packer.add([v.GO, 40, v.CODE], body, ends, [(5, 6, 8), (10, 15, 8), (20, 30, 16), (34, 36, 16)])
    packer.save(tmp_path / "r.npz")
    return batches.Records(tmp_path / "r.npz")


@pytest.fixture
def model():
    torch.manual_seed(0)
    m = Denoiser(TINY)
    with torch.no_grad():
        for p in m.parameters():  # zero-initialised layers would hide every leak
            p.copy_(torch.randn_like(p) * 0.3)
    return m


def features(model, b):
    with torch.no_grad():
        return model.packed(*(b[k] for k in ("left", "right", "canvas", "pos_a", "pos_b", "allowed")))


def slots_of(b, record, canvas):
    """Positions of the canvas-th canvas of a record, by where its L position starts."""
    starts = np.flatnonzero(np.diff(b["pos_a"][record].numpy(), prepend=-99) != 1)
    ends = np.append(starts[1:], SLOTS)
    return slice(starts[canvas], ends[canvas])


def batch(records, ratio=1.0, flips=False):
    return records.batch(np.arange(len(records)), np.random.default_rng(1), flips=flips, ratio=ratio)


def test_a_canvas_never_sees_its_own_answer(records, model):
    b = batch(records)
    before = features(model, b)[:, 2 * WINDOW :]
    header = 3
    length = int((b["right"][0] != v.PAD).sum()) - 1
    for k, (start, end) in enumerate([(5, 6), (10, 15), (20, 30), (34, 36)]):
        changed = {key: t.clone() for key, t in b.items()}
        for i in range(start, end):
            changed["left"][0, header + i] = 77
            changed["right"][0, length - i] = 77
        after = features(model, changed)[:, 2 * WINDOW :]
        s = slots_of(b, 0, k)
        assert torch.equal(before[0, s], after[0, s]), f"canvas {k} saw its answer"
        assert not torch.equal(before[0], after[0]), "nobody saw the change: the test would prove nothing"


def test_a_canvas_sees_both_sides_up_to_the_hole(records, model):
    b = batch(records)
    before = features(model, b)[:, 2 * WINDOW :]
    length = int((b["right"][0] != v.PAD).sum()) - 1
    for stream, index in (("left", 3 + 9), ("right", length - 15)):  # the tokens next to hole 1 = [10, 15)
        changed = {key: t.clone() for key, t in b.items()}
        changed[stream][0, index] = 77
        s = slots_of(b, 0, 1)
        assert not torch.equal(before[0, s], features(model, changed)[0, 2 * WINDOW :][s]), stream


@pytest.mark.parametrize("stream, offset", [("left", 0), ("right", WINDOW)])
def test_streams_are_causal_and_apart(records, model, stream, offset):
    b = batch(records)
    before = features(model, b)
    changed = {key: t.clone() for key, t in b.items()}
    changed[stream][0, 20] = 77
    after = features(model, changed)
    same = (before == after).all(-1)[0]
    assert same[offset : offset + 20].all() and not same[offset + 20 : offset + WINDOW].all()
    other = WINDOW - offset
    assert same[other : other + WINDOW].all()


def test_the_distance_to_r_does_not_betray_the_length(records):
    """Holes of 1 and of 5 tokens in canvases of 8, of 10 and of 2 in canvases of 16."""
    b = batch(records)
    for one, other in ((0, 1), (2, 3)):
        gaps = []
        for k in (one, other):
            s = slots_of(b, 0, k)
            seen = int(b["allowed"][0, s.start, WINDOW : 2 * WINDOW].sum())
            gaps.append((b["pos_b"][0, s] - seen).tolist())
        assert gaps[0] == gaps[1]


def test_everything_masked_means_everything(records):
    b = batch(records, ratio=1.0)
    assert (b["canvas"][b["live"]] == v.MASK).all()


def test_flips_are_scored_and_visible_truth_is_not(records):
    b = batch(records, ratio=0.3, flips=True)
    visible = b["live"] & (b["canvas"] != v.MASK)
    wrong = visible & (b["canvas"] != b["truth"])
    assert wrong.any()
    assert (b["weight"][wrong] > 0).all() and (b["weight"][visible & ~wrong] == 0).all()


def test_a_memorised_batch_has_no_loss_left(records):
    torch.manual_seed(0)
    model = Denoiser(TINY)
    muon = train.Muon(model.matrices(), 0.02)
    adam = torch.optim.Adam([model.emb, model.role, model.quality_w, model.quality_b], 0.01)
    b = batch(records)
    for _ in range(200):
        parts = train.losses(model, b, model.packed)
        (parts["canvas"] + parts["left"] + parts["right"] + parts["quality"]).backward()
        muon.step(), adam.step(), muon.zero_grad(), adam.zero_grad()
    assert parts["canvas"] < 0.05 and parts["left"] < 0.1 and parts["right"] < 0.1, parts


def serve_pieces(b, k):
    """L, R and canvas k of record 0 as the server would send them."""
    s = slots_of(b, 0, k)
    left = b["left"][0, : int(b["allowed"][0, s.start, :WINDOW].sum())]
    right = b["right"][0, : int(b["allowed"][0, s.start, WINDOW : 2 * WINDOW].sum())]
    return left, right, b["canvas"][0, s], s


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
            torch.testing.assert_close(y[0], packed[0, 2 * WINDOW :][s], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precision, bound", [("fp32", 1e-3), ("int8", 5e-2)])
def test_onnx_is_the_trained_model(records, model, tmp_path, precision, bound):
    """The whole way to the file that ships: checkpoint, export, ONNX Runtime."""
    model.save(tmp_path / "run")
    (tmp_path / "tokenizer.json").write_text("{}")
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


def test_growing_changes_nothing_at_first(records, model):
    b = batch(records)
    before = features(model, b)
    model.grow(5)
    assert model.c.n_layer == len(model.layers) == 5
    torch.testing.assert_close(features(model, b), before)


@pytest.mark.parametrize("text, first, growth", [("", 7, []), ("2:0.3,4:0.58", 2, [(0.3, 4), (0.58, 7)]), ("3:0.5", 3, [(0.5, 7)])])
def test_stages(text, first, growth):
    assert train.stages(text, 7) == (first, growth)
