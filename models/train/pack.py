"""Documents -> records: windows of a file, and the holes cut out of them.

A record is what the model sees of one window: its header, its tokens, the holes.
Every edge of a hole and of the window is a forced token boundary, because at the
editor the text on each side of the cursor is encoded by itself.
"""

import math

import numpy as np

import layout
import spans
import vocabulary as v

WINDOW = 1024  # tokens of a record: header and text
HOLES = 40  # of a record, at most
ANSWER = 63  # tokens of an answer: the largest canvas keeps a slot to say where it ends
SLOTS = 1024  # of a record's canvases, if each is the smallest that will do
CANVASES = (8, 16, 32, 64)
MIN_TOKENS = 128  # of text: shorter records are mostly header
WINDOWS = 12  # of one file, drawn at random: a longer file has had its say
SNIPPETS = 0.6  # share of records whose header shows the neighbouring files
EVERY = 80  # bytes of text for which one hole is drawn: some 40 a window
SLACK = 6  # tokens a window may grow when its edges are forced
SEPARATOR = "\r0"  # no document has a \r; both are pieces by themselves, and what follows a digit begins one


class Encoder:
    def __init__(self, tok):
        self.tok, self.memory = tok, {}
        self.cr, self.zero = (tok.encode(c).ids[0] for c in SEPARATOR)
        self.size = np.zeros(tok.get_vocab_size(), np.int64)  # bytes of each token: byte-level BPE writes a byte as a character
        for piece, i in tok.get_vocab().items():
            self.size[i] = len(piece)

    def ids(self, text):
        return np.array(self.tok.encode_batch_fast([text])[0].ids, np.uint16)

    def pieces(self, texts):
        """The tokens of each text encoded by itself, in one call: as arrays."""
        if not texts:
            return []
        ids = self.ids(SEPARATOR.join(texts))
        cuts = np.flatnonzero(ids == self.cr)
        assert len(cuts) == len(texts) - 1, "a carriage return in a document"
        return [ids[a:z] for a, z in zip([0, *(cuts + 2)], [*cuts, len(ids)])]

    def remember(self, text):
        """Token ids of a short text that is likely to come again: lines of outlines."""
        if len(self.memory) > 200_000:
            self.memory.clear()
        if text not in self.memory:
            self.memory[text] = self.tok.encode_batch_fast([text])[0].ids
        return self.memory[text]


def windows(rng, starts, ends, room):
    """Byte ranges of at most room tokens, cut at line starts, covering the file.

    starts: bytes at which lines start and the end of the file; ends: the byte
    behind each token.
    """
    token = np.searchsorted(ends, starts, side="left")  # tokens before each line start, about
    last = len(starts) - 1
    i, out = 0, []
    while i < last:
        j = int(np.searchsorted(token, token[i] + room, side="right")) - 1
        if j <= i:  # one line longer than a window: data
            i += 1
            continue
        if j == last and token[last] - token[i] < 2 * MIN_TOKENS and out:  # a short tail: begin it earlier
            i = int(np.searchsorted(token, token[last] - 2 * MIN_TOKENS))
        out.append((int(starts[i]), int(starts[j])))
        i = j
    return out if len(out) <= WINDOWS else [out[k] for k in sorted(rng.sample(range(len(out)), WINDOWS))]


def keep(rng, holes, sizes):
    """Indices of the holes a record has canvases for: at most HOLES, at most SLOTS."""
    order = [i for i, n in enumerate(sizes) if 0 < n <= ANSWER]
    rng.shuffle(order)
    slots, out = SLOTS, []
    for i in order[:HOLES]:
        slots -= next(c for c in CANVASES if c > sizes[i])
        if slots < 0:
            break
        out.append(i)
    return sorted(out)


def records(rng, encoder, language, path, data, neighbours):
    """Yields (header, body, ends, holes, range) of one document.

    header, body: ids; ends: the window ends where the file does; holes:
    [(first token, end token, kind)]; range: (first byte, end byte) of the window.
    neighbours: () -> [(path, outline)] of the files beside it, nearest first.
    """
    holes = spans.sample(rng, data, language, path, math.ceil(len(data) / EVERY))
    edges = sorted({0, len(data), *(e for a, z, _ in holes for e in (a, z))})
    between = encoder.pieces([data[a:z].decode() for a, z in zip(edges, edges[1:])])
    counts = np.cumsum([0, *map(len, between)])
    at = dict(zip(edges, range(len(edges))))  # edge -> its number
    ids = np.concatenate(between)
    ends = np.cumsum(encoder.size[ids])
    assert ends[-1] == len(data), path
    if len(ids) < MIN_TOKENS:
        return
    line_starts = np.flatnonzero(np.frombuffer(data, np.uint8) == 10) + 1
    starts = np.unique(np.concatenate(([0], line_starts, [len(data)])))

    plain = layout.header(encoder.remember, v.LANGUAGE[language], path)
    shown, rich = neighbours(), None
    if shown:
        rich = layout.header(encoder.remember, v.LANGUAGE[language], path, layout.snippets(encoder.remember, shown))
    with_snippets = rich is not None and rng.random() < SNIPPETS
    # All windows of a file are cut for the longer header, or none: simple, and over many files the same.
    head = rich if with_snippets else plain
    plans, missing = [], {}
    for lo, hi in windows(rng, starts, ends, WINDOW - len(head) - 1 - SLACK):
        inside = [h for h in holes if lo <= h[0] and h[1] <= hi]
        sizes = [int(counts[at[z]] - counts[at[a]]) for a, z, _ in inside]
        inside = [inside[i] for i in keep(rng, inside, sizes)]
        cut = sorted({lo, hi, *(e for a, z, _ in inside for e in (a, z))})
        for a, z in zip(cut, cut[1:]):
            if not (a in at and at[a] + 1 < len(edges) and edges[at[a] + 1] == z):
                missing[a, z] = None
        if inside:
            plans.append((lo, hi, inside, cut))
    missing = dict(zip(missing, encoder.pieces([data[a:z].decode() for a, z in missing])))
    for lo, hi, inside, cut in plans:
        parts = [missing[a, z] if (a, z) in missing else between[at[a]] for a, z in zip(cut, cut[1:])]
        place = dict(zip(cut, np.cumsum([0, *map(len, parts)]).tolist()))
        header = head + [v.CUT] if lo else head
        if not MIN_TOKENS <= place[hi] <= WINDOW - len(header):
            continue
        yield header, np.concatenate(parts), hi == len(data), [(place[a], place[z], k) for a, z, k in inside], (lo, hi)


class Shard:
    """Records as flat arrays.

    tokens uint16 [N]; docs int64 [D, 3] = (offset, header length, total length);
    flags uint8 [D]: the window ends where the file does; lang uint8 [D]: id of the
    language token; holes int32 [H, 4] = (record, first token, end token, kind),
    counted within the document without its header; sizes int32 [1] = (WINDOW,);
    kinds: their names.
    """

    def __init__(self):
        self.tokens, self.docs, self.flags, self.lang, self.holes, self.n = [], [], [], [], [], 0

    def add(self, header, body, ends, holes):
        d = len(self.docs)
        self.docs.append((self.n, len(header), len(header) + len(body)))
        self.flags.append(ends)
        self.lang.append(header[0])
        self.tokens += [np.array(header, np.uint16), np.asarray(body, np.uint16)]
        self.holes.append(np.array([(d, a, z, k) for a, z, k in holes], np.int32).reshape(-1, 4))
        self.n += len(header) + len(body)

    def arrays(self):
        none = np.zeros((0, 4), np.int32)
        return {
            "tokens": np.concatenate([np.zeros(0, np.uint16), *self.tokens]),
            "docs": np.array(self.docs, np.int64).reshape(-1, 3),
            "flags": np.array(self.flags, np.uint8),
            "lang": np.array(self.lang, np.uint8),
            "holes": np.concatenate([none, *self.holes]),
        }


def join(parts):
    """One shard's arrays from those of parts of it."""
    tokens = records = 0
    for p in parts:
        p["docs"][:, 0] += tokens
        p["holes"][:, 0] += records
        tokens, records = tokens + len(p["tokens"]), records + len(p["docs"])
    out = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    return {**out, "sizes": np.array([WINDOW], np.int32), "kinds": np.array(spans.KINDS)}
