"""Every error and warning of embedpipe; the messages stand beside their checks.

    EmbedpipeError
    ├── ParameterError (ValueError)             a bad setter, argument or environment variable
    │   └── UnsupportedPatternError             a regular expression that only Java can carry out
    ├── ColumnError (ValueError)                a pipeline's input column, missing or mistyped
    ├── InputError (ValueError)                 data that cannot be processed
    ├── ModelNotFoundError (FileNotFoundError)  no model of that name or at that path
    │   └── DownloadError                       known, but no source gives it
    ├── ModelFormatError (ValueError)           files damaged, incomplete or contradictory
    ├── OutputError (OSError)                   a result that cannot be written
    ├── TrainingError (ArithmeticError)         training that cannot go on
    ├── MissingDependencyError (ImportError)    an optional package or the compiled core
    └── NotHereError (ImportError)              a name of Spark NLP's that there is not

    EmbedpipeWarning (UserWarning)
    ├── AmbiguousColumnWarning                  a text column that was chosen among several
    ├── IgnoredArgumentWarning                  an argument that means nothing here
    ├── TrainingDataWarning                     training data that was left out, or flatters
    ├── TruncationWarning                       texts that were cut
    └── UnknownSettingWarning                   a model's files state what nobody here knows

Each message names the thing, what was found, what was expected and what to do next.
"""

__all__ = [
    "AmbiguousColumnWarning",
    "ColumnError",
    "DownloadError",
    "EmbedpipeError",
    "EmbedpipeWarning",
    "IgnoredArgumentWarning",
    "InputError",
    "MissingDependencyError",
    "ModelFormatError",
    "ModelNotFoundError",
    "NotHereError",
    "OutputError",
    "ParameterError",
    "TrainingDataWarning",
    "TrainingError",
    "TruncationWarning",
    "UnknownSettingWarning",
    "UnsupportedPatternError",
]


class EmbedpipeError(Exception):
    """Base of all errors of this package: catch it to catch them all."""

    @property
    def remedy(self) -> str:
        """What to do next: the last sentence of the message, or what follows its last semicolon.

        >>> EmbedpipeError("column 'a' holds int; it must hold text. Cast it first").remedy
        'Cast it first'
        """
        message = str(self)
        begin = max(message.rfind(mark) for mark in (". ", "; "))
        return message[begin + 2 :] if begin >= 0 else message


class ParameterError(EmbedpipeError, ValueError):
    """A parameter, argument or environment variable has a value that is not allowed."""


class UnsupportedPatternError(ParameterError):
    """A regular expression is valid in Java, but cannot be expressed for Python's `re`."""


class ColumnError(EmbedpipeError, ValueError):
    """A pipeline stage asks for a column that is missing or of another type."""


class InputError(EmbedpipeError, ValueError):
    """The data cannot be processed: not text, piece ids out of range, an unreadable file."""


class ModelNotFoundError(EmbedpipeError, FileNotFoundError):
    """No model is known by this name, or nothing lies at this path."""


class DownloadError(ModelNotFoundError):
    """A model that is known cannot be fetched: no network, offline, or no source has it."""


class ModelFormatError(EmbedpipeError, ValueError):
    """A model's files are damaged, incomplete or contradict each other."""


class OutputError(EmbedpipeError, OSError):
    """A result cannot be written: no permission, no space, a directory in the way."""


class TrainingError(EmbedpipeError, ArithmeticError):
    """Training cannot go on: the loss, or a weight, is no finite number."""


class MissingDependencyError(EmbedpipeError, ImportError):
    """An optional package, or the compiled core, is not installed."""


class NotHereError(EmbedpipeError, ImportError):
    """A name of Spark NLP's or NLU's is not here; the message says what to use instead."""


def tell_place(error: Exception, stage: str, columns: list[str]) -> None:
    """Let an error know the stage that raised it and the columns that it read, unless it does."""
    if place_of(error) is None:
        error.__dict__["_place"] = (stage, list(columns))


def place_of(error: Exception) -> tuple[str, list[str]] | None:
    """The stage and the columns that `tell_place` told; None if nobody did."""
    found: tuple[str, list[str]] | None = vars(error).get("_place")
    return found


class EmbedpipeWarning(UserWarning):
    """Base of all warnings of this package: filter it to filter them all."""


class AmbiguousColumnWarning(EmbedpipeWarning):
    """A frame has several columns of text, and none that says which is meant."""


class IgnoredArgumentWarning(EmbedpipeWarning):
    """An argument of NLU's can mean nothing here."""


class TrainingDataWarning(EmbedpipeWarning):
    """Training data was left out, as it stands in the development data, too."""


class TruncationWarning(EmbedpipeWarning):
    """Texts were longer than the model reads, and only their beginnings count."""


class UnknownSettingWarning(EmbedpipeWarning):
    """A model's files state a setting that embedpipe does not know and passes over."""
