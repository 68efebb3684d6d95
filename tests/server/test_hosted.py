"""What a server offers: by name, and made once for each choice."""

from __future__ import annotations

from embedpipe import Encoder
from embedpipe.server import Hosted


def test_an_encoder_in_another_precision_is_made_once(hosted: Hosted, encoder: Encoder) -> None:
    """Or each request would be a kind of work of its own, whose speed is remembered."""
    made = hosted.in_precision(encoder, "int8")
    assert made.precision == "int8"
    assert hosted.in_precision(encoder, "int8") is made
    assert hosted.analysis(made, "cls") is hosted.analysis(made, "cls")
    assert hosted.analysis(made, "cls") is not hosted.analysis(made, "mean")


def test_the_last_part_of_a_name_suffices(hosted: Hosted, encoder: Encoder) -> None:
    assert hosted.model("anyone/tiny_bert") is encoder
    assert hosted.model(None) is encoder
