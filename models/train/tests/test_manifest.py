"""What the model is trained on is on record, and may be used."""

import json
import pathlib
import re

import prepare
import vocabulary as v

MANIFEST = pathlib.Path(prepare.__file__).with_name("manifest.json")
PERMISSIVE = {"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "BSL-1.0", "Unlicense", "0BSD", "CC0-1.0", "PSF-2.0", "PostgreSQL"}


def test_the_manifest_accounts_for_every_token():
    manifest = json.loads(MANIFEST.read_text())
    used = [r for r in manifest["repositories"] if r.get("tokens")]
    assert sum(r["tokens"] for r in used) == manifest["tokens"] >= 300_000_000 and len(used) >= 300
    assert sum(r["tokens"] for r in used if r["split"] == "val") == manifest["val_tokens"] > 0
    assert set(manifest["languages"]) == set(v.LANGUAGES)
    for r in used:
        assert re.fullmatch("[0-9a-f]{40}", r["commit"]) and r["bytes"] > 0 and r["split"] in ("train", "val"), r["repo"]
        assert set(r["licence"].split(" OR ")) & PERMISSIVE, (r["repo"], r["licence"])
        assert "refused" not in r, r["repo"]


def test_what_is_refused_gives_nothing():
    manifest = json.loads(MANIFEST.read_text())
    assert all(not r.get("tokens") for r in manifest["repositories"] if "refused" in r)
    assert len({r["repo"] for r in manifest["repositories"]}) == len(manifest["repositories"])
