"""How likely a precedent is."""

import json
import subprocess
import sys

import numpy as np

import precedents

ONE = {"text": "nil, é", "before": 30, "after": 8, "count": 2, "rival": 20, "distance": 500, "multiline": True}


def test_the_evidence_is_what_the_program_takes():  # infill/precedents_test.go has the same figures
    want = [1, 3.433987, 2.197225, 1.098612, 0, 2.944439, 2.079442, 6.216606, 1]
    np.testing.assert_allclose(precedents.features(ONE), want, atol=1e-6)
    behind = precedents.features({**ONE, "rival": 50, "multiline": False})
    np.testing.assert_allclose([behind[4], behind[5], behind[8]], [2.564949, 0, 0], atol=1e-6)
    assert len(want) == len(precedents.NAMES)


def test_it_finds_what_counts(tmp_path):
    rng = np.random.default_rng(1)
    rows = [{**ONE, "lang": "go", "file": f"{i}.go", "byte": 0, "before": int(b), "rival": 0} for i, b in enumerate(rng.integers(1, 200, 2000))]
    chance = [1 / (1 + np.exp(-(2 * np.log1p(r["before"]) - 8))) for r in rows]
    for r, p in zip(rows, chance):
        r["exact"] = bool(rng.random() < p)
    (tmp_path / "precedents.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    done = subprocess.run([sys.executable, precedents.__file__, str(tmp_path / "precedents.jsonl")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "2000 precedents of 2000 holes" in done.stdout
    losses = [line.split() for line in done.stdout.splitlines() if line.startswith("fitted on one half")]
    for words in losses:
        assert float(words[-4].rstrip(",")) < float(words[-1]) - 0.05, done.stdout
