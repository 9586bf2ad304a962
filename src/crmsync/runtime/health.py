"""Whether syncing works, for a host's health check: one question to the database, and a sentence."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import StorageError
from .sql import Lag, Workspaces

LATE = 900.0
"""Seconds by which a channel may be late: three polls."""


class Health(NamedTuple):
    """How it is."""

    ok: bool
    why: str
    """Empty where all is well."""
    lag: Lag | None = None


def health(workspaces: Workspaces, *, late: float = LATE) -> Health:
    """Tell whether the database answers and the workers keep up. Nothing is changed.

    Args:
        workspaces: where the channels are.
        late: seconds by which the channel that waits longest may be late.

    """
    try:
        lag = workspaces.claims.lag()
    except StorageError as error:
        return Health(ok=False, why=str(error))
    if lag.oldest > late:
        what = "no worker runs" if not lag.running else "the workers do not keep up: start more"
        return Health(
            ok=False, why=f"{what}; {lag.due} channels are due, the first {lag.oldest:.0f} seconds late", lag=lag
        )
    return Health(ok=True, why="", lag=lag)
