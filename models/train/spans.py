"""Where to cut holes: spans a person at an editor would ask to have filled.

Nine in ten are aligned to the syntax tree, one in ten is not; cursors also
stand inside words.
"""

import tree_sitter
import tree_sitter_go
import tree_sitter_python

PARSERS = {
    "go": tree_sitter.Parser(tree_sitter.Language(tree_sitter_go.language())),
    "python": tree_sitter.Parser(tree_sitter.Language(tree_sitter_python.language())),
}
BLOCKS = {"block", "module", "source_file", "expression_case", "statement_list"}
STATEMENTS = ("statement", "declaration", "definition")

# kind -> share. The rest of the line is what an editor asks for at every key.
MIX = {"rest": 0.38, "line": 0.15, "expression": 0.17, "statements": 0.15, "body": 0.05, "random": 0.10}


def nodes(text, language):
    """Byte spans of expressions, of runs of statements and of function bodies."""
    data = text.encode()
    out = {"expression": [], "statements": [], "body": []}
    stack = [PARSERS[language].parse(data).root_node]
    while stack:
        node = stack.pop()
        named = node.named_children
        stack.extend(named)
        size = node.end_byte - node.start_byte
        if node.type in BLOCKS and named:
            for i in range(len(named)):
                for j in range(i, min(i + 4, len(named))):
                    if named[j].end_byte - named[i].start_byte <= 240:
                        out["statements"].append((named[i].start_byte, named[j].end_byte))
            if node.parent is not None and "func" in node.parent.type and size <= 240:
                out["body"].append((named[0].start_byte, named[-1].end_byte))
        elif 2 <= size <= 80 and node.start_point[0] == node.end_point[0] and not node.type.endswith(STATEMENTS):
            out["expression"].append((node.start_byte, node.end_byte))
    # Byte to character offsets: texts are handled as str from here on.
    if len(data) != len(text):
        at = {}
        b = 0
        for i, ch in enumerate(text):
            at[b] = i
            b += len(ch.encode())
        at[b] = len(text)
        out = {k: [(at[a], at[z]) for a, z in v if a in at and z in at] for k, v in out.items()}
    return {k: sorted(strip(text, *s) for s in v) for k, v in out.items()}


def strip(text, a, z):
    """The span without white space at its ends: some grammars count a line break in."""
    inner = text[a:z]
    return a + len(inner) - len(inner.lstrip()), z - len(inner) + len(inner.rstrip())


def line_around(text, at):
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return start, len(text) if end < 0 else end


def draw(rng, text, lo, hi, found, kind):
    """One span of a kind within text[lo:hi], or None. found: nodes(), clipped to lo..hi."""
    if kind in ("expression", "statements", "body"):
        spans = found[kind]
        return spans[rng.randrange(len(spans))] if spans else None
    at = rng.randrange(lo, hi)
    start, end = line_around(text, at)
    first = start + len(text[start:end]) - len(text[start:end].lstrip())
    if kind == "line":
        return (first, end) if end - first >= 3 else None
    if kind == "rest":
        return (max(at, first), end) if end - max(at, first) >= 2 else None
    return at, min(hi, at + rng.randrange(2, 60))


def sample(rng, text, lo, hi, found, want, slots, size_of):
    """Up to want non-overlapping spans of text[lo:hi] whose canvases hold slots in all.

    size_of(start, end) -> canvas size, or 0 when the answer is too long for one.
    """
    kinds, weights = list(MIX), list(MIX.values())
    taken = []
    for _ in range(want * 3):
        if len(taken) == want:
            break
        span = draw(rng, text, lo, hi, found, rng.choices(kinds, weights)[0])
        if span is None or span[0] < lo or span[1] > hi:
            continue
        if any(span[0] <= t[1] and t[0] <= span[1] for t in taken):
            continue
        size = size_of(*span)
        if size and size <= slots:
            taken.append((*span, size))
            slots -= size
    return sorted(taken)
