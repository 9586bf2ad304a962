"""How the documentation becomes a site, by `make site`: the pages as they are, the API from the code."""

from __future__ import annotations

import importlib.metadata

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring

import crmsync

project = "crmsync"
author = copyright = "the authors of crmsync"  # noqa: A001 - the name that Sphinx reads
version = release = importlib.metadata.version("crmsync")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
suppress_warnings = ["ref.python"]  # a short name that several classes have is shown, and leads nowhere
exclude_patterns = ["generators"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"crmsync {version}"
html_copy_source = False

_NOTHING = object()

default_role = "py:obj"
autodoc_member_order = "groupwise"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90


def _readable(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """Read Google's sections of a docstring; a field's text has none, and a colon in it names no type."""
    if lines and lines[0].startswith("Alias for field number"):  # what Python writes about fields by itself
        lines.clear()
    if what not in ("attribute", "data", "property"):
        lines[:] = GoogleDocstring(lines, Config(), app, what, name, value, options).lines()


def _told_at_the_door(app: Sphinx, _what: str, name: str, value: object, *_rest: object) -> bool | None:
    """Describe what `crmsync` itself offers on its page, and on no other."""
    return True if app.env.docname != "reference/api/crmsync" and value is getattr(crmsync, name, _NOTHING) else None


def setup(app: Sphinx) -> None:
    """Listen to what autodoc reads."""
    app.connect("autodoc-process-docstring", _readable)
    app.connect("autodoc-skip-member", _told_at_the_door)
