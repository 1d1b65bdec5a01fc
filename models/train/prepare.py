"""Source trees -> tokenizer and training records.

    python prepare.py --out data ../../../corpus/*/repo      # any git directories

Writes into --out: tokenizer.json, records.npz (see Packer), manifest.json. The
text itself is written nowhere. Deterministic for the same commits and --seed.

A record is one window of one file: its header, its tokens, the holes cut out
of it. Every hole's edges are forced token boundaries, because at the editor the
text on each side of the cursor is encoded by itself.
"""

import argparse
import bisect
import glob
import json
import os
import random
import sys
import time
from dataclasses import asdict

import numpy as np
from tqdm import tqdm

import corpus
import spans
import vocabulary as v

WINDOW = 384  # tokens of L, header included; R is as long
SLOTS = 320  # canvas slots a record
HOLES = 20  # holes a record, at most
CANVASES = (8, 16, 32, 64)
MIN_TOKENS = 160  # shorter windows are mostly padding
SHARE = {"go": 0.55, "python": 0.45}  # of all bytes; the two languages of first light


def canvas_for(rng, n):
    """A canvas an answer of n tokens fits in, with slack: one slot is always left to say 'ends here'."""
    fit = [c for c in CANVASES if c > n]
    if not fit:
        return 0
    return fit[0] if len(fit) == 1 or rng.random() < 0.7 else fit[1]


class Packer:
    """Collects records as flat arrays.

    tokens uint16 [N]; docs int64 [D, 3] = (offset, header length, length);
    flags uint8 [D]: the window ends at the end of the file; holes int32 [H, 4] =
    (record, first token, end token, canvas), tokens counted within the document
    without header; sizes = (window, slots) the records were cut for.
    """

    def __init__(self, window=WINDOW, slots=SLOTS):
        self.sizes = (window, slots)
        self.tokens, self.docs, self.flags, self.holes = [], [], [], []
        self.n = 0

    def add(self, header, body, ends, holes):
        d = len(self.docs)
        self.docs.append((self.n, len(header), len(header) + len(body)))
        self.flags.append(ends)
        self.tokens.append(np.array(header + body, dtype=np.uint16))
        self.holes.extend((d, a, z, c) for a, z, c in holes)
        self.n += len(header) + len(body)

    def save(self, path):
        np.savez(
            path,
            tokens=np.concatenate(self.tokens),
            docs=np.array(self.docs, dtype=np.int64),
            flags=np.array(self.flags, dtype=np.uint8),
            holes=np.array(self.holes, dtype=np.int32),
            sizes=np.array(self.sizes, dtype=np.int32),
        )


def windows(rng, tok, doc):
    """Character ranges of about WINDOW tokens, cut at line starts, covering the file."""
    enc = tok.encode(doc.text)
    room = WINDOW - 40 - len(tok.encode(doc.path).ids)
    if len(enc.ids) < MIN_TOKENS or room < MIN_TOKENS:
        return
    starts = [o[0] for o in enc.offsets]
    at = 0
    while at < len(starts):
        if len(starts) - at < room * 0.6 and at > 0:  # a short tail: begin it earlier instead
            at = max(0, len(starts) - room + rng.randrange(20))
        lo = doc.text.rfind("\n", 0, starts[at]) + 1 if at else 0
        end = at + room
        hi = len(doc.text) if end >= len(starts) else doc.text.rfind("\n", 0, starts[end]) + 1
        if hi <= lo:
            return
        yield lo, hi
        at = len(starts) if hi == len(doc.text) else bisect.bisect_left(starts, hi)


def records(rng, tok, doc, packer):
    """Cuts one document into records; returns how many tokens went in."""
    found = spans.nodes(doc.text, doc.language)
    before = packer.n
    for lo, hi in windows(rng, tok, doc):
        inside = {k: [s for s in ss if lo <= s[0] and s[1] <= hi] for k, ss in found.items()}
        cache = {}

        def size_of(a, z):
            cache[a, z] = n = len(tok.encode(doc.text[a:z]).ids)
            return canvas_for(rng, n)

        holes = spans.sample(rng, doc.text, lo, hi, inside, HOLES, SLOTS, size_of)
        edges = sorted({lo, hi, *(h[0] for h in holes), *(h[1] for h in holes)})
        pieces = tok.encode_batch([doc.text[a:z] for a, z in zip(edges, edges[1:])])
        header = [v.LANGUAGE[doc.language], *tok.encode(doc.path).ids[-32:], v.CODE] + ([v.CUT] if lo else [])
        body, at = [], {}
        for edge, piece in zip(edges, pieces):
            at[edge] = len(body)
            body += piece.ids
        at[hi] = len(body)
        room = WINDOW - len(header)
        ends = hi == len(doc.text) and len(body) <= room
        kept = [(at[a], at[z], c) for a, z, c in holes if at[z] <= room]
        if kept:
            packer.add(header, body[:room], ends, kept)
    return packer.n - before


def take(directories, budget, rng):
    """Documents up to budget bytes: every repository gives about the same, so none drowns the rest."""
    held_out = corpus.held_out_lines()
    per_language, sources = {"go": {}, "python": {}}, []
    for source, docs in tqdm(corpus.documents(directories, held_out), total=len(directories), desc="reading", unit="repo"):
        sources.append(source)
        for d in docs:
            per_language[d.language].setdefault(d.repo, []).append(d)
    chosen = []
    for language, repos in per_language.items():
        left, queue = budget * SHARE[language], sorted(repos)
        for docs in repos.values():
            rng.shuffle(docs)
        while left > 0 and queue:
            for repo in list(queue):
                quota = 40_000
                while repos[repo] and quota > 0 and left > 0:
                    d = repos[repo].pop()
                    chosen.append(d)
                    quota -= len(d.text)
                    left -= len(d.text)
                if not repos[repo]:
                    queue.remove(repo)
    rng.shuffle(chosen)
    return chosen, sources


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("sources", nargs="+", help="git directories")
    ap.add_argument("--out", required=True)
    ap.add_argument("--megabytes", type=float, default=32, help="text to take, both languages")
    ap.add_argument("--vocab", type=int, default=v.VOCAB)
    ap.add_argument("--tokenizer", help="use this tokenizer.json instead of training one")
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    rng = random.Random(args.seed)
    os.makedirs(args.out, exist_ok=True)
    began = time.time()

    directories = sorted(d for s in args.sources for d in glob.glob(s))
    docs, sources = take(directories, args.megabytes * 1e6, rng)
    if not docs:
        sys.exit("no documents: none of the sources is a git directory with a permissive licence and Go or Python files")

    path = os.path.join(args.out, "tokenizer.json")
    if args.tokenizer:
        tok = v.load(args.tokenizer)
    else:
        print(f"training a tokenizer of {args.vocab} entries", file=sys.stderr)
        tok = v.train((d.text for d in docs[: len(docs) // 2]), args.vocab)
    tok.save(path)
    tok = v.load(path)

    packer, by_repo = Packer(), {s.repo: s for s in sources}
    used = {}
    for d in tqdm(docs, desc="packing", unit="file"):
        n = records(rng, tok, d, packer)
        by_repo[d.repo].tokens += n
        u = used.setdefault(d.language, {"files": 0, "bytes": 0, "tokens": 0})
        u["files"] += 1
        u["bytes"] += len(d.text.encode())
        u["tokens"] += n
    packer.save(os.path.join(args.out, "records.npz"))
    manifest = {
        "seed": args.seed,
        "vocab": tok.get_vocab_size(),
        "records": len(packer.docs),
        "holes": len(packer.holes),
        "tokens": packer.n,
        "used": used,
        "repositories": [asdict(s) for s in sources],
    }
    with open(os.path.join(args.out, "manifest.json"), "w") as f:
        json.dump(manifest, f, indent=1)
    print(f"{len(packer.docs)} records, {len(packer.holes)} holes, {packer.n} tokens, {time.time() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
