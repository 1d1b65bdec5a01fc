"""What the model sees, token for token: docs/context.md.

    python layout.py --tokenizer tokenizer.json <questions.jsonl     # see answer()

infill/context is the other implementation, and a test in cmd/lacuna compares the
two. Change neither alone.
"""

import argparse
import base64
import json
import os
import re
import sys

import vocabulary
from vocabulary import CODE, CUT, EOF, SNIPPET

MAX_SNIPPETS = 4
SNIPPET_TOKENS = 80  # of one snippet, without its mark
SNIPPETS_TOKENS = 192  # of all snippets, with their marks
PATH_TOKENS = 32  # of the path, from its end
MAX_FILE = 100_000  # bytes of a neighbour; neighbours() leaves it to its caller
MAX_LINE = 160  # bytes of an outline line
BLANKS = b" \t\r"
STRIDE = 512  # bytes between the places a window may begin or end
WIDEST = 6  # bytes a token stands for at most, on average, in code

# A line is part of the outline when `line` matches it and `never` does not. The
# patterns mean the same to Go's regexp, so both implementations share them.
TYPESCRIPT = (
    rb"^(?:export (?:default )?)?"
    rb"(?:function|async function|class|abstract class|interface|type|enum|const|let) "
)
C = rb"^(?:struct|class|enum|typedef|namespace|#define) |^[A-Za-z].*\((?:.*[^;])?$"
C_NEVER = rb"^(?:if|for|while|switch|return|else|case|do)\b"
RULES = {
    "go": (rb"^(?:func|type|var|const) ", None),
    "python": (rb"^(?:    )?(?:def|async def|class) ", None),
    "typescript": (TYPESCRIPT, None),
    "javascript": (TYPESCRIPT, None),
    "rust": (
        rb"^(?:pub(?:\([^)]*\))? )?(?:(?:async|unsafe|const) )*(?:(?:fn|struct|enum|trait|impl|type|const|static) |impl<)"
        rb"|^    (?:pub(?:\([^)]*\))? )?(?:(?:async|unsafe|const) )*fn ",
        None,
    ),
    "java": (
        rb"^(?:    )?(?:public|protected|private|abstract|static)(?: .*\(|(?: .*)? (?:class|interface|enum|record) )"
        rb"|^(?:    )?(?:class|interface|enum|record) ",
        None,
    ),
    "c": (C, C_NEVER),
    "cpp": (C, C_NEVER),
}
RULES = {language: tuple(p and re.compile(p) for p in patterns) for language, patterns in RULES.items()}

# Which rule a neighbour's name asks for. Where a name leaves the language open
# (.h, .mjs in a project of TypeScript) the rules are the same.
LANGUAGES = {
    "go": "go", "py": "python",
    "ts": "typescript", "tsx": "typescript", "mts": "typescript", "cts": "typescript",
    "js": "javascript", "jsx": "javascript", "mjs": "javascript", "cjs": "javascript",
    "rs": "rust", "java": "java", "c": "c", "h": "c",
    "cc": "cpp", "cpp": "cpp", "cxx": "cpp", "hh": "cpp", "hpp": "cpp", "hxx": "cpp",
}

# What a test adds to the name of the file it tests; the first that fits goes.
AFFIXES = (("", "_test"), ("test_", ""), ("", ".test"), ("", ".spec"), ("", "Test"))


def outline(text, language):
    """The lines of text that declare something, each ending in a line break. None: "".

    Text that is not UTF-8 has no outline, nor has a language without a rule.
    """
    if isinstance(text, bytes):
        try:
            text.decode()
        except UnicodeDecodeError:
            return ""
    else:
        text = text.encode()
    line_rule, never = RULES.get(language, (None, None))
    if line_rule is None:
        return ""
    out = []
    for line in text.split(b"\n"):
        line = line.rstrip(BLANKS)
        if len(line) > MAX_LINE or not line_rule.match(line) or never and never.match(line):
            continue
        if line[-1:] in (b"{", b":", b";"):
            line = line[:-1].rstrip(BLANKS)
        out.append(line + b"\n")
    return b"".join(out).decode()


def base_name(path):
    return path.rpartition("/")[2]


def stem(base):
    """The base name without its extension and without what marks a test."""
    dot = base.rfind(".")
    name = base[:dot] if dot >= 0 else base
    for prefix, suffix in AFFIXES:
        if name.startswith(prefix) and name.endswith(suffix) and len(name) > len(prefix) + len(suffix):
            return name[len(prefix) : len(name) - len(suffix)]
    return name


def common_prefix(a, b):
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return n


def neighbours(path, paths):
    """Which of paths stand beside path, nearest first, at most MAX_SNIPPETS.

    paths: the files of path's folder in its language of at most MAX_FILE bytes.
    Its own is passed over, and so are other folders and names that are not UTF-8.
    """
    folder, _, own = path.rpartition("/")
    own_bytes, own_stem = own.encode("utf-8", "surrogateescape"), stem(own)
    order = []
    for other in paths:
        where, _, base = other.rpartition("/")
        try:
            name = base.encode()
        except UnicodeEncodeError:
            continue
        if where == folder and base != own:
            order.append((stem(base) != own_stem, -common_prefix(name, own_bytes), name, other))
    return [other for *_, other in sorted(order)[:MAX_SNIPPETS]]


def snippet(encode, base, outlined, most):
    """Tokens of one snippet without its mark, cut to whole lines; [] when no line fits.

    A line break begins a piece (vocabulary.PIECES) and no outline line is blank,
    so that the text falls apart before each break and its tokens add up.
    """
    lines = outlined.split("\n")[:-1]
    last = encode("\n")
    ids = encode(base)
    kept = []
    for line in lines:
        more = encode("\n" + line)
        if len(ids) + len(kept) + len(more) + len(last) > most:
            break
        kept += more
    return [*ids, *kept, *last] if kept else []


def snippets(encode, neighbour_items):
    """Tokens of the snippets with their marks. neighbour_items: (path, text) as neighbours() orders them."""
    out = []
    for path, text in neighbour_items[:MAX_SNIPPETS]:
        language = LANGUAGES.get(path.rpartition(".")[2].lower())
        most = min(SNIPPET_TOKENS, SNIPPETS_TOKENS - len(out) - 1)
        ids = snippet(encode, base_name(path), outline(text, language), most)
        if ids:
            out += [SNIPPET, *ids]
    return out


def header(encode, language_id, path, snippet_ids=()):
    """What L begins with, up to and with the code mark."""
    return [language_id, *encode(path)[-PATH_TOKENS:], *snippet_ids, CODE]


def left_anchor(text, at):
    """The first line start at or after the first multiple of STRIDE at or after at; 0 is one."""
    if at == 0:
        return 0
    at = -(-at // STRIDE) * STRIDE
    if at >= len(text):
        return len(text)
    nl = text.find(b"\n", at)
    if 0 <= nl < len(text) - 1:
        return nl + 1
    return character_start(text, at)


def right_anchor(text, back):
    """left_anchor's mirror: distances from the end."""
    if back == 0:
        return 0
    at = -(-back // STRIDE) * STRIDE
    if at >= len(text):
        return len(text)
    nl = text.rfind(b"\n", 0, len(text) - at)
    if nl >= 0:
        return len(text) - nl - 1
    return len(text) - character_start(text, len(text) - at)


def character_start(text, at):
    while at < len(text) and text[at] & 0xC0 == 0x80:
        at += 1
    return at


def fitting(room, text, anchor, encode_from):
    """Where the window begins, by anchor, and its tokens, more than room only of one endless line."""
    at = max(0, len(text) - room * WIDEST)
    while True:
        at = anchor(text, at)
        ids = encode_from(at)
        over = len(ids) - room
        if over <= 0 or at >= len(text):
            return at, ids
        at += over


def streams(encode, head, source, start, end, lead="", trail="", *, left_window, right_window):
    """L and R of the hole source[start:end], as infill/context lays them out.

    head: of header(). source: bytes, UTF-8. lead and trail: what the hole puts
    around the answer.
    """
    before, after = source[:start], source[end:]
    room = left_window - len(head) - 1
    at, ids = fitting(room, before, left_anchor, lambda at: encode(before[at:].decode() + lead))
    left = head + ([CUT] if at else []) + ids[max(0, len(ids) - room) :]
    room = right_window - 1
    back, ids = fitting(room, after, right_anchor, lambda back: encode(trail + after[: len(after) - back].decode()))
    return left, [CUT if back else EOF, *reversed(ids[:room])]


def folder_of(root, path, extensions):
    """Paths beside path that may be its neighbours, as a server lists them."""
    folder = path.rpartition("/")[0]
    out = []
    for entry in os.scandir(os.path.join(root, folder)):
        if entry.is_file(follow_symlinks=False) and os.path.splitext(entry.name)[1].lower() in extensions:
            if entry.stat(follow_symlinks=False).st_size <= MAX_FILE:
                out.append(f"{folder}/{entry.name}" if folder else entry.name)
    return out


def answer(encode, q):
    """Answers a question of the test that compares this file with infill/context.

    {"outline": text, "language": id} with the outline. Otherwise with both streams
    of a file on disk: {"root": folder, "path": below it, "extensions": of the
    language, "language_id": token, "source", "start", "end", "lead", "trail",
    "left_window", "right_window", "snippets"}. The texts of outline and source are
    base64, for they may not be UTF-8.
    """
    if "outline" in q:
        return outline(base64.b64decode(q["outline"]), q["language"])
    ids = []
    if q["snippets"]:
        items = []
        for path in neighbours(q["path"], folder_of(q["root"], q["path"], q["extensions"])):
            with open(os.path.join(q["root"], path), "rb") as f:
                items.append((path, f.read()))
        ids = snippets(encode, items)
    return streams(
        encode,
        header(encode, q["language_id"], q["path"], ids),
        base64.b64decode(q["source"]), q["start"], q["end"], q["lead"], q["trail"],
        left_window=q["left_window"], right_window=q["right_window"],
    )


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--tokenizer", required=True)
    tok = vocabulary.load(ap.parse_args().tokenizer)
    for question in sys.stdin:
        print(json.dumps(answer(lambda text: tok.encode(text).ids, json.loads(question))))
