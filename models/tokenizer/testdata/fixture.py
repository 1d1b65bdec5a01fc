"""Writes tokenizer.json and expected.jsonl, the fixtures of the Go tests.

    pip install tokenizers && python fixture.py

tokenizer.json is a real but tiny vocabulary, trained on corpus.txt.
expected.jsonl holds texts that are easy to get wrong and their ids according
to the Python library, one JSON object a line.
"""

import json
import pathlib

from tokenizers import Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
from tokenizers.trainers import BpeTrainer

HERE = pathlib.Path(__file__).parent
PATTERN = r"(?:\r?\n)+[ \t]*|[0-9]|[^\r\n0-9]+|\r"
NAMES = ["pad", "mask", "delete", "expand", "hole", "snippet", "code", "cut", "eof", "go", "python"]
SPECIAL = [f"<|{n}|>" for n in NAMES + [f"reserved_{i}" for i in range(11, 24)]]

TEXTS = [
    "",
    " ",
    "\n",
    "\r",
    "\r\n",
    "\n\r",
    "\r\r\n\n\r",
    "\t\t\n\n\t\tx",
    "a\r\n\r\n    b\r\n",
    "lone\rreturn \r x",
    "trailing spaces   \n\n\n   \n\t \tx  ",
    "x := 1234567890 + 0x1F",
    "if err != nil {\n\t\treturn nil, err\n\t}\n",
    "def f(self):\n    return self.items[0]\n",
    "for i := range n {\n\tsum += values[i]\n}",
    "<|mask|>",
    "a <|mask|><|pad|> b <|reserved_11|><|nothing|>",
    "<|go|>path/to/file.go<|code|>\npackage p",
    "日本語のコメント // 中文 한국어",
    "emoji 👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 é ﬀ \u00a0 \u2028 \u200b \ufeff",
    "arabic-indic digits ٣٤٥ and ½ ² Ⅷ stay together",
    '"\\u00zz \\xg1 \\n \\\\" `raw\\`',
    "nul \x00 bell \x07 del \x7f c1 \x85 x",
    "\x0b\x0c vertical",
    "\ufffd replacement \U0010ffff",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "=" * 300,
    " " * 257 + "x",
    "\n" * 70 + "\t" * 33,
    "abcabcabc  abc   returnreturn returns",
]


def main() -> None:
    corpus = (HERE / "corpus.txt").read_text()
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = Sequence(
        [Split(Regex(PATTERN), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=1000,
        special_tokens=SPECIAL,
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([corpus], trainer)
    tokenizer.save(str(HERE / "tokenizer.json"), pretty=False)
    # Without this a literal "<|mask|>" in a source file would become the token.
    tokenizer.encode_special_tokens = True
    texts = TEXTS + [corpus, corpus.replace("\n", "\r\n"), corpus.replace("\t", "    ")[:2000]]
    with open(HERE / "expected.jsonl", "w") as out:
        for text in texts:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            out.write(json.dumps({"text": text, "ids": ids}) + "\n")


main()
