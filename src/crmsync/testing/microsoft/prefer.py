"""The `Prefer` header (RFC 7240): what a request would like, in any order and case, by commas or in one header each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from .wire import Request

_ONE = re.compile(r'([\w.-]+)\s*(?:=\s*(?:"([^"]*)"|([^\s,;]+)))?')


@dataclass(frozen=True)
class Prefer:
    """A request's wishes."""

    immutable: bool = False
    page_size: int | None = None
    body: Literal["text", "html"] | None = None
    unsafe_html: bool = False
    timezone: str | None = None
    applied: tuple[str, ...] = field(default=())
    """What `Preference-Applied` says."""

    @classmethod
    def of(cls, request: Request) -> Prefer:
        """Read them; what nobody knows is passed over."""
        said = {
            m[1].lower(): m[2] if m[2] is not None else m[3] for m in _ONE.finditer(request.headers.get("prefer", ""))
        }
        size, body = said.get("odata.maxpagesize") or said.get("maxpagesize"), said.get("outlook.body-content-type")
        immutable = (said.get("idtype") or "").lower() == "immutableid"
        applied = ['IdType="ImmutableId"'] if immutable else []
        applied += [f"odata.maxpagesize={size}"] if size else []
        applied += [f'outlook.body-content-type="{body}"'] if body else []
        applied += [f'outlook.timezone="{said["outlook.timezone"]}"'] if said.get("outlook.timezone") else []
        return cls(
            immutable,
            max(1, int(size)) if size and size.isdecimal() else None,
            "text" if body == "text" else "html" if body == "html" else None,
            "outlook.allow-unsafe-html" in said,
            said.get("outlook.timezone"),
            tuple(applied),
        )
