"""`embedpipe bench`: our encoder beside other engines on this machine, every result verified first.

`run.run` does it all: it prepares models (`models`) and texts (`corpus`), lets each engine
(`peers/`) work in processes of its own (`worker`, seen from here through `children`), times them in
turn (`timing`), and gives a `results.Report` after each model, which `report` and `chart` show. The
names below are here because the command line knows them before anything heavy is loaded.
"""

from __future__ import annotations

__all__ = ["DEFAULT_MODELS", "OURS", "PEERS", "PRECISIONS", "RANDOM_SHAPES"]

OURS = "embedpipe"

PEERS = (
    *("onnxruntime", "openvino", "ctranslate2"),
    *("sentence-transformers", "fastembed", "torch"),
)
"""Engines to compare with, by the names of their packages."""

PRECISIONS = ("float32", "bfloat16", "int8")

RANDOM_SHAPES = (
    "bert_L2_H128",
    "bert_L2_H512",
    "bert_L4_H256",
    "bert_L4_H512",
    "bert_L8_H512",
    "bert_L12_H128",
    "bert_L12_H256",
    "bert_L12_H512",
    "bert_L12_H768",
    "albert_base",
    "albert_large",
    "electra_small",
    "electra_base",
    "electra_large",
)
"""Published shapes of which a model with random weights can be made."""

DEFAULT_MODELS = ("all-MiniLM-L6-v2", "bert_L2_H512")
