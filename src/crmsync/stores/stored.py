"""Values that another version of crmsync stored: what this one does not know of them is passed over."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import ValidationError

from ..model import Value

_V = TypeVar("_V", bound=Value)


def read_stored(kind: type[_V], text: str | bytes) -> _V:
    """Read a stored value; fields that a newer version has added are passed over, as rolling deploys need.

    Raises:
        ValidationError: it is damaged, or differs in more than that.

    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        if any(problem["type"] != "extra_forbidden" for problem in problems):
            raise
        data = json.loads(text)
        for problem in problems:
            *path, name = problem["loc"]
            _at(data, path).pop(name, None)
        return kind.model_validate_json(json.dumps(data))


def dump_beside(value: Value, there: str | bytes) -> str:
    """Return a value as it is stored, with what a newer version wrote of it beside: nothing of that is lost.

    Args:
        value: what is to be stored now.
        there: what is stored of it; it may be damaged, and is then replaced.

    """
    try:
        before = json.loads(there)
    except ValueError:
        before = {}
    known = type(value).model_fields
    newer = {name: one for name, one in before.items() if name not in known} if isinstance(before, dict) else {}
    return value.model_dump_json() if not newer else json.dumps({**value.model_dump(mode="json"), **newer})


def _at(data: Any, path: list[int | str]) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            continue  # the name of a member of a union, which stands in the path and not in the data
    return data if isinstance(data, dict) else {}
