"""What the source says of a public name: its signature as written, its docstring, its fields with theirs."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from pathlib import Path
from typing import NamedTuple

import crmsync

SOURCE = Path(crmsync.__file__).parent

Definition = ast.ClassDef | ast.FunctionDef | ast.Assign | ast.AnnAssign


class Field(NamedTuple):
    """An attribute of a class, a member of an enum, or a constant."""

    name: str
    annotation: str
    default: str | None
    doc: str


class Place(NamedTuple):
    """Where a name is defined: its statement, and the string that follows it."""

    module: str
    node: Definition
    following: str


@cache
def definitions() -> dict[str, list[Place]]:
    """Return every top-level definition of the package by name."""
    found: dict[str, list[Place]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        module = ".".join(("crmsync", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for statement, after in zip(body, [*body[1:], None], strict=True):
            for name in _names(statement):
                assert isinstance(statement, Definition)
                found.setdefault(name, []).append(Place(module, statement, _string(after)))
    return found


def find(value: object, name: str, package: str) -> Place:
    """Return the definition of a public name of a package."""
    places = definitions()[name]
    module = getattr(value, "__module__", None)
    near = [p for p in places if f"{p.module}.".startswith(f"{package}.")]
    return next((p for p in places if p.module == module), (near or places)[0])


def fields(node: ast.ClassDef) -> list[Field]:
    """Return the public attributes that a class body declares, with the strings that follow them."""
    found = []
    for statement, after in zip(node.body, [*node.body[1:], None], strict=True):
        doc = _string(after)
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                default = None if value is None else ast.unparse(value)
                found.append(Field(name, ast.unparse(annotation), default, doc))
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.append(Field(name, "", ast.unparse(value), doc))
    return [f for f in found if not f.name.startswith("_") and f.name != "model_config"]


def methods(node: ast.ClassDef) -> list[ast.FunctionDef]:
    """Return the public methods and properties of a class that are documented."""
    functions = [f for f in node.body if isinstance(f, ast.FunctionDef) and not f.name.startswith("_")]
    return [f for f in functions if ast.get_docstring(f)]


def is_property(function: ast.FunctionDef) -> bool:
    """Tell whether a method is read like an attribute."""
    return any(ast.unparse(d).endswith("property") for d in function.decorator_list)


def signature(function: ast.FunctionDef) -> str:
    """Return a function's signature as it is written, one argument a line where it is long."""
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    parts = _parameters(function.args)
    line = f"{function.name}({', '.join(parts)}){returns}"
    if len(line) <= 100:
        return line
    return f"{function.name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){returns}"


def _parameters(arguments: ast.arguments) -> list[str]:
    missing = len(arguments.args) - len(arguments.defaults)
    defaults = [*([None] * missing), *arguments.defaults]
    parts = [_parameter(a, d) for a, d in zip(arguments.args, defaults, strict=True) if a.arg != "self"]
    if arguments.vararg:
        parts.append(f"*{_parameter(arguments.vararg, None)}")
    elif arguments.kwonlyargs:
        parts.append("*")
    parts += [_parameter(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return [*parts, f"**{_parameter(arguments.kwarg, None)}"] if arguments.kwarg else parts


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")


def enum_docs(cls: type) -> dict[str, str]:
    """Return the strings that follow an enum's members, by the members' values."""
    node = ast.parse(inspect.getsource(cls)).body[0]
    assert isinstance(node, ast.ClassDef)
    return {ast.literal_eval(f.default): f.doc for f in fields(node) if f.default is not None}


def _names(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)]):
            return [name]
    return []


def _string(statement: ast.stmt | None) -> str:
    match statement:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return inspect.cleandoc(text)
    return ""
