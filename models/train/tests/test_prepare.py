"""Records: holes where they were cut, nothing invented, the same every time."""

import json
import random
import subprocess
import sys

import numpy as np
import pytest

import prepare
import spans
import vocabulary as v
from conftest import GO, PYTHON


def run(repository, out):
    script = prepare.__file__
    subprocess.run([sys.executable, script, "--out", str(out), "--vocab", "600", "--megabytes", "1", repository], check=True, capture_output=True)
    return np.load(out / "records.npz"), json.loads((out / "manifest.json").read_text()), v.load(str(out / "tokenizer.json"))


def test_records(repository, tmp_path):
    z, manifest, tok = run(repository, tmp_path / "a")
    assert manifest["records"] == len(z["docs"]) > 4
    assert manifest["tokens"] == len(z["tokens"]) == sum(r["tokens"] for r in manifest["repositories"])
    assert set(manifest["used"]) == {"go", "python"}
    for record, start, end, size in z["holes"]:
        offset, header, length = z["docs"][record]
        ids = z["tokens"][offset : offset + length]
        assert ids[0] in (v.GO, v.PYTHON) and v.CODE in ids[:header]
        body = ids[header:]
        assert 0 <= start < end <= len(body)
        assert size in prepare.CANVASES and end - start < size, "a canvas keeps a slot to say where the answer ends"
        assert min(body) >= len(v.SPECIAL), "no special token inside the text"
        answer = tok.decode(body[start:end].tolist())
        assert answer and answer == tok.decode(tok.encode(answer).ids)
        assert tok.encode(answer).ids == body[start:end].tolist(), "an answer is encoded by itself"


def test_deterministic(repository, tmp_path):
    a, b = run(repository, tmp_path / "a"), run(repository, tmp_path / "b")
    assert a[1] == b[1]
    for key in a[0].files:
        assert np.array_equal(a[0][key], b[0][key]), key


@pytest.mark.parametrize("language, text", [("go", GO), ("python", PYTHON), ("python", PYTHON.replace("Things", "Thíngs 🙂"))])
def test_spans_are_syntax(language, text):
    found = spans.nodes(text, language)
    cut = {kind: {text[a:z] for a, z in s} for kind, s in found.items()}
    if language == "go":
        assert "s.name" in cut["expression"] and "return s.name" in cut["statements"]
    else:
        assert "self.limit" in cut["expression"] and "self.things.append(thing)\n        return self" in cut["statements"]
    assert all(t == t.strip() for t in cut["expression"] | cut["statements"])


def test_sampled_spans_do_not_touch():
    rng = random.Random(3)
    text = GO * 3
    for _ in range(50):
        taken = spans.sample(rng, text, 0, len(text), spans.nodes(text, "go"), 20, 320, lambda a, z: 16)
        assert sum(t[2] for t in taken) <= 320
        for (_, end, _), (start, _, _) in zip(taken, taken[1:]):
            assert end < start
