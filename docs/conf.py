"""How the documentation becomes a site, by `make site`: the pages as they are, the API from the code."""

from __future__ import annotations

import importlib.metadata

from sphinx.application import Sphinx

project = "crmsync"
author = copyright = "the authors of crmsync"  # noqa: A001 - the name that Sphinx reads
version = release = importlib.metadata.version("crmsync")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["generators"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"crmsync {version}"
html_copy_source = False

default_role = "py:obj"
autodoc_member_order = "groupwise"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90


def _readable(_app: Sphinx, what: str, _name: str, _value: object, _options: object, lines: list[str]) -> None:
    """Drop what Python writes about fields by itself, and let no colon in a field's text count as its type."""
    if lines and lines[0].startswith("Alias for field number"):
        lines.clear()
    if what in ("attribute", "data", "property") and lines:
        lines.insert(0, "")


def setup(app: Sphinx) -> None:
    """Listen to what autodoc reads, before napoleon does."""
    app.connect("autodoc-process-docstring", _readable, priority=400)
