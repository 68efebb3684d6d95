"""Opening a model of any format takes no more memory than its tensors and 100 MB.

For reading, that is all memory of the process, the mapped file included (VmHWM). An encoder has the
weights once more, packed: there, what counts is the memory that only it can give back (RLIMIT_DATA
bounds it), while the kernel takes mapped files' pages back whenever it wants.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.model_folders import random_tensors, tiny_config
from tests.support.model_writers import FORMATS, PIECES, Parts

FURTHER = 100 * 10**6
"""Bytes."""

# A large part is in the kernels, which TensorFlow stores transposed, so that a copy of them shows.
LARGE = tiny_config(
    hidden_size=512,
    num_hidden_layers=12,
    num_attention_heads=8,
    intermediate_size=2048,
    vocab_size=5000,
    max_position_embeddings=128,
)

OPENED = """
import gc, resource, sys
from pathlib import Path
from embedpipe import Encoder
from embedpipe.formats import open_model

small, large, most = sys.argv[1], sys.argv[2], int(sys.argv[3])

def status(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))

Encoder.load(small), open_model(small)  # all that is imported when first needed
gc.collect()
resource.setrlimit(resource.RLIMIT_DATA, (status("VmData") + most, resource.RLIM_INFINITY))
before = status("RssAnon")
LOAD
print("encoder", status("RssAnon") - before)
del encoder
gc.collect()
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = status("VmRSS")
model = open_model(large)
print("read", status("VmHWM") - before)
"""
# Weights are packed when the first vector is computed.
LOAD = "encoder = Encoder.load(large)\nencoder.encode_pieces([[2, 3]])"


@pytest.fixture(scope="module")
def models() -> tuple[Parts, Parts]:
    """One of a few kilobytes, and one of some 160 MB."""
    small = tiny_config(vocab_size=len(PIECES))
    return Parts(small, random_tensors(small)), Parts(LARGE, random_tensors(LARGE))


def opened(small: Path, large: Path, most: int, load: str = LOAD) -> dict[str, int]:
    """The bytes that the encoder keeps and the peak while the model is read, in a fresh process."""
    command = [
        sys.executable,
        "-c",
        OPENED.replace("LOAD", load),
        str(small),
        str(large),
        str(most),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "EMBEDPIPE_PACKED_CACHE": "0"},  # or packed weights would be mapped
    )
    assert done.returncode == 0, done.stderr[-1000:]
    print(done.stdout)
    return {line.split()[0]: int(line.split()[1]) for line in done.stdout.splitlines()}


@pytest.mark.parametrize(
    "name",
    [name for name in FORMATS if name not in ("tf-hub, tar.gz", "spark nlp, tensorflow, zip")],
)
def test_opening_takes_the_tensors_and_a_little(
    models: tuple[Parts, Parts], tmp_path: Path, name: str
) -> None:
    small, large = models
    size = sum(tensor.nbytes for tensor in large.tensors.values())
    assert 150e6 < size < 200e6
    paths = [FORMATS[name](parts, tmp_path / str(i)) for i, parts in enumerate((small, large))]
    try:
        found = opened(paths[0], paths[1], size + FURTHER)
    finally:
        shutil.rmtree(tmp_path)
    assert found["read"] < size + FURTHER
    assert found["read"] > 0.9 * size  # all of it was looked at, and is in the figure
    assert 0.8 * size < found["encoder"] < size + FURTHER


def test_tensors_that_are_copied_are_found(models: tuple[Parts, Parts], tmp_path: Path) -> None:
    small, large = models
    size = sum(tensor.nbytes for tensor in large.tensors.values())
    paths = [
        FORMATS["safetensors"](parts, tmp_path / str(i)) for i, parts in enumerate((small, large))
    ]
    twice = f"{LOAD}\ncopies = [each.copy() for each in encoder.model.tensors.values()]"
    with pytest.raises(AssertionError, match="MemoryError"):
        opened(paths[0], paths[1], size + FURTHER, twice)
    shutil.rmtree(tmp_path)
