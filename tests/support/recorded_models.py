"""The recorded models of tests/data, with what is expected of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Recorded:
    """A model's path, what its expected files begin with, its format, and its pieces."""

    path: str
    expected: str
    format: str
    lowercased: bool
    pieces: str = "vocab.txt"


TF1, HUB, SPARK = "google checkpoint", "tensorflow saved model", "spark nlp"


OLD, NEW = "tf1/spark_nlp_2.6", "spark_nlp_5.5.3"


BERT, ALBERT = f"{NEW}/expected_bert", f"{NEW}/expected_albert"


MODELS = (
    Recorded("tf1/google_bert_zip/uncased_L-2_H-32_A-2", "tf1/google_bert_zip/expected", TF1, True),
    Recorded(
        "tf1/google_bert_zip/uncased_L-2_H-32_A-2.zip", "tf1/google_bert_zip/expected", TF1, True
    ),
    Recorded("tf1/tf2_encoder_checkpoint", "tf1/tf2_encoder_checkpoint/expected", TF1, True),
    Recorded("tf1/tfhub_bert_1", "tf1/tfhub_bert_1/expected", HUB, True),
    Recorded("tf1/tfhub_bert_2", "tf1/tfhub_bert_2/expected", HUB, True),
    Recorded("tf1/tfhub_bert_2_flat", "tf1/tfhub_bert_2_flat/expected", HUB, True),
    Recorded("tf1/tfhub_albert_3", "tf1/tfhub_albert_3/expected", HUB, True, "hub"),
    Recorded(f"{OLD}/bert_embeddings", f"{OLD}/bert_embeddings_expected", SPARK, True),
    Recorded(
        f"{OLD}/bert_embeddings_2.5_module_prefix",
        f"{OLD}/bert_embeddings_2.5_module_prefix_expected",
        SPARK,
        False,
    ),
    Recorded(
        f"{OLD}/bert_sentence_embeddings_tf2_names",
        f"{OLD}/bert_sentence_embeddings_tf2_names_expected",
        SPARK,
        True,
    ),
    Recorded(
        f"{OLD}/albert_embeddings", f"{OLD}/albert_embeddings_expected", SPARK, True, "spiece.model"
    ),
    Recorded(f"{NEW}/bert_embeddings_tf", BERT, SPARK, False),
    Recorded(f"{NEW}/bert_embeddings_tf_legacy_resaved", BERT, SPARK, True),
    Recorded(f"{NEW}/bert_embeddings_onnx", BERT, SPARK, True),
    Recorded(f"{NEW}/bert_sentence_embeddings_tf", BERT, SPARK, True),
    Recorded(f"{NEW}/bert_sentence_embeddings_onnx", BERT, SPARK, False),
    Recorded(f"{NEW}/albert_embeddings_tf", ALBERT, SPARK, True, "spiece.model"),
    Recorded(f"{NEW}/albert_embeddings_onnx", ALBERT, SPARK, True, "spiece.model"),
    Recorded(f"{NEW}/pipeline_bert_onnx", BERT, SPARK, True),
    Recorded("torch_bin", "torch_bin/expected", "huggingface", True),
)


# What Spark NLP loaded and saved again has the tensors of the first
SAME_AS = {
    f"{NEW}/bert_embeddings_tf_legacy_resaved": f"{OLD}/bert_embeddings_expected",
}


def archives(testdata: Path, model: Recorded) -> list[Path]:
    """The model's folder, and the archive that was published of it."""
    path = testdata / "models" / model.path
    return [path, *sorted(path.parent.glob(f"{path.name}_en_*.zip"))]


GOOGLE = "tf1/google_bert_zip/uncased_L-2_H-32_A-2.zip"


def recorded_sequences(path: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Piece ids without padding, and the framework's outputs for them.

    Only the sequences of token type 0 throughout: the encoder knows no other.
    """
    with np.load(path) as record:
        masks = record["attention_mask"].astype(bool)
        chosen = [
            row for row, mask in enumerate(masks) if not record["token_type_ids"][row][mask].any()
        ]
        ids = [record["input_ids"][row][masks[row]] for row in chosen]
        return ids, [record["sequence_output"][row][masks[row]] for row in chosen]
