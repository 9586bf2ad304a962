"""What the source says beside a value: the strings that follow an enum's members."""

from __future__ import annotations

import ast
import inspect


def enum_docs(cls: type) -> dict[str, str]:
    """Return the strings that follow an enum's members, by the members' values."""
    node = ast.parse(inspect.getsource(cls)).body[0]
    assert isinstance(node, ast.ClassDef)
    found = {}
    for statement, after in zip(node.body, [*node.body[1:], None], strict=True):
        match statement, after:
            case ast.Assign(value=ast.Constant(value=str(value))), ast.Expr(value=ast.Constant(value=str(text))):
                found[value] = inspect.cleandoc(text)
            case ast.Assign(value=ast.Constant(value=str(value))), _:
                found[value] = ""
    return found
