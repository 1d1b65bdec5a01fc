"""Confidence that means what it says."""

import json
import subprocess
import sys

import numpy as np

import calibrate


def sample(n, seed=1):
    """Records of a model that is surer than it is right, of long fills more so."""
    rng = np.random.default_rng(seed)
    c, tokens = rng.uniform(0.05, 0.99, n), rng.integers(1, 20, n)
    p = 1 / (1 + np.exp(-(-1.0 + 1.5 * np.log(c / (1 - c)) - 0.8 * np.log(tokens))))
    return [{"shown": True, "confidence": float(a), "tokens": int(b), "exact": bool(d)} for a, b, d in zip(c, tokens, rng.random(n) < p)]


def run(tmp_path, records, manifest):
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "holes.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    command = [sys.executable, calibrate.__file__, str(tmp_path / "holes.jsonl"), "--bundle", str(tmp_path)]
    return subprocess.run(command, capture_output=True, text=True)


def test_it_finds_how_the_records_were_made(tmp_path):
    done = run(tmp_path, sample(4000), {"name": "x"})
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "manifest.json").read_text())
    assert found["name"] == "x"
    for name, truth in (("bias", -1.0), ("confidence", 1.5), ("tokens", -0.8)):
        assert abs(found["calibration"][name] - truth) < 0.25, found


def test_too_few_to_learn_from(tmp_path):
    done = run(tmp_path, sample(40)[:20], {})
    assert done.returncode != 0 and "too few" in done.stderr


def test_a_calibrated_bundle_is_not_calibrated_again(tmp_path):
    done = run(tmp_path, sample(400), {"calibration": {}})
    assert done.returncode != 0 and "already" in done.stderr


def test_go_computes_the_same():
    """The figures of infill/calibration_test.go."""
    x = calibrate.features([0.5, 0.9, 1.0, 0.0], [1, 8, 2, 0])
    w = np.array([-1.0, 1.5, -0.8])
    np.testing.assert_allclose(1 / (1 + np.exp(-x @ w)), [0.268941, 0.653007, 0.999995, 0.0], atol=1e-5)
