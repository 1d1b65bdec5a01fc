"""llama.cpp says what our left stream says: the comparison of lacuna bench is of like with like.

Needs llama.cpp and the package gguf: make test-peer.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

SERVER = os.environ.get("LACUNA_LLAMA_SERVER")
if not SERVER:  # make test-peer sets it: there a missing package is a failure
    pytest.importorskip("gguf", reason="NOT RUN: needs llama.cpp and gguf, see make test-peer")
import gguf  # noqa: E402

pytestmark = pytest.mark.peer

TRAIN = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TRAIN))
import llamacpp  # noqa: E402
import unfold  # noqa: E402

BUNDLE = TRAIN.parent / "small"
TEXT = np.random.default_rng(3).integers(24, 4096, 40).tolist()


@pytest.fixture(scope="module", params=llamacpp.WEIGHTS)
def file(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / f"{request.param}.gguf"
    llamacpp.write(BUNDLE, path, request.param)
    return path


def test_the_file_has_the_weights_of_the_bundle(file):
    _, arrays = unfold.bundle(BUNDLE)
    for tensor in gguf.GGUFReader(file).tensors:
        if tensor.name == "blk.3.ffn_down.weight":
            got = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            # 8 bits go back to the same 8 bits, but the scale has only 16.
            assert np.abs(got - arrays["layers.3.wd"].T).max() < 1e-3 * np.abs(got).max()
            return
    raise AssertionError("no such tensor")


@pytest.fixture
def ask(file):
    """A function from a prompt to {token: log-probability} of the likeliest next ones."""
    if not SERVER:
        pytest.skip("NOT RUN: needs llama.cpp, see make test-peer")
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    process = subprocess.Popen([SERVER, "--model", file, "--port", str(port), "--threads", "1", "--parallel", "1", "--ctx-size", "512"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def get(path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode() if body else None,
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)

    def logprobs(prompt):
        reply = get("/completion", {"prompt": prompt, "n_predict": 1, "n_probs": 8, "temperature": 0, "ignore_eos": False})
        return {p["id"]: p["logprob"] for p in reply["completion_probabilities"][0]["top_logprobs"]}

    try:
        for _ in range(300):
            assert process.poll() is None, process.stdout.read().decode()
            try:
                get("/health")
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        yield logprobs
    finally:
        process.kill()
        process.communicate()


def test_llama_cpp_predicts_what_the_left_stream_predicts(ask, file):
    config, _ = unfold.bundle(BUNDLE)
    session = onnxruntime.InferenceSession(BUNDLE / "model.onnx", providers=["CPUExecutionProvider"])
    n = len(TEXT)
    empty = np.zeros((0, config["n_layer"], 2, config["n_kv"], config["head_dim"]), np.float32)
    ids, logp = session.run(["top_ids", "top_logp"], {
        "tokens": np.array([TEXT]), "role": np.array([llamacpp.LEFT]), "pos_a": np.arange(n)[None], "pos_b": np.zeros((1, n), np.int64),
        "past_a": empty, "past_b": empty, "rows": np.arange(n), "targets": np.zeros(n, np.int64)})
    # llama.cpp rounds what goes into a product of bytes to bytes, too.
    tolerance = 0.02 if "f32" in file.name else 0.2
    for end in (1, 2, 9, n):
        theirs, ours = ask(TEXT[:end]), dict(zip(ids[end - 1].tolist(), logp[end - 1].tolist()))
        both = theirs.keys() & ours.keys()
        assert len(both) >= 6, (end, theirs, ours)
        assert max(abs(theirs[t] - ours[t]) for t in both) < tolerance, (end, theirs, ours)
