"""What the model sees, token for token: docs/context.md.

infill/context is the other implementation, and a test there compares the two.
Change neither alone.
"""

import re

from vocabulary import CODE, SNIPPET

MAX_SNIPPETS = 4
SNIPPET_TOKENS = 80  # of one snippet, without its mark
SNIPPETS_TOKENS = 192  # of all snippets, with their marks
PATH_TOKENS = 32  # of the path, from its end
MAX_FILE = 100_000  # bytes of a neighbour; neighbours() leaves it to its caller
MAX_LINE = 160  # bytes of an outline line
BLANKS = b" \t\r"

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
