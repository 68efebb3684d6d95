"""The engines that are compared, one a module. Their libraries are imported when first used."""

from __future__ import annotations

from embedpipe_bench.peers.common import Peer
from embedpipe_bench.peers.ctranslate2 import CTranslate2Peer
from embedpipe_bench.peers.fastembed import FastEmbedPeer
from embedpipe_bench.peers.onnxruntime import OnnxRuntimePeer
from embedpipe_bench.peers.openvino import OpenVinoPeer
from embedpipe_bench.peers.ours import Ours
from embedpipe_bench.peers.pytorch import PyTorchPeer
from embedpipe_bench.peers.sentence_transformers import SentenceTransformersPeer

__all__ = ["ENGINES"]

ENGINES: dict[str, Peer] = {
    engine.name: engine
    for engine in (
        Ours(),
        OnnxRuntimePeer(),
        OpenVinoPeer(),
        CTranslate2Peer(),
        SentenceTransformersPeer(),
        FastEmbedPeer(),
        PyTorchPeer(),
    )
}
"""By name, in the order of the report; ours is the first."""
