"""What a line of a timeline is found by: a facet is whose or which timeline it is."""

from __future__ import annotations

from ..reading import shortened

WHOLE = ""
"""Everybody's timeline."""


def of_address(address: str) -> str:
    """Return the timeline of an address."""
    return shortened(f"a {address}")


def of_company(domain: str) -> str:
    """Return the timeline of a company."""
    return shortened(f"c {domain}")


def of_thread(thread: str) -> str:
    """Return the timeline of a thread."""
    return shortened(f"t {thread}")
