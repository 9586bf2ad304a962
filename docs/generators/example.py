"""What pages quote of the example, so that it stands in one place only."""

from __future__ import annotations

import ast
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "plain" / "storage.py"


def storage() -> str:
    """Return the storage of the example as a block: its tables and its class, with the imports that these need."""
    source = EXAMPLE.read_text(encoding="utf-8")
    body = ast.parse(source).body
    kept = [node for node in body if isinstance(node, ast.Assign | ast.ClassDef)]
    used = {n.id for node in kept for n in ast.walk(node) if isinstance(n, ast.Name)}
    imports = [line for node in body if isinstance(node, ast.Import | ast.ImportFrom) if (line := _needed(node, used))]
    constants = [ast.get_source_segment(source, node) for node in kept if isinstance(node, ast.Assign)]
    classes = [ast.get_source_segment(source, node) for node in kept if isinstance(node, ast.ClassDef)]
    standard = [line for line in imports if "crmsync" not in line]
    ours = [line for line in imports if "crmsync" in line]
    parts = ["\n".join(standard), "", *ours, "", *constants, "", "", *classes]
    return "```python\n" + "\n".join(str(part) for part in parts) + "\n```"


def _needed(node: ast.Import | ast.ImportFrom, used: set[str]) -> str:
    """Write an import again with the names that are used, or nothing where none is."""
    names = [alias.name for alias in node.names if (alias.asname or alias.name).partition(".")[0] in used]
    if not names:
        return ""
    return f"import {names[0]}" if isinstance(node, ast.Import) else f"from {node.module} import {', '.join(names)}"


GENERATORS = {"example.storage": storage}
