"""Parameters as Spark ML has them: declared as data, set and read by methods made from the data.

A stage writes one `Param` per parameter, and one line that makes its setter and getter:

>>> class Cutter(HasParams):
...     maxLength = Param("longest text, in characters", integer(minimum=1), default=80)
...     setMaxLength, getMaxLength = maxLength.accessors()
>>> Cutter(maxLength=20).setMaxLength(30).getMaxLength()
30

What a stage does with its parameters is in `embedpipe.stages`.
"""

from embedpipe.params.has_params import HasParams
from embedpipe.params.kinds import Kind, anything, boolean, choice, integer, string, strings
from embedpipe.params.param import Param, accessor_name

__all__ = [
    "HasParams",
    "Kind",
    "Param",
    "accessor_name",
    "anything",
    "boolean",
    "choice",
    "integer",
    "string",
    "strings",
]
