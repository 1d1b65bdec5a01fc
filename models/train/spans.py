"""Where to cut holes: spans a person at an editor would ask to have filled.

Most are aligned to the syntax tree, some are not; cursors also stand inside
words. Offsets are bytes of UTF-8. A file is parsed once; then places are drawn at
random and each is looked up in the tree from the root down, because walking
whole trees in Python would take longer than everything else together.
"""

import re

import tree_sitter
import tree_sitter_c
import tree_sitter_cpp
import tree_sitter_go
import tree_sitter_java
import tree_sitter_javascript
import tree_sitter_python
import tree_sitter_rust
import tree_sitter_typescript

GRAMMARS = {
    "go": tree_sitter_go.language,
    "python": tree_sitter_python.language,
    "typescript": tree_sitter_typescript.language_typescript,
    "tsx": tree_sitter_typescript.language_tsx,
    "javascript": tree_sitter_javascript.language,
    "rust": tree_sitter_rust.language,
    "c": tree_sitter_c.language,
    "cpp": tree_sitter_cpp.language,
    "java": tree_sitter_java.language,
}
PARSERS = {name: tree_sitter.Parser(tree_sitter.Language(language())) for name, language in GRAMMARS.items()}

# kind -> share. The rest of the line is what an editor asks for at every key.
MIX = {"rest": 0.36, "line": 0.14, "expression": 0.15, "arguments": 0.07, "statements": 0.10, "block": 0.05, "body": 0.05, "random": 0.08}
KINDS = list(MIX)

BLOCKS = {"block", "statement_block", "compound_statement", "constructor_body"}
LISTS = BLOCKS | {  # what statements or declarations stand in, one after the other
    "statement_list", "source_file", "module", "program", "translation_unit", "expression_case", "communication_case", "type_case", "default_case",
    "switch_case", "switch_default", "case_statement", "switch_block_statement_group", "declaration_list", "field_declaration_list", "class_body", "interface_body",
}  # fmt: skip
ARGUMENTS = {"argument_list", "arguments"}
STATEMENTS = ("statement", "declaration", "definition", "_item", "statement_list", "comment", "_clause")
FUNCTION = re.compile(r"func|method|constructor|lambda|closure")
LONG = 260  # bytes of an answer: more than a canvas holds, nearly always

CALL = re.compile(rb"\w\(")
BRANCH = re.compile(rb"\bif err\b|\bexcept\b|\bcatch\b")
HEAD = re.compile(rb"^[ \t]*(?:pub |export |async |static |public |private )*(?:func|def|fn|function|[\w<>\[\], *&:]+\()[^\n]*[:{]\n", re.MULTILINE)
PLACE = re.compile(rb"(?<=[(.= ])(?=[^ \n])|(?<=\w)(?=[^\w\n])")  # behind a name, "(", ".", "=", a space


class File:
    """A parsed file to draw spans from."""

    def __init__(self, data, language, path=""):
        grammar = "tsx" if path.endswith(".tsx") else language
        self.data = data
        self.tree = PARSERS[grammar].parse(data)
        self.cursor = self.tree.walk()
        self.places = {}

    def ancestors(self, at):
        """(node, parent's type) around byte at, from the root down."""
        cursor, parent = self.cursor, ""
        cursor.goto_descendant(0)
        out = [(cursor.node, "")]
        while cursor.goto_first_child_for_byte(at) is not None:
            parent = out[-1][0].type
            node = cursor.node
            if node.start_byte > at:
                break
            out.append((node, parent))
        return out

    def some(self, rng, pattern):
        """The end of a random match of pattern, or a random place when there is none."""
        if pattern not in self.places:
            self.places[pattern] = [m.end() for m in pattern.finditer(self.data)]
        found = self.places[pattern]
        return rng.choice(found) if found else rng.randrange(len(self.data))

    def line(self, at):
        """First byte that is not blank, and end, of the line around at."""
        start = self.data.rfind(b"\n", 0, at) + 1
        end = self.data.find(b"\n", at)
        line = self.data[start : len(self.data) if end < 0 else end]
        return start + len(line) - len(line.lstrip()), start + len(line.rstrip())

    def strip(self, a, z):
        """The span without white space at its ends: some grammars count a line break in."""
        inner = self.data[a:z]
        return a + len(inner) - len(inner.lstrip()), z - len(inner) + len(inner.rstrip())

    def rest(self, rng):
        first, end = self.line(at := rng.randrange(len(self.data)))
        if at < first or rng.random() < 0.5:  # where people stop to think; otherwise anywhere, inside words too
            place = PLACE.search(self.data, max(at, first), end)
            at = place.start() if place and end - place.start() >= 2 and rng.random() < 0.85 else first
        return (at, end) if end - at >= 2 else None

    def whole_line(self, rng):
        first, end = self.line(rng.randrange(len(self.data)))
        return (first, end) if end - first >= 3 else None

    def expression(self, rng):
        spans = [
            (node.start_byte, node.end_byte)
            for node, _ in self.ancestors(rng.randrange(len(self.data)))[1:]
            if 2 <= node.end_byte - node.start_byte <= 80 and node.is_named and not node.type.endswith(STATEMENTS)
        ]
        spans = [s for s in spans if b"\n" not in self.data[slice(*s)]]
        return rng.choice(spans) if spans else None

    def arguments(self, rng):
        """What stands between the parentheses of a call: the cursor is just behind the first."""
        at = self.some(rng, CALL)
        for node, _ in reversed(self.ancestors(at - 1)):
            if node.type in ARGUMENTS and node.start_byte == at - 1:
                a, z = node.start_byte + 1, node.end_byte - 1
                return (a, z) if 1 <= z - a <= LONG and self.data[z : z + 1] == b")" else None
        return None

    def statements(self, rng):
        """One to four statements of a list."""
        at = rng.randrange(len(self.data))
        lists = [node for node, _ in self.ancestors(at) if node.type in LISTS]
        if not lists:
            return None
        node = lists[-1] if rng.random() < 0.7 else rng.choice(lists)
        cursor = node.walk()
        if cursor.goto_first_child_for_byte(at) is None:
            return None
        spans = []
        for _ in range(8):
            child = cursor.node
            if child.is_named and child.end_byte > child.start_byte:
                if child.end_byte - (spans[0] if spans else child).start_byte > LONG:
                    break
                spans.append(child)
            if not cursor.goto_next_sibling():
                break
        if not spans:
            return None
        z = rng.choice(spans[:4]).end_byte
        return spans[0].start_byte, z + (self.data[z : z + 1] in (b";", b","))

    def block(self, rng, functions):
        """What stands inside a short block; functions: a function's, otherwise any other's."""
        if rng.random() < 0.6:  # the block behind a line that opens one
            at, _ = self.line(self.data.find(b"\n", self.some(rng, HEAD if functions else BRANCH) - 1) + 1)
        else:
            at = rng.randrange(len(self.data))
        found = []
        for node, parent in self.ancestors(min(at, len(self.data) - 1)):
            if node.type in BLOCKS and bool(FUNCTION.search(parent)) == functions and node.end_byte - node.start_byte <= LONG:
                found.append(node)
        if not found:
            return None
        inner = rng.choice(found).named_children
        if len(inner) == 1 and inner[0].type == "statement_list":
            inner = inner[0].named_children
        if len(inner) > 1 and inner[0].type == "expression_statement" and self.data[inner[0].start_byte : inner[0].start_byte + 3] in (b'"""', b"'''"):
            inner = inner[1:]  # who asks for a body has written what it is for
        if not inner:
            return None
        z = inner[-1].end_byte
        return inner[0].start_byte, z + (self.data[z : z + 1] == b";")

    def random(self, rng):
        at = rng.randrange(len(self.data))
        return at, min(len(self.data), at + rng.randrange(2, 60))

    def draw(self, rng, kind):
        """One span of a kind, or None when the dice fell on nothing of the sort."""
        match kind:
            case "rest":
                span = self.rest(rng)
            case "line":
                span = self.whole_line(rng)
            case "expression":
                span = self.expression(rng)
            case "arguments":
                span = self.arguments(rng)
            case "statements":
                span = self.statements(rng)
            case "block":
                span = self.block(rng, functions=False)
            case "body":
                span = self.block(rng, functions=True)
            case "random":
                return self.characters(*self.random(rng))
        if span is None:
            return None
        a, z = self.characters(*self.strip(*span))
        return (a, z) if 0 < z - a <= LONG else None

    def characters(self, a, z):
        """The span moved off the middle of characters."""
        data, n = self.data, len(self.data)
        while a < n and data[a] & 0xC0 == 0x80:
            a += 1
        while z < n and data[z] & 0xC0 == 0x80:
            z += 1
        return a, z


def sample(rng, data, language, path, want):
    """Up to want spans (start, end, index of KINDS), sorted, none of which touches another."""
    file = File(data, language, path)
    taken = bytearray(len(data) + 2)  # shifted by one, so that the byte before a span can be asked for
    out = []
    kinds = rng.choices(range(len(KINDS)), list(MIX.values()), k=want)
    for kind in kinds:
        for _ in range(6):  # of the rare kinds most draws miss
            span = file.draw(rng, KINDS[kind])
            if span is None:
                continue
            a, z = span
            if z > a and taken.find(1, a, z + 2) < 0:
                taken[a + 1 : z + 1] = b"\1" * (z - a)
                out.append((a, z, kind))
                break
    return sorted(out)
