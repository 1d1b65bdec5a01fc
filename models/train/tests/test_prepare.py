"""Records: holes where they were cut, nothing invented, the same every time."""

import json
import random
import subprocess
import sys

import numpy as np
import pytest

import layout
import pack
import prepare
import spans
import vocabulary as v
from conftest import GO, PYTHON


def run(repository, out, *more):
    script = prepare.__file__
    subprocess.run([sys.executable, script, "--out", str(out), "--vocab", "600", "--megabytes", "1", *more, repository], check=True, capture_output=True)
    shards = {p.name: dict(np.load(p)) for p in sorted(out.glob("*.npz"))}
    return shards, json.loads((out / "manifest.json").read_text()), v.load(str(out / "tokenizer.json"))


def test_records(repository, tmp_path):
    shards, manifest, tok = run(repository, tmp_path / "a")
    assert list(shards) == ["shard-000.npz", "val.npz"] and not (tmp_path / "a" / "spool").exists()
    assert manifest["records"] == sum(len(z["docs"]) for z in shards.values()) > 4
    assert manifest["tokens"] == sum(len(z["tokens"]) for z in shards.values()) == sum(r["tokens"] for r in manifest["repositories"])
    assert set(manifest["languages"]) == {"go", "python"}
    assert {"repo", "commit", "licence", "bytes", "tokens", "split"} <= manifest["repositories"][0].keys()
    outlined = 0
    for z in shards.values():
        for record, start, end, kind in z["holes"]:
            offset, header, length = z["docs"][record]
            ids = z["tokens"][offset : offset + length].tolist()
            outlined += v.SNIPPET in ids[:header]
            assert length <= pack.WINDOW and ids[0] == z["lang"][record] in (v.GO, v.PYTHON) and v.CODE in ids[:header]
            body = ids[header:]
            assert 0 <= start < end <= len(body) and end - start <= pack.ANSWER and z["kinds"][kind] in spans.KINDS
            assert min(body) >= len(v.SPECIAL), "no special token inside the text"
            answer = tok.decode(body[start:end])
            assert answer and tok.encode(answer).ids == body[start:end], "an answer is encoded by itself"
    assert outlined, "some records show the files beside them"


def test_a_record_is_the_text_of_its_file(repository, tmp_path):
    """The tokens of a window say what the file says, the holes cut it where encoding by parts would."""
    rng = random.Random(1)
    tok = v.train([GO, PYTHON], 600)
    text = GO * 30
    for header, body, ends, holes, (lo, hi) in pack.records(rng, pack.Encoder(tok), "go", "a/b.go", text.encode(), list):
        assert tok.decode(body.tolist()) == text[lo:hi] and ends == (hi == len(text))
        assert header[: len(header) - (lo > 0)] == layout.header(lambda s: tok.encode(s).ids, v.GO, "a/b.go")
        edges = sorted({0, len(body), *(e for a, z, _ in holes for e in (a, z))})
        parts = [tok.decode(body[a:z].tolist()) for a, z in zip(edges, edges[1:])]
        assert [tok.encode(p).ids for p in parts] == [body[a:z].tolist() for a, z in zip(edges, edges[1:])]


def test_the_same_whatever_the_number_of_workers(repository, tmp_path):
    a, b = run(repository, tmp_path / "a", "--workers", "1"), run(repository, tmp_path / "b", "--workers", "3")
    assert a[1] == b[1]
    for name, shard in a[0].items():
        for key, array in shard.items():
            assert np.array_equal(array, b[0][name][key]), (name, key)


def test_one_language_in_shorter_windows(repository, tmp_path):
    shards, manifest, _ = run(repository, tmp_path / "a", "--languages", "python", "--window", "256")
    assert set(manifest["languages"]) == {"python"} and manifest["window"] == 256
    for z in shards.values():
        assert set(z["lang"]) == {v.PYTHON} and z["docs"][:, 2].max() <= 256


def test_a_language_that_is_not_there_is_named(repository, tmp_path):
    out = subprocess.run([sys.executable, prepare.__file__, "--out", str(tmp_path / "o"), "--languages", "go,cobol", repository], capture_output=True, text=True)
    assert out.returncode != 0 and "no cobol" in out.stderr


def test_nothing_to_train_on_is_said(tmp_path):
    out = subprocess.run([sys.executable, prepare.__file__, "--out", str(tmp_path / "o"), str(tmp_path)], capture_output=True, text=True)
    assert out.returncode != 0 and "no documents" in out.stderr


def draw(text, language, kind, times=400):
    file, rng = spans.File(text.encode(), language), random.Random(2)
    found = {file.draw(rng, kind) for _ in range(times)} - {None}
    return {text.encode()[a:z].decode() for a, z in found}


@pytest.mark.parametrize(
    "language, kind, some",
    [
        ("go", "line", {"corners []Point", "return ErrFull"}),
        ("go", "expression", {"s.corners", "len(s.corners)-1", "ErrEmpty"}),
        ("go", "arguments", {"s.corners, p", '"empty shape"'}),
        ("go", "statements", {"return ErrFull", "return nil"}),
        ("go", "block", {"return ErrFull", "return Point{}, ErrEmpty"}),
        ("go", "body", {"return s.name"}),
        ("python", "expression", {"self.limit", "thing.weight"}),
        ("python", "arguments", {"thing", '"the basket is full"'}),
        ("python", "block", {"total += thing.weight"}),
        ("python", "body", {"self.owner = owner\n        self.limit = limit\n        self.things = []"}),
    ],
)
def test_spans_are_what_an_editor_would_ask_for(language, kind, some):
    found = draw(GO if language == "go" else PYTHON, language, kind)
    assert some <= found
    assert all(t == t.strip() for t in found)


def test_rests_of_lines_begin_in_words_too():
    lines = {line.strip() for line in GO.split("\n")}
    found = draw(GO, "go", "rest", 2000)
    assert all(any(line.endswith(t) for line in lines) for t in found)
    assert {"append(s.corners, p)", "nil"} <= found
    assert any(line.endswith(t) and line[-len(t) - 1].isalpha() and t[0].isalpha() for t in found for line in lines if len(line) > len(t))


@pytest.mark.parametrize("text", [GO, PYTHON, PYTHON.replace("Things", "Thíngs 🙂"), "x = [\n", "日本 = '🙂'\n" * 30])
def test_sampled_spans_do_not_touch_and_keep_characters_whole(text):
    data = text.encode()
    for seed in range(50):
        taken = spans.sample(random.Random(seed), data, "python", "a.py", 20)
        for (_, end, _), (start, _, _) in zip(taken, taken[1:]):
            assert end < start
        for a, z, kind in taken:
            data[a:z].decode(), data[:a].decode()
            assert 0 <= kind < len(spans.KINDS)
