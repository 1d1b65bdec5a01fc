"""docs/context.md. That Go lays out the same is tested in cmd/lacuna."""

import glob
import os
import random
import re

import pytest

import layout
import vocabulary as v

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
FIXTURES = sorted(glob.glob(os.path.join(ROOT, "infill", "context", "testdata", "outline", "*.txtar")))


def letters(text):
    """An encoder of one token a byte."""
    return [len(v.SPECIAL) + b for b in text.encode()]


def spelt(ids):
    return "".join(v.SPECIAL[i] if i < len(v.SPECIAL) else chr(i - len(v.SPECIAL)) for i in ids)


@pytest.fixture(scope="module")
def encode():
    tok = v.load(os.path.join(ROOT, "models", "small", "tokenizer.json"))
    return lambda text: tok.encode(text).ids


@pytest.mark.parametrize("path", FIXTURES, ids=[os.path.basename(p)[: -len(".txtar")] for p in FIXTURES])
def test_outline(path):
    with open(path, encoding="utf-8", newline="") as f:
        _, given, want = re.split(r"(?m)^-- \w+ --\n", f.read())
    text = given.replace("␍", "\r")
    language = os.path.basename(path).removesuffix(".txtar")
    assert layout.outline(text, language) == want
    assert layout.outline(text.encode(), language) == want


def test_every_rule_has_a_fixture():
    assert {os.path.basename(p).removesuffix(".txtar") for p in FIXTURES} >= set(layout.RULES)
    assert set(layout.LANGUAGES.values()) == set(layout.RULES)


def test_what_is_not_utf8_has_no_outline():
    assert layout.outline(b"func f() {\n\xff", "go") == ""


def test_neighbours_are_the_nearest_of_the_folder():
    paths = ["d/cart_items.go", "d/card.go", "d/cart.go", "d/zebra.go", "d/order.go", "d/cart_test.go", "cart.go", "d/e/cart.go", "d/a\udcff.go"]
    for seed in range(5):
        random.Random(seed).shuffle(paths)
        assert layout.neighbours("d/cart_test.go", paths) == ["d/cart.go", "d/cart_items.go", "d/card.go", "d/order.go"]
    assert layout.neighbours("cart_test.go", paths) == ["cart.go"]
    assert layout.neighbours("none/a.go", paths) == []


def test_a_header():
    items = [("d/a.go", "package d\n\nfunc A() {\n"), ("d/b.go", ""), ("d/c.go", b"type C struct {\r\n\tx int\r\n}\r\n"), ("d/d.go", b"func D() {\n\xff")]
    ids = layout.header(letters, v.GO, "d/own.go", layout.snippets(letters, items))
    assert spelt(ids) == "<|go|>d/own.go<|snippet|>a.go\nfunc A()\n<|snippet|>c.go\ntype C struct\n<|code|>"
    assert spelt(layout.header(letters, v.PYTHON, "x" * 40)) == "<|python|>" + "x" * 32 + "<|code|>"


def test_snippets_keep_their_budget(encode):
    """Any outline gives whole lines, as many as fit, and the tokens of the whole text."""
    rng = random.Random(1)
    for _ in range(200):
        items = []
        for name in rng.sample("abcdefg", rng.randrange(7)):
            lines = ["func " + " wörd12".join(["x"] * rng.randrange(1, 30)) for _ in range(rng.randrange(12))]
            items.append((f"d/{name}.go", "".join(f"{line} {{\n" for line in lines)))
        ids = layout.snippets(encode, items)
        assert len(ids) <= layout.SNIPPETS_TOKENS
        starts = [i for i, t in enumerate(ids) if t == v.SNIPPET]
        assert len(starts) <= layout.MAX_SNIPPETS
        used = 0
        expected = []
        for path, text in items[: layout.MAX_SNIPPETS]:
            lines = layout.outline(text, "go").splitlines(keepends=True)
            most = min(layout.SNIPPET_TOKENS, layout.SNIPPETS_TOKENS - used - 1)
            for n in range(len(lines), 0, -1):
                whole = encode(layout.base_name(path) + "\n" + "".join(lines[:n]))
                if len(whole) <= most:
                    expected += [v.SNIPPET, *whole]
                    used = len(expected)
                    break
        assert ids == expected


def test_streams_hold_what_stands_next_to_the_hole():
    rng = random.Random(2)
    source = "".join("größe " * rng.randrange(20) + "\n" for _ in range(400)).encode()
    head = layout.header(letters, v.GO, "a.go")

    def text(ids):
        return bytes(i - len(v.SPECIAL) for i in ids)

    for _ in range(50):
        start, end = sorted(layout.character_start(source, rng.randrange(len(source) + 1)) for _ in "ab")
        left, right = layout.streams(letters, head, source, start, end, "\n\t", "\n", left_window=1500, right_window=900)
        assert len(left) <= 1500 and len(right) <= 900
        assert left[: len(head)] == head
        body = left[len(head) :]
        cut = body[0] == v.CUT
        before, after = source[:start] + b"\n\t", b"\n" + source[end:]
        assert before.endswith(text(body[cut:])) and cut == (len(body) - cut < len(before))
        assert after.startswith(text(reversed(right[1:])))
        assert right[0] == (v.CUT if len(right) - 1 < len(after) else v.EOF)
