"""The tokenizer, and that Go has the same one."""

import json
import os
import random
import subprocess
import sysconfig

import pytest

import vocabulary as v

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
BUNDLE = os.path.join(ROOT, "models", "small", "tokenizer.json")


@pytest.fixture(scope="module")
def tok():
    return v.load(BUNDLE)


@pytest.mark.parametrize("text", ["", "\n", "\r\n\t\tx", "a  b\t\n\n\n    c", "x := 1234\r", "é世🙂\u0301", "<|mask|>", "\x00\x01"])
def test_round_trip(tok, text):
    assert tok.decode(tok.encode(text).ids, skip_special_tokens=False) == text


def test_text_never_becomes_a_special_token(tok):
    assert min(tok.encode("<|mask|><|eof|>").ids) >= len(v.SPECIAL)


def test_special_ids_are_the_documented_ones(tok):
    names = [tok.id_to_token(i) for i in range(len(v.SPECIAL))]
    assert all(name in (s, f"<|reserved_{i}|>") for i, (name, s) in enumerate(zip(names, v.SPECIAL))), "a name may be younger than the bundle"


def test_merges_cross_spaces_but_not_lines_or_digits(tok):
    for piece in tok.get_vocab():
        text = tok.decoder.decode([piece])
        body = text.lstrip("\r\n")
        assert "\n" not in body and (body == text or body.strip(" \t") == ""), piece
        assert sum(c.isdigit() for c in text) == 0 or len(text) == 1 or tok.token_to_id(piece) < len(v.SPECIAL), piece
    assert any(" " in tok.decoder.decode([p]).strip() for p in tok.get_vocab()), "no merge crosses a space"


def test_training_is_deterministic():
    texts = [open(os.path.join(ROOT, "models", "train", f)).read() for f in ("corpus.py", "spans.py")]
    assert v.train(texts, 400).to_str() == v.train(texts, 400).to_str()


def go_standard_library():
    return os.path.join(subprocess.run(["go", "env", "GOROOT"], check=True, capture_output=True, text=True).stdout.strip(), "src")


def sample(rng, root, ending, n):
    files = []
    for folder, folders, names in os.walk(root):
        folders.sort()
        files += [os.path.join(folder, f) for f in sorted(names) if f.endswith(ending)]
    for f in rng.sample(files, n):
        with open(f, encoding="utf-8", errors="ignore", newline="") as src:
            yield src.read()


def test_go_and_python_agree_on_every_token(tok, tmp_path):
    """Whole files of both standard libraries, and pieces of them cut anywhere."""
    rng = random.Random(5)
    texts = [*sample(rng, go_standard_library(), ".go", 260), *sample(rng, sysconfig.get_paths()["stdlib"], ".py", 180)]
    for text in texts[:40]:
        for _ in range(10):
            a = rng.randrange(len(text) + 1)
            texts.append(text[a : a + rng.randrange(200)])
    tokens = 0
    with open(tmp_path / "parity.jsonl", "w") as out:
        for text in texts:
            ids = tok.encode(text).ids
            tokens += len(ids)
            print(json.dumps({"text": text, "ids": ids}), file=out)
    assert tokens > 1_000_000
    env = {**os.environ, "LACUNA_PARITY": str(tmp_path / "parity.jsonl"), "LACUNA_TOKENIZER": BUNDLE}
    run = subprocess.run(["go", "test", "-count=1", "-v", "-run", "TestParityCorpus", "./models/tokenizer"], cwd=ROOT, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-2000:]
    assert str(tokens) in run.stdout, run.stdout[-2000:]  # it compared all of them
