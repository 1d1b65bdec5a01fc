"""Git directories -> tokenizer and training records.

    python prepare.py --out data --megabytes 1300 'checkouts/*/repo'

Writes into --out: tokenizer.json, shard-000.npz ... and val.npz (see pack.Shard),
manifest.json. Shards appear one after the other, each a fair sample of it all, so
that training may begin before the last is there. The text itself is kept nowhere:
it is spooled to a folder in --out that is gone afterwards. The same commits and
--seed give the same files, whatever the number of --workers.

The passes: read (corpus.py: licences, what is code, what is held out), drop what
repeats (dedup.py), take a fair share of each language and repository, train the
tokenizer (vocabulary.py), cut records (pack.py, spans.py).
"""

import argparse
import glob
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import sys
import time
from collections import defaultdict

import numpy as np
from tqdm import tqdm

import corpus
import dedup
import layout
import pack
import vocabulary as v

MEGABYTES = 1300  # some 340 million tokens
SHARE = {  # of all bytes
    ("go",): 0.36, ("python",): 0.27, ("typescript", "javascript"): 0.13, ("rust",): 0.08, ("c", "cpp"): 0.08, ("java",): 0.08,
}  # fmt: skip
ROUND = 40_000  # bytes each repository gives in turn
SHARD = 16_000_000  # tokens, about
BYTES_A_TOKEN = 3.7  # to guess how many shards there will be
SAMPLE = 40_000_000  # bytes the tokenizer is trained on
VAL = 0.02  # of the bytes of each language, whole repositories
TASK = 1_000_000  # bytes of text a worker packs at a time

state = None  # what the worker processes see of this one: they are forked


def lot(*what):
    """A number in [0, 1) that depends on what alone."""
    return int.from_bytes(hashlib.blake2b("\0".join(map(str, what)).encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big") / 2**64


class Reading:
    """The first pass: every repository's documents into a file of its own."""

    def __init__(self, directories, spool, languages):
        self.directories, self.spool, self.reader = directories, spool, corpus.Reader(languages=languages)

    def run(self, number):
        """Spools one repository; returns (number, source, [(path, language, offset, size, outline size)], keys, signatures)."""
        source, documents = self.reader.read(self.directories[number])
        rows, at = [], 0
        with open(os.path.join(self.spool, str(number)), "wb") as f:
            for d in documents:
                f.write(d.text)
                f.write(d.outline)
                rows.append((d.path, d.language, at, len(d.text), len(d.outline)))
                at += len(d.text) + len(d.outline)
        signatures = np.stack([d.signature for d in documents]) if documents else np.zeros((0, dedup.PERMUTATIONS), np.uint32)
        return number, source, rows, [d.key for d in documents], signatures


class File:
    """One spooled document."""

    __slots__ = ("repo", "path", "language", "at", "size", "outline")

    def __init__(self, repo, path, language, at, size, outline):
        self.repo, self.path, self.language, self.at, self.size, self.outline = repo, path, language, at, size, outline


class Packing:
    """The last pass: records of lists of files."""

    def __init__(self, seed, tok, spool, sources, files):
        self.seed, self.encoder, self.spool, self.sources = seed, pack.Encoder(tok), spool, sources
        self.folders = defaultdict(list)
        for f in files:
            self.folders[self.folder(f)].append(f)

    @staticmethod
    def folder(f):
        return f.repo, os.path.dirname(f.path), f.language

    def beside(self, f, spooled):
        """(path, outline) of the files beside f, nearest first."""
        others = {o.path: o for o in self.near(f)}
        out = []
        for path in layout.neighbours(f.path, list(others)):
            o = others[path]
            spooled.seek(o.at + o.size)
            out.append((path, spooled.read(o.outline).decode()))
        return out

    def near(self, f):
        """f's folder; of a very large one the files whose names come before and after, and those that share its stem."""
        all_of = self.folders[self.folder(f)]
        if len(all_of) <= 100:
            return all_of
        i, stem = next(i for i, o in enumerate(all_of) if o.path == f.path), layout.stem(os.path.basename(f.path))
        return all_of[max(0, i - 40) : i + 41] + [o for o in all_of if layout.stem(os.path.basename(o.path)) == stem]

    def run(self, files):
        """(arrays, [(repo, language, files, bytes, characters, tokens of text, tokens)])"""
        shard, counts, spooled = pack.Shard(), defaultdict(lambda: np.zeros(5, np.int64)), None
        for f in files:
            if spooled is None or spooled.name != os.path.join(self.spool, str(f.repo)):
                spooled = open(os.path.join(self.spool, str(f.repo)), "rb")
            spooled.seek(f.at)
            data = spooled.read(f.size)
            rng = random.Random(f"{self.seed} {self.sources[f.repo].repo} {f.path!r}")
            path = f.path.encode("utf-8", "replace").decode()
            for header, body, ends, holes, (lo, hi) in pack.records(rng, self.encoder, f.language, path, data, lambda: self.beside(f, spooled)):
                shard.add(header, body, ends, holes)
                counts[f.repo, f.language] += (0, hi - lo, len(data[lo:hi].decode()), len(body), len(header) + len(body))
            counts[f.repo, f.language] += (1, 0, 0, 0, 0)
        return shard.arrays(), [(*k, *map(int, n)) for k, n in counts.items()]


def run(x):
    return state.run(x)


def quiet():
    """Worker processes are the parallelism: no threads of their own."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["RAYON_NUM_THREADS"] = "1"


def parallel(work, tasks, workers, ordered=True):
    """work.run(task) of each task, by worker processes."""
    global state
    state = work
    with multiprocessing.get_context("fork").Pool(workers, quiet) as pool:
        yield from (pool.imap if ordered else pool.imap_unordered)(run, tasks)


def read(directories, spool, workers, languages):
    """(sources, files, keys, signatures) of all repositories, ordered by name and path."""
    directories = sorted(directories, key=lambda d: (corpus.name_of(d), d))
    weight = [sum(os.path.getsize(p) for p in glob.glob(os.path.join(d, "**", "objects", "pack", "*.pack"), recursive=True)) for d in directories]
    heavy_first = sorted(range(len(directories)), key=lambda i: -weight[i])
    done = [None] * len(directories)
    for number, *rest in tqdm(parallel(Reading(directories, spool, languages), heavy_first, workers, ordered=False), total=len(directories), desc="reading", unit="repo"):
        done[number] = rest
    sources = [d[0] for d in done]
    files = [File(i, *row) for i, (_, rows, _, _) in enumerate(done) for row in rows]
    keys = [k for d in done for k in d[2]]
    return sources, files, keys, np.concatenate([d[3] for d in done]) if done else np.zeros((0, dedup.PERMUTATIONS), np.uint32)


def take(files, budget, seed):
    """Files up to budget bytes: every repository gives about the same, so none drowns the rest."""
    chosen, there = [], {f.language for f in files}
    shares = {languages: share for languages, share in SHARE.items() if there & set(languages)}
    for languages, share in shares.items():
        repos = defaultdict(list)
        for f in files:
            if f.language in languages:
                repos[f.repo].append(f)
        for of_repo in repos.values():
            of_repo.sort(key=lambda f: lot(seed, "take", f.repo, f.path))
        left, queue = budget * share / sum(shares.values()), sorted(repos)
        while left > 0 and queue:
            for repo in list(queue):
                quota = ROUND
                while repos[repo] and quota > 0 and left > 0:
                    f = repos[repo].pop()
                    chosen.append(f)
                    quota -= f.size
                    left -= f.size
                if not repos[repo]:
                    queue.remove(repo)
    return sorted(chosen, key=lambda f: (f.repo, f.path))


def held_back(sources, files):
    """Numbers of the repositories that are for validation: VAL of each language, chosen by their names."""
    total, of_repo = defaultdict(int), defaultdict(lambda: defaultdict(int))
    for f in files:
        total[f.language] += f.size
        of_repo[f.repo][f.language] += f.size
    held, have = set(), defaultdict(int)
    for repo in sorted(of_repo, key=lambda r: lot("val", sources[r].repo)):
        needed = any(have[language] < VAL * total[language] and n > VAL / 10 * total[language] for language, n in of_repo[repo].items())
        if needed and all(have[language] + n <= 2 * VAL * total[language] for language, n in of_repo[repo].items()):
            held.add(repo)
            for language, n in of_repo[repo].items():
                have[language] += n
    if not held and len(of_repo) > 1:  # few and large: the smallest
        held.add(min(of_repo, key=lambda r: sum(of_repo[r].values())))
    return held


def texts(files, spool):
    for f in files:
        with open(os.path.join(spool, str(f.repo)), "rb") as spooled:
            spooled.seek(f.at)
            yield spooled.read(f.size).decode()


def sample(files, size, seed):
    """Some of files: about size bytes."""
    out = []
    for f in sorted(files, key=lambda f: lot(seed, "tokenizer", f.repo, f.path)):
        size -= f.size
        if size < 0:
            break
        out.append(f)
    return out or files


def write(path, arrays):
    with open(path + ".part", "wb") as f:  # a shard is whole or not there
        np.savez(f, **arrays)
    os.replace(path + ".part", path)


def write_manifest(path, manifest, sources):
    """JSON with one repository a line."""
    repositories = ",\n".join(json.dumps({k: x for k, x in vars(s).items() if x or x == 0}, sort_keys=True) for s in sources)
    with open(path, "w") as f:
        f.write(json.dumps(manifest, indent=1)[:-2] + ',\n "repositories": [\n' + repositories + "\n]}\n")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("sources", nargs="+", help="git directories")
    ap.add_argument("--out", required=True)
    ap.add_argument("--megabytes", type=float, default=MEGABYTES, help="text to take, of all languages")
    ap.add_argument("--vocab", type=int, default=v.VOCAB)
    ap.add_argument("--tokenizer", help="use this tokenizer.json instead of training one")
    ap.add_argument("--workers", type=int, default=2)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--languages", type=lambda s: s.split(","), default=v.LANGUAGES, metavar="NAME,...", help=f"which to take (default: {','.join(v.LANGUAGES)})")
    ap.add_argument("--window", type=int, default=pack.WINDOW, help="tokens of a record: a shorter one costs a CPU less attention")
    args = ap.parse_args()
    unknown = set(args.languages) - set(v.LANGUAGES)
    if unknown:
        ap.error(f"--languages: no {', '.join(sorted(unknown))}; there are {', '.join(v.LANGUAGES)}")
    pack.WINDOW = args.window  # before the workers are forked
    os.makedirs(args.out, exist_ok=True)
    spool = os.path.join(args.out, "spool")
    shutil.rmtree(spool, ignore_errors=True)
    os.mkdir(spool)
    for old in glob.glob(os.path.join(args.out, "*.npz")):
        os.remove(old)
    try:
        prepare(args, spool)
    finally:
        shutil.rmtree(spool)


def prepare(args, spool):
    began = time.time()

    def say(text):
        print(f"{time.time() - began:5.0f} s  {text}", file=sys.stderr)

    sources, files, keys, signatures = read([d for s in args.sources for d in glob.glob(s)], spool, args.workers, args.languages)
    say(f"{len(files)} files, {sum(f.size for f in files) / 1e6:.0f} MB; {sum(bool(s.refused) for s in sources)} of {len(sources)} repositories refused")
    fresh = []
    for f, why in zip(files, dedup.repeats(keys, signatures)):
        if why:
            sources[f.repo].dropped[why] += 1
        else:
            fresh.append(f)
    del keys, signatures
    chosen = take(fresh, args.megabytes * 1e6, args.seed)
    if not chosen:
        sys.exit("no documents: none of the sources is a git directory with a permissive licence and files of a known language")
    say(f"{len(fresh)} files, {sum(f.size for f in fresh) / 1e6:.0f} MB do not repeat; {len(chosen)}, {sum(f.size for f in chosen) / 1e6:.0f} MB taken")

    held = held_back(sources, chosen)
    alone = not held  # a single repository: some of its files, then
    val, train = [], []
    for f in chosen:
        (val if f.repo in held or alone and lot("val", f.path) < 0.1 else train).append(f)
    path = os.path.join(args.out, "tokenizer.json")
    if args.tokenizer:
        tok = v.load(args.tokenizer)
    else:
        tok = v.train(texts(sample(train, SAMPLE, args.seed), spool), args.vocab)
        say(f"trained a tokenizer of {tok.get_vocab_size()} entries")
    tok.save(path)
    tok = v.load(path)

    shards = [[] for _ in range(max(1, round(sum(f.size for f in train) / BYTES_A_TOKEN / SHARD)))]
    for f in train:
        shards[int(lot(args.seed, "shard", sources[f.repo].repo, f.path) * len(shards))].append(f)
    tasks, outputs = [], []
    for name, of_shard in [("val.npz", val), *((f"shard-{i:03}.npz", s) for i, s in enumerate(shards))]:
        size = 0
        for f in of_shard:
            if size == 0:
                tasks.append([])
                outputs.append(name)
            tasks[-1].append(f)
            size = size + f.size if size + f.size < TASK else 0
    languages = {name: dict.fromkeys(("files", "bytes", "characters", "tokens"), 0) for name in v.LANGUAGES}
    totals, parts = {"records": 0, "holes": 0, "tokens": 0, "val_tokens": 0}, []
    bar = tqdm(total=len(chosen), desc="packing", unit="file")
    for i, (arrays, counts) in enumerate(parallel(Packing(args.seed, tok, spool, sources, files), tasks, args.workers)):
        parts.append(arrays)
        bar.update(len(tasks[i]))
        for repo, language, n, size, characters, text_tokens, tokens in counts:
            source = sources[repo]
            source.files, source.bytes, source.tokens = source.files + n, source.bytes + size, source.tokens + tokens
            source.split = "both" if alone else "val" if repo in held else "train"
            for key, x in zip(("files", "bytes", "characters", "tokens"), (n, size, characters, text_tokens)):
                languages[language][key] += x
        if i + 1 == len(tasks) or outputs[i + 1] != outputs[i]:
            whole = pack.join(parts)
            parts.clear()
            write(os.path.join(args.out, outputs[i]), whole)
            totals["records"] += len(whole["docs"])
            totals["holes"] += len(whole["holes"])
            totals["tokens"] += len(whole["tokens"])
            totals["val_tokens"] += len(whole["tokens"]) if outputs[i] == "val.npz" else 0
    bar.close()
    for of_language in languages.values():
        of_language["characters_a_token"] = round(of_language.pop("characters") / max(1, of_language["tokens"]), 3)
    manifest = {"seed": args.seed, "vocab": tok.get_vocab_size(), "window": pack.WINDOW, **totals}
    manifest["languages"] = {k: x for k, x in languages.items() if x["files"]}
    write_manifest(os.path.join(args.out, "manifest.json"), manifest, sources)
    say(f"{totals['records']} records, {totals['holes']} holes, {totals['tokens']} tokens in {len(shards)} shards and val.npz")


if __name__ == "__main__":
    main()
