"""The public encoder: texts or piece ids in, vectors out.

Models are found in `hub`, read in `formats` and computed in `engine`; texts become piece ids in
`subword`.
"""

from embedpipe.encoder.encoder import Encoder

__all__ = ["Encoder"]
