"""Files that repeat: exactly, but for white space, or nearly (MinHash).

Copies of copies are common in code: forks, vendored packages under another name,
examples with one line changed. A model learns them by heart before it learns
anything else.
"""

import numpy as np
from rensa import RMinHash

from decontaminate import FACTOR, runs

SHINGLE = 5  # words: of names alone, so three or four would be found everywhere
PERMUTATIONS, BANDS = 128, 16  # bands of 8: a pair of similarity 0.8 shares one with 95 %, of 0.6 with 24 %
SIMILAR = 0.8  # Jaccard, as the signatures estimate it
SEED = 1


def signature(words):
    """The MinHash signature, uint32 [PERMUTATIONS], of a text with these decontaminate.words()."""
    shingles = runs(words, SHINGLE) if len(words) >= SHINGLE else words
    offsets = np.array([0, len(shingles)], np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(shingles, offsets, PERMUTATIONS, SEED)
    return np.array(matrix.to_rows()[0], np.uint32)


def repeats(keys, signatures):
    """For each file what it repeats of an earlier one: "duplicate", "near duplicate" or None.

    keys: of texts without white space. signatures: uint32 [files, PERMUTATIONS].
    """
    _, first = np.unique(np.asarray(keys), return_index=True)
    exact = np.ones(len(keys), bool)
    exact[first] = False
    near = np.zeros(len(keys), bool)
    index = np.arange(len(keys))
    for band in np.split(signatures, BANDS, axis=1):
        bucket = np.zeros(len(keys), np.uint64)
        for column in band.T:
            bucket = (bucket + column) * np.uint64(FACTOR)
            bucket ^= bucket >> np.uint64(29)
        _, first, inverse = np.unique(bucket, return_index=True, return_inverse=True)
        pairs = index[(first[inverse] < index) & ~near]
        for at in range(0, len(pairs), 10_000):
            i = pairs[at : at + 10_000]
            near[i] = (signatures[i] == signatures[first[inverse[i]]]).mean(1) >= SIMILAR
    return ["duplicate" if e else "near duplicate" if n else None for e, n in zip(exact, near)]
