"""The fused graph against the stepwise one, and against itself: laid out otherwise, it decides the same.

    python -m pytest models/train/tests/test_fused.py

Here it is a step that is compared; against the whole stepwise engine the graph is set
in Go: lacuna parity, and the tests of cmd/lacuna.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

TRAIN = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TRAIN))
sys.path.insert(0, str(TRAIN / "tests"))
import autoregressive  # noqa: E402
import export  # noqa: E402
import fused  # noqa: E402
from test_export import CONFIG, random_weights  # noqa: E402

PRECISIONS = ["fp32", "int8", "rows8"]

TOKENIZER = {"model": {"vocab": {"\u010a": 24, "\u010a\u0120": 25, "\u010d": 26, "a": 27}},
             "added_tokens": [{"id": i, "content": f"<|{i}|>"} for i in range(24)]}


@pytest.fixture(scope="module", params=PRECISIONS)
def bundle(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    vocab = TOKENIZER["model"]["vocab"] | {f"t{i}": i for i in range(28, CONFIG["vocab"])}
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocab}, "added_tokens": TOKENIZER["added_tokens"]}))
    export.write_bundle(folder, random_weights(CONFIG), CONFIG, folder / "tokenizer.json", "tiny", request.param, {})
    return folder


def run(folder, call, **options):
    graph, model = fused.of_bundle(folder, **options)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(fused.join(graph, model), settings, providers=["CPUExecutionProvider"])
    return dict(zip((o.name for o in session.get_outputs()), session.run(None, call)))


def make_call(seed, b=3, sizes=(8, 16), limit=6):
    rng = np.random.default_rng(seed)
    n, c, k = len(sizes), max(sizes), CONFIG["top_k"]
    slots = np.zeros((b, n, c), np.int64)
    for i, size in enumerate(sizes):
        slots[:, i, :size] = 1
    return {
        "left": rng.integers(24, 120, (b, 12)), "right": rng.integers(24, 120, (b, 9)), "slots": slots,
        "settled": np.zeros((b, n, c), np.float32), "remasked": np.zeros((b, n, c), np.int64),
        "banned": np.full((b, n, c, 2), -1), "told": np.zeros((b, n), np.int64), "multiline": np.arange(b)[:, None] % 2,
        "threshold": np.full((b, 1), np.log(0.2), np.float32), "floor": np.full((b, 1), 0.4, np.float32),
        "limit": np.arange(b)[:, None] + limit - b + 1, "noise": rng.gumbel(0, 0.5, (b, limit, n, c, k + 1)).astype(np.float32)}


def predictions(folder, call, **options):
    """What a step of the fused graph decides by: candidates and quality, [B, N, C, ...]."""
    model = onnx.load(folder / "model.onnx")
    g = export.Graph("fused_const")
    net = fused.Network(g, fused.stored_of(model), CONFIG, **options)
    names = fused.Denoiser(net, fused.glyphs_of(folder / "tokenizer.json", CONFIG["vocab"])).predict(g, "slots")
    graph = helper.make_graph(
        g.nodes, "predict", [helper.make_tensor_value_info(*v) for v in fused.INPUTS],
        [helper.make_tensor_value_info(n, t, None) for n, t in zip(names, (TensorProto.INT64, TensorProto.FLOAT, TensorProto.FLOAT))], g.initializers)
    graph = helper.make_model(graph, ir_version=fused.IR_VERSION, opset_imports=[helper.make_opsetid("", fused.OPSET), helper.make_opsetid(fused.MS, 1)])
    session = onnxruntime.InferenceSession(fused.join(graph, model), providers=["CPUExecutionProvider"])
    wanted = {i.name for i in session.get_inputs()}
    return session.run(None, {n: v for n, v in call.items() if n in wanted})


def stepwise_predictions(folder, call, b):
    """The same of request b by model.onnx, as the engine asks it: streams in pieces, without padding."""
    session = onnxruntime.InferenceSession((folder / "model.onnx").read_bytes(), providers=["CPUExecutionProvider"])
    entry = (CONFIG["n_layer"], 2, CONFIG["n_kv"], CONFIG["head_dim"])
    none, past = np.zeros((0, *entry), np.float32), []
    for role, name in enumerate(("left", "right")):
        tokens, kv = call[name][b][call[name][b] != fused.PAD], none
        for piece in np.split(tokens, [len(tokens) // 3, len(tokens) // 2]):
            at = len(kv) + np.arange(len(piece))
            kv = np.concatenate([kv, session.run(["kv"], {
                "tokens": piece[None], "role": np.array([role]), "pos_a": at[None], "pos_b": 0 * at[None],
                "past_a": kv, "past_b": none, "rows": np.zeros(0, np.int64), "targets": np.zeros(0, np.int64)})[0][0]])
        past.append(kv)
    slots = call["slots"][b]
    j, size = np.arange(slots.shape[1])[None], (slots != fused.PAD).sum(1, keepdims=True)
    rows = np.flatnonzero(slots.ravel())
    return session.run(["top_ids", "top_logp", "quality"], {
        "tokens": slots, "role": np.array([fused.CANVAS]), "pos_a": len(past[0]) + j + 0 * size, "pos_b": len(past[1]) + size - 1 - j,
        "past_a": past[0], "past_b": past[1], "rows": rows, "targets": slots.ravel()[rows]})


@pytest.mark.parametrize("variant", [{"half": False, "attention": a} for a in fused.ATTENTIONS] + [{"half": True, "attention": "mha"}], ids=str)
def test_a_step_is_that_of_the_stepwise_graph(bundle, variant):
    """Of rows8 bit for bit, as long as the graph is in float32 and a request alone; else nearly."""
    for b, (left, right) in enumerate([(12, 9), (150, 70)]):
        call = make_call(b, b=1)
        call["left"], call["right"] = (np.pad(np.random.default_rng(n).integers(24, 120, (1, n)), ((0, 0), (0, 7))) for n in (left, right))
        call["slots"][0, :, 2:5] = [30, 31, 32]
        real = call["slots"][0].ravel() != fused.PAD
        ids, logp, quality = (x[0].reshape(len(real), -1)[real] for x in predictions(bundle, call, **variant))
        want_ids, want_logp, want_quality = stepwise_predictions(bundle, call, 0)
        if variant["half"]:
            # It does not round, which is more than float16 is off by.
            assert np.abs(logp - want_logp).mean() < (0.1 if bundle.name.startswith("rows8") else 0.02)
        elif bundle.name.startswith("rows8"):
            assert np.array_equal(ids, want_ids) and np.array_equal(logp, want_logp) and np.array_equal(quality.ravel(), want_quality)
        else:
            assert np.abs(logp - want_logp).max() < 1e-3 and np.abs(quality.ravel() - want_quality).max() < 1e-3


VARIANTS = [{"attention": a} for a in fused.ATTENTIONS] + [{"attention": "plain", "unroll": 6}]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_variants_decide_the_same(bundle, variant):
    call = make_call(1)
    want, got = run(bundle, call, attention="plain"), run(bundle, call, **variant)
    for name in ("slots_out", "remasked_out", "steps_out", "forwards_out"):
        assert (want[name] == got[name]).all(), name
    assert np.abs(want["settled_out"] - got["settled_out"]).max() < 1e-3


def test_padding_changes_nothing(bundle):
    call = make_call(2)
    wide = dict(call)
    for name in ("left", "right"):
        wide[name] = np.pad(call[name], ((0, 0), (0, 7)))
    grown = {"slots": 0, "settled": 0, "remasked": 0}
    for name, fill in grown.items():
        wide[name] = np.pad(call[name], ((0, 0), (0, 1), (0, 4)), constant_values=fill)
    wide["banned"] = np.pad(call["banned"], ((0, 0), (0, 1), (0, 4), (0, 0)), constant_values=-1)
    wide["told"] = np.pad(call["told"], ((0, 0), (0, 1)))
    wide["noise"] = np.pad(call["noise"], ((0, 0), (0, 0), (0, 1), (0, 4), (0, 0)))
    want, got = run(bundle, call), run(bundle, wide)
    assert (want["slots_out"] == got["slots_out"][:, :-1, :-4]).all()
    assert (got["slots_out"][:, -1] == 0).all() and (got["slots_out"][:, :, -4:] == 0).all()
    assert (want["forwards_out"] == got["forwards_out"]).all()


def test_stops_early_and_at_the_limit(bundle):
    call = make_call(3)
    call["threshold"][:] = -100  # everything is sure
    call["floor"][:] = -1
    out = run(bundle, call)
    assert (out["forwards_out"] <= 2).all()  # an end behind the front may take another
    call = make_call(3)
    call["threshold"][:] = 0  # nothing is
    out = run(bundle, call)
    assert (out["forwards_out"] == call["limit"]).all()
    real = call["slots"] != 0
    assert ((out["slots_out"] != 0) == real).all()
    call["slots"][:] = np.where(real, 50, 0)  # nothing is masked
    assert (run(bundle, call)["forwards_out"] == 0).all()


def test_autoregressive_baseline_is_the_stepwise_graph_asked_token_by_token(bundle):
    graph, model = autoregressive.of_bundle(bundle)
    session, stepwise = (onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
                         for data in (fused.join(graph, model), (bundle / "model.onnx").read_bytes()))
    left = make_call(5)["left"]
    left[1, 7:] = fused.PAD
    got = session.run(None, {"left": left, "count": np.array([5])})[0]
    none = np.zeros((0, CONFIG["n_layer"], 2, CONFIG["n_kv"], CONFIG["head_dim"]), np.float32)
    for row, said in zip(left, got):
        tokens = [t for t in row.tolist() if t]
        for want in said:
            n = len(tokens)
            top = stepwise.run(["top_ids"], {
                "tokens": np.array([tokens]), "role": np.array([0]), "pos_a": np.arange(n)[None], "pos_b": np.zeros((1, n), np.int64),
                "past_a": none, "past_b": none, "rows": np.array([n - 1]), "targets": np.array([0])})[0]
            assert top[0, 0] == want
            tokens.append(int(want))


def test_half_precision_is_near(bundle):
    call = make_call(4)
    want, got = run(bundle, call), run(bundle, call, half=True)
    # Of rows8 it does not round what is multiplied.
    assert (want["slots_out"] == got["slots_out"]).mean() > (0.8 if bundle.name.startswith("rows8") else 0.9)


def test_files(bundle, tmp_path):
    manifest = json.loads((bundle / "manifest.json").read_text())
    weights = {i.name for i in fused.weights_of(onnx.load(bundle / "model.onnx")).initializer}
    for file in fused.FILES:
        data = (bundle / file).read_bytes()
        assert manifest["files"][file] == {"sha256": export.hashlib.sha256(data).hexdigest(), "size": len(data)}
        graph = onnx.load_from_string(data)
        assert not weights & {i.name for i in graph.graph.initializer}, "weights are stored twice"
        assert {p.key: p.value for p in graph.metadata_props}["lacuna.fused"] == str(fused.FORMAT)
        assert fused.of_bundle(bundle, half=fused.FILES[file])[0].SerializeToString(deterministic=True) == data


def test_glyphs(tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    glyphs = fused.glyphs_of(tmp_path / "tokenizer.json", 29)
    assert glyphs.tolist() == [fused.CONTROL] * 24 + [fused.BREAK, fused.BREAK, fused.BREAK, fused.TEXT, fused.CONTROL]
