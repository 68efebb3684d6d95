"""The engines that are compared, one a module. Their libraries are imported when first used."""

from __future__ import annotations

from embedpipe.bench.peers.common import Peer
from embedpipe.bench.peers.ctranslate2 import CTranslate2Peer
from embedpipe.bench.peers.fastembed import FastEmbedPeer
from embedpipe.bench.peers.onnxruntime import OnnxRuntimePeer
from embedpipe.bench.peers.openvino import OpenVinoPeer
from embedpipe.bench.peers.ours import Ours
from embedpipe.bench.peers.pytorch import PyTorchPeer
from embedpipe.bench.peers.sentence_transformers import SentenceTransformersPeer

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
