"""The tokenizer: byte-level BPE as docs/model.md writes it down.

    python vocabulary.py --out DIR FILE...     # train on plain files, for a look
"""

import argparse

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

# Half of it (--vocab 8192) costs more tokens and halves the output layer, which is
# most of a small model; compare_tokenizers.py says what either costs.
VOCAB = 16384
MAX_TOKEN = 20  # bytes; longer entries are whole lines of boilerplate

PIECES = r"(?:\r?\n)+[ \t]*|[0-9]|[^\r\n0-9]+|\r"

LANGUAGES = ["go", "python", "typescript", "javascript", "rust", "c", "cpp", "java"]
NAMED = ["pad", "mask", "delete", "expand", "hole", "snippet", "code", "cut", "eof", *LANGUAGES]
SPECIAL = [f"<|{n}|>" for n in NAMED] + [f"<|reserved_{i}|>" for i in range(len(NAMED), 24)]
PAD, MASK, DELETE, EXPAND, HOLE, SNIPPET, CODE, CUT, EOF, GO, PYTHON = range(11)
LANGUAGE = {name: GO + i for i, name in enumerate(LANGUAGES)}  # language -> token id
CACHE = 200_000  # pieces a tokenizer remembers; lines of code repeat, and the default of 10,000 forgets them


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
    tok.model._resize_cache(CACHE)
    return tok


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", required=True)
    ap.add_argument("--vocab", type=int, default=VOCAB)
    ap.add_argument("files", nargs="+")
    args = ap.parse_args()
    train((open(f, encoding="utf-8").read() for f in args.files), args.vocab).save(args.out)
