"""Parameters that are saved: each kind says how its values become JSON."""

from __future__ import annotations

from typing import Any

import pytest

from embedpipe.errors import ParameterError
from embedpipe.params import HasParams, Kind, Param, anything


def test_kinds_say_how_their_values_become_json() -> None:
    class Range(HasParams):
        limits = Param("limits", Kind("a range", _a_range, list, _range))
        free = Param("free", anything)

    stage = Range(limits=range(2, 5), free={"a": [1, None]})
    values, defaults = stage.saved_values()
    assert (values, defaults) == ({"free": {"a": [1, None]}, "limits": [2, 3, 4]}, {})
    other = Range()
    other.restore_values(values, defaults)
    assert other.extractParamMap() == stage.extractParamMap()
    with pytest.raises(ParameterError, match="limits is saved as 'no'"):
        other.restore_values({"limits": "no"}, {})
    with pytest.raises(ParameterError, match="no parameter 'limit'; did you mean limits"):
        other.restore_values({"limit": []}, {})


def _a_range(value: Any) -> range:
    if not isinstance(value, range):
        raise TypeError("no range")
    return value


def _range(stored: Any) -> range:
    if not isinstance(stored, list):
        raise TypeError("no list")
    return range(stored[0], stored[-1] + 1)
