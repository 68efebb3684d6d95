"""Text to piece ids: WordPiece by the package `tokenizers`, SentencePiece by `sentencepiece`.

Sentence and word boundaries are found in `text`; what the ids mean to a model is in `encoder`.
"""

from embedpipe.subword.loading import load_tokenizer, make_tokenizer
from embedpipe.subword.tokenizer import PieceBatch, SubwordTokenizer, WordSplitter

__all__ = ["PieceBatch", "SubwordTokenizer", "WordSplitter", "load_tokenizer", "make_tokenizer"]
