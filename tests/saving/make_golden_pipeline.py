"""Write tests/saving/golden_pipeline: run once per version of the format, never to repair a test.

    python -m tests.saving.make_golden_pipeline FOLDER

The folder gets `saved` (as `save` writes it), `bundle.zip` (as `embedpipe bundle` does) and
`expected.json` (what came out then, vectors in float32's shortest digits).
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from embedpipe import Encoder
from embedpipe.annotator import BertEmbeddings, BertSentenceEmbeddings, SentenceDetector, Tokenizer
from embedpipe.base import DocumentAssembler, Pipeline
from tests.support.model_folders import tiny_config, write_model

GOLDEN = Path(__file__).parent / "golden_pipeline"
SAVED = GOLDEN / "format_1/saved"
TEXTS = ["It rains a lot. The sun, though!", None, "Rain\tand   sun (a-b) café"]
COLUMNS = ["document", "sentence", "token", "words", "vectors"]
PIECES = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "it", "rain", "##s", "a", "lot", "the", "sun"),
    *("though", "and", "cafe", ".", ",", "!", "(", ")", "-", "##a", "##b", "b"),
]


def output(model: Any) -> dict[str, list[Any]]:
    """What a pipeline makes of TEXTS, as JSON holds it."""
    table = model.transform(pd.DataFrame({"text": TEXTS}))
    return {
        name: [None if row is pd.NA else [_plain(a) for a in row] for row in table[name]]
        for name in COLUMNS
    }


def _plain(annotation: Any) -> dict[str, Any]:
    vector = [float(str(value)) for value in annotation["embeddings"]]
    return {**annotation, "metadata": dict(annotation["metadata"]), "embeddings": vector}


def make(folder: Path) -> None:
    """Write everything."""
    with tempfile.TemporaryDirectory() as place:
        vocab = Path(place, "vocab.txt")
        vocab.write_text("\n".join(PIECES) + "\n", encoding="utf-8")
        sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1}
        config = tiny_config(**sizes, vocab_size=len(PIECES))
        source = write_model(Path(place, "golden_bert"), config, seed=7, vocab=vocab)
        (source / "tokenizer_config.json").write_text('{"do_lower_case": true}')
        (source / "embedpipe.json").write_text('{"pooling": "mean", "normalize": true}')
        encoder = Encoder.load(source)
        pipeline = Pipeline(
            stages=[
                DocumentAssembler(inputCol="text", cleanupMode="shrink"),
                SentenceDetector(inputCols=["document"], outputCol="sentence", maxLength=40),
                Tokenizer(inputCols=["sentence"], contextChars=[".", ",", "!", "(", ")"])
                .addException("a lot")
                .setSplitChars(["-"]),
                BertEmbeddings(
                    encoder,
                    inputCols=["sentence", "token"],
                    outputCol="words",
                    maxSentenceLength=20,
                    storageRef="golden_bert",
                ),
                BertSentenceEmbeddings(encoder, inputCols=["sentence"], outputCol="vectors"),
            ]
        )
        model = pipeline.fit()
        model.save(folder / "saved")
        model.write().bundle(folder / "bundle.zip")
        text = json.dumps(output(model), indent=1)
        (folder / "expected.json").write_text(text + "\n", encoding="ascii")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
