"""What decides the design: decoding, baselines, intervals, and an arm of each kind from end to end."""

import argparse
import dataclasses
import json
import os

import numpy as np
import pytest

if not os.environ.get("LACUNA_TORCH"):  # make test-train sets it: there a missing PyTorch is a failure
    pytest.importorskip("torch", reason="NOT RUN: needs PyTorch, see make test-train")
import torch  # noqa: E402

pytestmark = pytest.mark.torch

import baselines  # noqa: E402
import batches  # noqa: E402
import decode  # noqa: E402
import experiments  # noqa: E402
import held  # noqa: E402
import rerank  # noqa: E402
import tables  # noqa: E402
import vocabulary as v  # noqa: E402

BREAKS = torch.zeros(300, dtype=torch.bool)
BREAKS[99] = True


def sure(answers, logits=9.0):
    """A predictor that wants these rows of tokens, whatever it is shown."""

    def predict(slots):
        out = torch.zeros(*slots.shape, 300)
        out.scatter_(2, torch.tensor(answers)[..., None], logits)
        return out, torch.ones(slots.shape)

    return predict


def test_sure_answers_take_one_step_and_end_at_the_first_delete():
    D = v.DELETE
    slots, score, steps = decode.denoise(torch.full((2, 4), v.MASK), sure([[50, 51, D, D], [60, D, 61, 62]], 99.0), BREAKS)
    assert slots.tolist() == [[50, 51, D, D], [60, D, D, D]]
    assert steps.max() <= 3 and (score > -1e-3).all()


def test_a_line_break_is_never_written():
    slots, _, _ = decode.denoise(torch.full((1, 2), v.MASK), sure([[99, 99]]), BREAKS)
    assert 99 not in slots and v.MASK not in slots


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_predicted_denoising_ends_without_masks(seed):
    torch.manual_seed(seed)
    predict = lambda slots: (torch.randn(*slots.shape, 300), torch.rand(slots.shape))
    slots, score, steps = decode.denoise(torch.full((5, 16), v.MASK), predict, BREAKS, floor=0.5)
    assert (slots != v.MASK).all() and (steps <= decode.STEPS).all() and score.isfinite().all()
    for row, n in zip(slots, decode.lengths(slots)):
        assert (row[n:] == v.DELETE).all() and (row[:n] >= len(v.SPECIAL)).all()


def test_equal_looks_at_the_answer_alone():
    D = v.DELETE
    assert decode.equal(torch.tensor([[50, D, D]]), torch.tensor([[50]])) and not decode.equal(torch.tensor([[50, 51]]), torch.tensor([[50]]))


def test_fim_puts_the_answer_last_and_nowhere_else():
    body = np.arange(100, 110)
    row = baselines.fim_sequence(np.array([v.GO]), body, 3, 5, v.EOF).tolist()
    assert row == [v.GO, 100, 101, 102, v.HOLE, 105, 106, 107, 108, 109, v.EOF, v.MASK, 103, 104, v.DELETE]


def test_canvases_in_place_keep_the_text_around_them():
    body = np.arange(100, 110)
    tokens, canvas = baselines.in_place(np.array([v.GO]), body, [(3, 5, 0), (7, 8, 0)], [4, 2])
    assert tokens[~canvas].tolist() == [v.GO, 100, 101, 102, 105, 106, 108, 109]
    assert tokens[canvas].tolist() == [103, 104, v.DELETE, v.DELETE, 107, v.DELETE]


def test_wilson_and_bootstrap():
    r = held.report({i: i < 10 for i in range(100)})
    assert (r["exact"], r["low"], r["high"]) == (10.0, 5.5, 17.4)  # Wilson 1927
    assert held.report({0: False})["low"] == 0
    same = {str(i): float(i) for i in range(50)}
    assert held.against(same, same) == "+0.000 (+0.000..+0.000)"
    assert held.against({k: x + 1 for k, x in same.items()}, same) == "+1.000 (+1.000..+1.000)"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A prepared folder of 600 entries, made of models/train itself."""
    from test_prepare import run

    root = tmp_path_factory.mktemp("data")
    import conftest

    texts = {f"a/f{i}.go": conftest.GO.replace("Shape", f"Shape{i}") * 8 for i in range(12)}
    texts |= {f"a/g{i}.py": conftest.PYTHON.replace("Basket", f"Basket{i}") * 8 for i in range(12)}
    folder = conftest.commit(root / "o+n" / "repo", {"LICENSE": conftest.MIT, **texts})
    run(folder, root / "d")
    return str(root / "d")


def test_every_kind_of_arm_runs_and_is_measured(data, tmp_path, monkeypatch, capsys):
    config = dataclasses.replace(experiments.TINY.config, d_model=32, n_layer=1, n_head=2, n_kv=1, head_dim=16, ffn=64, vocab=v.load(os.path.join(data, "tokenizer.json")).get_vocab_size())
    scale = experiments.Scale(config, 1024, 768)
    args = argparse.Namespace(
        data=data, out=str(tmp_path), positions=3e4, rows=2, records=4, fill=2, workers=0, scale=scale, compile=False, device="cpu", models={}, forwards={}, equal="operations", grow=[(1, 0.5)]
    )  # fmt: skip
    for arm in ("base", "own", "exact", "fim", "bidirectional"):
        experiments.run(arm, args)
    results = {p.stem: json.loads(p.read_text()) for p in tmp_path.glob("*.json")}
    keys = set(results["base"]["measured"]["canvas"]["per hole"])
    assert len(keys) > 5
    for arm, r in results.items():
        predicted = [m for m in r["measured"].values() if "per hole" in m]
        assert predicted and all(set(m["per hole"]) == keys for m in predicted), f"{arm} was measured on other holes"
        assert all(0 < m["nats a character"] < 50 for m in predicted)
    assert results["own"]["operations"] > results["base"]["operations"], "own samples cost a forward pass"
    assert results["fim"]["operations"] == pytest.approx(results["base"]["operations"], rel=0.25)
    capsys.readouterr()
    tables.show(str(tmp_path))
    printed = capsys.readouterr().out
    assert "| autoregressive, FIM |" in printed and "| exact | length head: its first |" in printed and "vocab8k" not in printed


def test_likelihood_is_that_of_the_l_stream():
    torch.manual_seed(0)
    model = experiments.Denoiser(dataclasses.replace(experiments.TINY.config, d_model=32, n_layer=1, n_head=2, n_kv=1, head_dim=16, ffn=64, vocab=300))
    model.emb.data.normal_()
    left, middle, suffix = [30, 31, 32], [40, 41], [50]
    [(m, n, s, k)] = rerank.likelihood(model, [(left, middle, suffix)], "cpu")
    with torch.no_grad():
        y = model.single(torch.tensor([left + middle + suffix]), torch.arange(6)[None], None)
        logp = model.logits(y[0]).log_softmax(-1)
    assert (n, k) == (2, 1)
    assert m == pytest.approx(float(logp[2, 40] + logp[3, 41]), rel=1e-4) and s == pytest.approx(float(logp[4, 50]), rel=1e-4)


@pytest.mark.parametrize("objective, role", [("fim", 0), ("bidirectional", 2)])
def test_a_baseline_is_served_as_it_was_trained(tmp_path, objective, role):
    """Two documents in a row of training are what the contract's graph makes of each alone."""
    torch.manual_seed(0)
    model = experiments.Denoiser(dataclasses.replace(experiments.TINY.config, d_model=32, n_layer=2, n_head=2, n_kv=1, head_dim=16, ffn=64, vocab=300))
    for p in model.parameters():
        p.data.normal_(std=0.2)
    a, b = torch.randint(24, 300, (7,)), torch.randint(24, 300, (5,))
    doc = torch.tensor([[1] * 7 + [2] * 5])
    mask = doc[:, :, None] == doc[:, None, :]
    with torch.no_grad():
        row = model.single(torch.cat((a, b))[None], baselines.places(doc), mask.tril() if objective == "fim" else mask)[0]
        experiments.keep(model, str(tmp_path), objective)
        served = experiments.Denoiser.load(str(tmp_path))
        none = torch.zeros(0, 2, 2, 1, 16)
        for tokens, want in ((a, row[:7]), (b, row[7:])):
            pos = torch.arange(len(tokens))[None]
            got, _ = served.serve(tokens[None], role, pos, torch.zeros_like(pos), none, none)
            torch.testing.assert_close(got[0], want, rtol=1e-4, atol=1e-5)
    assert json.loads((tmp_path / "config.json").read_text())["objective"] == objective


def test_no_shards_is_said(tmp_path):
    with pytest.raises(SystemExit, match="prepare.py writes them"):
        batches.shards(str(tmp_path))
