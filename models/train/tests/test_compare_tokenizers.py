import compare_tokenizers
import vocabulary as v
from conftest import GO, MIT, PYTHON, commit


def test_languages_are_counted_apart_and_repositories_in_turn(tmp_path, monkeypatch):
    monkeypatch.setattr(compare_tokenizers.corpus, "held_out_lines", set)
    monkeypatch.setattr(compare_tokenizers, "EACH", len(GO) + 1)
    a = commit(tmp_path / "o+a" / "repo", {"LICENSE": MIT, "a.go": GO, "b.go": GO.replace("Shape", "Form")})
    b = commit(tmp_path / "o+b" / "repo", {"LICENSE": MIT, "c.go": GO.replace("Shape", "Body"), "d.py": PYTHON})
    assert compare_tokenizers.texts([a, b]) == {"go": [GO, GO.replace("Shape", "Body")], "python": [PYTHON]}


def test_a_tokenizer_counts_what_it_encodes(tmp_path):
    tok = v.train([GO, PYTHON], 400)
    tok.save(str(tmp_path / "t.json"))
    size, count = compare_tokenizers.load(str(tmp_path / "t.json"))
    assert size == 400 and count(GO) == len(tok.encode(GO).ids)
