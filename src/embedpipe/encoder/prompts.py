"""What is put before texts: the prompts that a model was trained with, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from embedpipe.errors import ParameterError
from embedpipe.formats.model import USUAL_PROMPTS, Usage

__all__ = ["Prompts"]


@dataclass(frozen=True)
class Prompts(Mapping[str, str]):
    """A model's prompts: a mapping of texts by name, which cannot be changed.

    "query" and "document" are always there, empty unless the model says otherwise. default: the
    name of the one that is put before every text, None for none. pooled: whether its pieces take
    part in pooling.

    >>> Prompts({"query": "query: ", "document": ""})["query"]
    'query: '
    """

    texts: Mapping[str, str]
    default: str | None = None
    pooled: bool = True

    @classmethod
    def of(cls, usage: Usage) -> Prompts:
        """The prompts that a model declares."""
        texts = {**USUAL_PROMPTS, **usage.prompts}
        return cls(texts, usage.default_prompt_name, usage.include_prompt)

    def __getitem__(self, name: str) -> str:
        return self.texts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)

    def __len__(self) -> int:
        return len(self.texts)

    def __hash__(self) -> int:
        return hash((*self.texts.items(), self.default, self.pooled))

    def with_own(self, texts: Any, default: Any) -> Prompts:
        """The same with a caller's prompts before the model's, and with his choice of default.

        Raises ParameterError for prompts that are no texts by name, and for an unknown default.
        """
        own = {} if texts is None else texts
        if not isinstance(own, Mapping) or not all(
            isinstance(part, str) for item in own.items() for part in item
        ):
            raise ParameterError(f"prompts: found {texts!r:.80}; expected texts by name, in a dict")
        name = self.default if default is None else default
        made = Prompts({**self.texts, **own}, name, self.pooled)
        if name is not None:
            made.chosen(name=name)
        return made

    def of_documents(self) -> str:
        """The name of the prompt for what is searched, as sentence-transformers looks for it."""
        return next(name for name in ("document", "passage", "corpus") if name in self.texts)

    def chosen(self, prompt: str | None = None, name: str | None = None) -> str:
        """The text that was asked for, itself or by name; by default the model's own, or none.

        Raises ParameterError for both, for a name that is not known, and for what is no text.
        """
        if prompt is not None and name is not None:
            raise ParameterError("prompt and prompt_name: found both; expected one of them")
        for argument, value in (("prompt", prompt), ("prompt_name", name)):
            if value is not None and not isinstance(value, str):
                raise ParameterError(f"{argument}: found {value!r:.80}; expected a str or None")
        if prompt is not None:
            return prompt
        name = self.default if name is None else name
        if name is None:
            return ""
        if name not in self.texts:
            raise ParameterError(
                f"prompt_name: {name!r:.80}; this model knows {', '.join(self.texts)}. "
                "Give the prompt's text as prompt"
            )
        return self.texts[name]

    def of_every_text(self) -> str:
        """The default prompt's text, for who pools all pieces of a text.

        Raises ParameterError where the model leaves the prompt's pieces out.
        """
        put = self.chosen()
        if put and not self.pooled:
            raise ParameterError(
                f"the model's default prompt {put[:80]!r} has no part in pooling (include_prompt "
                "is false), which only Encoder.encode computes; use that"
            )
        return put
