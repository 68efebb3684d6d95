"""One line gives a vector: what must work where embedpipe was installed from a wheel alone.

    pip install embedpipe-*.whl
    python tools/smoke.py

`tools/smoke.sh` does that in new environments without a compiler.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np

import embedpipe
from embedpipe import Encoder, _native

TOLERANCE = 2e-5
"""Of float32 to the definition, as promised in the README."""

LEAST_COSINE = 0.99
"""Of int8 to float32, for any one text."""


def main() -> int:
    """Compare vectors with their definition in NumPy; the exit status is 1 where they differ."""
    source = Path(__file__).resolve().parent.parent / "src"
    if Path(embedpipe.__file__).is_relative_to(source):
        print(f"{embedpipe.__file__}: expected an installed package, not the source folder")
        return 1
    texts = ["One line gives a vector.", "Eine Zeile gibt einen Vektor.", ""]
    vectors = Encoder.load().encode(texts)
    defined = Encoder.load(implementation="reference").encode(texts)
    error = float(np.abs(vectors - defined).max())
    cosine = float((Encoder.load(precision="int8").encode(texts) * vectors).sum(axis=1).min())
    command = [sys.executable, "-m", "embedpipe", "info"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    print(
        f"Python {platform.python_version()}, {Path(str(_native.__file__)).name}: vectors "
        f"{vectors.shape}, {error:.1e} from their definition; int8 has a cosine of {cosine:.5f}"
    )
    return int(not (error <= TOLERANCE and cosine >= LEAST_COSINE))


if __name__ == "__main__":
    raise SystemExit(main())
