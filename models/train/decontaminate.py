"""Keeps benchmarks out of the training text.

    python decontaminate.py --out benchmarks.npy HumanEval.jsonl.gz mbpp.jsonl

makes the hashes that are committed beside this file: of every run of N words of
every problem and its solution. Text that shares one run is not trained on. The
problems themselves are kept nowhere.
"""

import argparse
import gzip
import json
import os
import re
import zlib

import numpy as np

N = 13  # words: long enough that sharing a run means copying, short enough for a solution of three lines
COMMITTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "benchmarks.npy")
FIELDS = ("prompt", "canonical_solution", "text", "code")  # of HumanEval and MBPP

WORD = re.compile(rb"[a-z0-9_]+")
FACTOR = 0x9E3779B97F4A7C15  # odd, so that multiplying loses nothing


def words(text):
    """A hash of each word of text (bytes), case aside and punctuation left out."""
    return np.fromiter(map(zlib.crc32, WORD.findall(text.lower())), np.uint64)


def runs(hashes, n):
    """A 64-bit hash of each run of n words."""
    if len(hashes) < n:
        return np.zeros(0, np.uint64)
    out = np.zeros(len(hashes) - n + 1, np.uint64)
    for i in range(n):
        out *= np.uint64(FACTOR)
        out += hashes[i : i + len(out)]
        out ^= out >> np.uint64(29)
    return out


class Benchmarks:
    """The hashes of what must not be trained on."""

    BITS = 20

    def __init__(self, hashes):
        self.hashes = np.sort(hashes)
        self.maybe = np.zeros(1 << self.BITS, bool)  # most runs are told apart by a few bits
        self.maybe[hashes >> np.uint64(64 - self.BITS)] = True

    def touch(self, hashes):
        """Whether text with these words() shares a run with a benchmark."""
        if not len(self.hashes):
            return False
        r = runs(hashes, N)
        r = r[self.maybe[r >> np.uint64(64 - self.BITS)]]
        at = np.minimum(np.searchsorted(self.hashes, r), len(self.hashes) - 1)
        return bool((self.hashes[at] == r).any())


def committed():
    return Benchmarks(np.load(COMMITTED))


def of_files(paths):
    found = []
    for path in paths:
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as f:
            for problem in map(json.loads, filter(str.strip, f)):
                for name in FIELDS:
                    found.append(runs(words(problem.get(name, "").encode()), N))
                # A problem whose parts are each shorter than a run still has one as a whole.
                found.append(runs(words("\n".join(problem.get(name, "") for name in FIELDS).encode()), N)[:1])
    return np.unique(np.concatenate(found))


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", default=COMMITTED)
    ap.add_argument("files", nargs="+")
    args = ap.parse_args()
    hashes = of_files(args.files)
    np.save(args.out, hashes)
    print(f"{len(hashes)} runs of {N} words")
