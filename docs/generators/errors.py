"""The errors, from their module."""

from __future__ import annotations

import inspect

from crmsync import errors

from .markdown import code, docstring, first_sentence, table


def tree() -> str:
    """Return what the module says of itself: the tree, and what is no error."""
    return docstring(inspect.cleandoc(errors.__doc__ or "")).partition("\n")[2]


def each() -> str:
    """Return a table of all errors: what they mean, what they carry."""
    rows = []
    for name, error in vars(errors).items():
        if isinstance(error, type) and issubclass(error, errors.CrmSyncError):
            rows.append((code(name), first_sentence(inspect.getdoc(error) or ""), ", ".join(_carried(error)) or "–"))
    return table(["error", "meaning", "carries"], rows)


def _carried(error: type[errors.CrmSyncError]) -> list[str]:
    own = [n for n in inspect.signature(error).parameters if n != "message"] if "__init__" in vars(error) else []
    return [code(f".{name}") for name in own]


GENERATORS = {"errors.tree": tree, "errors.each": each}
