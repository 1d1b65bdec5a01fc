"""A bundle -> a GGUF file, so that llama.cpp runs a model of the same size, for lacuna bench --llama-server.

    python models/train/llamacpp.py models/small --out out/left.gguf [--weights f32]

It holds the very weights of the bundle, as the causal language model that its left
stream is: llama.cpp knows those layers as qwen3 (grouped queries, queries and keys
normalised by head, rotary halves, SwiGLU; our norms have no weights, so theirs are
ones). The role of the left stream is added to the embeddings beforehand. What it
writes behind a text is what our decoder "autoregressive" writes there; canvases and
the right stream it knows nothing of. q8_0 is what the bundle has, 8 bits with a scale
for 32 neighbours, but for the scale, which has 16 bits.

The vocabulary is the bundle's, for whoever wants to read what comes out; how text is cut
before it is encoded is not, so give prompts as token ids.
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np

import unfold
from export import EPSILON, ROPE_BASE

LEFT = 0  # the role
WEIGHTS = {"q8_0": gguf.GGMLQuantizationType.Q8_0, "f32": gguf.GGMLQuantizationType.F32}
CONTEXT = 4096  # positions that llama.cpp may be asked for; rotary positions know no end


def tensors(config, arrays):
    """(name, array, whether it is a matrix to quantise) for each tensor, [out, in] as GGUF has them."""
    embedding = arrays["emb"] + arrays["role"][LEFT]
    embedding /= np.sqrt(np.mean(embedding**2, axis=1, keepdims=True) + EPSILON)
    ones = {n: np.ones(config[n], np.float32) for n in ("d_model", "head_dim")}
    yield "token_embd.weight", embedding, True
    yield "output.weight", arrays["emb"], True
    yield "output_norm.weight", ones["d_model"], False
    for i in range(config["n_layer"]):
        for theirs, ours in {"attn_q": "wq", "attn_k": "wk", "attn_v": "wv", "attn_output": "wo",
                             "ffn_gate": "wg", "ffn_up": "wu", "ffn_down": "wd"}.items():
            yield f"blk.{i}.{theirs}.weight", np.ascontiguousarray(arrays[f"layers.{i}.{ours}"].T), True
        for theirs, width in {"attn_norm": "d_model", "ffn_norm": "d_model", "attn_q_norm": "head_dim", "attn_k_norm": "head_dim"}.items():
            yield f"blk.{i}.{theirs}.weight", ones[width], False


def vocabulary(writer, tokenizer):
    """Tokens and merges of a tokenizer.json with byte-level BPE."""
    ids = {i: text for text, i in tokenizer["model"]["vocab"].items()}
    special = {t["id"]: t["content"] for t in tokenizer["added_tokens"] if t["special"]}
    ids |= special
    kinds = [gguf.TokenType.CONTROL if i in special else gguf.TokenType.NORMAL for i in range(len(ids))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([ids[i] for i in range(len(ids))])
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    eof = next(i for i, text in special.items() if text == "<|eof|>")
    writer.add_eos_token_id(eof)
    writer.add_bos_token_id(eof)  # one must be named; none is added
    writer.add_add_bos_token(False)


def write(bundle, out, weights="q8_0"):
    """Writes the GGUF file out of the folder bundle."""
    config, arrays = unfold.bundle(bundle)
    out.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(out, "qwen3")
    writer.add_name(f"{json.loads((bundle / 'manifest.json').read_text())['name']} left stream")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(config["d_model"])
    writer.add_block_count(config["n_layer"])
    writer.add_feed_forward_length(config["ffn"])
    writer.add_head_count(config["n_head"])
    writer.add_head_count_kv(config["n_kv"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(EPSILON)
    vocabulary(writer, json.loads((bundle / "tokenizer.json").read_text()))
    kind = WEIGHTS[weights]
    for name, array, matrix in tensors(config, arrays):
        array = array.astype(np.float32)
        if matrix:
            writer.add_tensor(name, gguf.quants.quantize(array, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, help="folder with model.onnx, tokenizer.json and manifest.json")
    parser.add_argument("--out", type=Path, required=True, help="the GGUF file to write")
    parser.add_argument("--weights", choices=WEIGHTS, default="q8_0", help="of the matrices (default %(default)s)")
    args = parser.parse_args()
    write(args.bundle, args.out, args.weights)
    print(f"{args.out}: {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
