"""The tokenizer: byte-level BPE as docs/model.md writes it down.

    python vocabulary.py --out DIR FILE...     # train on plain files, for a look
"""

import argparse

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

# 4,096 and not 16,384: a first-light run sees some three million tokens of text.
# Most entries of a 16k vocabulary would occur a handful of times in it, and the
# output layer would cost more than all transformer layers together.
VOCAB = 4096
MAX_TOKEN = 20  # bytes; longer entries are whole lines of boilerplate

PIECES = r"(?:\r?\n)+[ \t]*|[0-9]|[^\r\n0-9]+|\r"

NAMED = ["pad", "mask", "delete", "expand", "hole", "snippet", "code", "cut", "eof", "go", "python"]
SPECIAL = [f"<|{n}|>" for n in NAMED] + [f"<|reserved_{i}|>" for i in range(len(NAMED), 24)]
PAD, MASK, DELETE, EXPAND, HOLE, SNIPPET, CODE, CUT, EOF, GO, PYTHON = range(11)
LANGUAGE = {"go": GO, "python": PYTHON}


def untrained():
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tok.decoder = decoders.ByteLevel()
    return tok


def train(texts, size=VOCAB):
    """A tokenizer of size entries from an iterable of texts. Deterministic."""
    tok = untrained()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(s, special=True, normalized=False) for s in SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=MAX_TOKEN,
        show_progress=False,
    )
    tok.train_from_iterator(texts, trainer)
    tok.encode_special_tokens = True
    return tok


def load(path):
    tok = Tokenizer.from_file(path)
    tok.encode_special_tokens = True  # "<|mask|>" in somebody's text is text
    return tok


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", required=True)
    ap.add_argument("--vocab", type=int, default=VOCAB)
    ap.add_argument("files", nargs="+")
    args = ap.parse_args()
    train((open(f, encoding="utf-8").read() for f in args.files), args.vocab).save(args.out)
