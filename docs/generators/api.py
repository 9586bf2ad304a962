"""The public names: signatures and docstrings."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Collection
from enum import Enum

from crmsync import CrmSyncError

from . import contract, source
from .markdown import code, docstring, table

MODULES = {
    "crmsync": "The names that every host needs.",
    "crmsync.rules": "The rules, each of use alone. What each says of examples: see [the rules](rules.md).",
    "crmsync.formats": "Bytes to values: MIME, iCalendar, HTML, quoted history. Pure, linear, never raising for input.",
    "crmsync.providers.imap": "Any mailbox (extra `imap`).",
    "crmsync.providers.smtp": "Sending from any mailbox (extra `imap`).",
    "crmsync.providers.caldav": "Any calendar over CalDAV (extra `caldav`).",
    "crmsync.providers.google.mail": "Gmail over its API (extra `google`).",
    "crmsync.providers.google.calendar": "Google Calendar over its API (extra `google`).",
    "crmsync.providers.google.oauth": "Google's consent and tokens.",
    "crmsync.providers.google.push": "Have Google push: begin, renew and end.",
    "crmsync.providers.google.pushed": "What Google pushes, verified.",
    "crmsync.providers.files": "What mail programs and Google Takeout export.",
    "crmsync.providers.network.access": "How to reach a server, and who asks.",
    "crmsync.providers.network.discovery": "From an address to its servers.",
    "crmsync.providers.web.consent": "OAuth's consent, whoever grants it.",
    "crmsync.providers.web.tokens": "Access tokens, refreshed once however many ask.",
    "crmsync.runtime": "Connected accounts, their secrets at rest (extra `accounts`).",
    "crmsync.stores.sql": "The bundled database (extra `sql`).",
    "crmsync.stores.reading": "What reading a bundled store returns.",
    "crmsync.stores.directory": "A host's own people and companies, for contacts to land in.",
    "crmsync.stores.migrations": "Older tables to newer ones, and back (extra `migrations`).",
    "crmsync.testing": "Fakes, and the contracts that your own storage and provider can be run against.",
    "crmsync.testing.google": "A Google on this machine: see [how to test with it](../how-to/test-against-google.md).",
    "crmsync.testing.machine": "The promises, checked over the random life of a tiny account (extra `testing`).",
    "crmsync.model": "The rest of the model: what the names above are made of.",
}


def everything() -> str:
    """Return a chapter for each public module; a name is described where it stands first."""
    seen: set[int] = set()
    chapters = []
    for module_name, intro in MODULES.items():
        module = importlib.import_module(module_name)
        entries = []
        for name in _public(module_name):
            value = getattr(module, name)
            if id(value) not in seen and not (inspect.isclass(value) and issubclass(value, CrmSyncError)):
                seen.add(id(value))
                entries.append(_entry(name, value, module_name))
        chapters.append(f"## {module_name}\n\n{intro}\n\n" + "\n".join(entries))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(chapters))


def _public(module_name: str) -> list[str]:
    module = importlib.import_module(module_name)
    own = [n for n, places in source.definitions().items() if any(p.module == module_name for p in places)]
    documented = [n for n in own if not n.startswith("_") and inspect.isclass(getattr(module, n, None))]
    return list(getattr(module, "__all__", documented))


def _entry(name: str, value: object, module_name: str) -> str:
    place = source.find(value, name, module_name)
    node = place.node
    if isinstance(node, ast.FunctionDef):
        return f"### {name}\n\n" + _function(node, inspect.getdoc(value) or "")
    if isinstance(node, ast.ClassDef):
        return f"### {name}\n\n" + _class(node, value)
    written = ast.unparse(node)
    if isinstance(node, ast.AnnAssign) and len(written) > 100:
        written = f"{name}: {ast.unparse(node.annotation)}"
    return f"### {name}\n\n```text\n{written}\n```\n\n{docstring(place.following)}"


def _function(node: ast.FunctionDef, doc: str) -> str:
    return f"```text\n{source.signature(node)}\n```\n\n{docstring(doc)}"


def _class(node: ast.ClassDef, value: object) -> str:
    parts = [docstring(ast.get_docstring(node) or "")]
    constructor = next((f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"), None)
    if constructor and (constructor.args.args[1:] or constructor.args.vararg):
        written = source.signature(constructor).replace("__init__", node.name, 1).removesuffix(" -> None")
        parts.append(f"```text\n{written}\n```\n\n{docstring(ast.get_docstring(constructor) or '')}")
    declared = source.fields(node)
    if isinstance(value, type) and issubclass(value, Enum):
        parts.append(_values(declared))
    elif declared:
        parts.append(table(["field", "type", "default", "meaning"], [_field(f) for f in declared]))
    given = contract.hooks(value) if isinstance(value, type) and contract.clauses(value) else None
    if node.name in contract.CONTRACTS:
        parts.append(f"[Its clauses](contract.md#{node.name.lower()}).\n")
    return "\n".join([*parts, *_methods(node, given)])


def _methods(node: ast.ClassDef, only: Collection[str] | None) -> list[str]:
    """Return a class's methods, of a contract the hooks, and by name only what a protocol says already."""
    methods = [m for m in source.methods(node) if only is None or m.name in only]
    said = {m.name: inspect.cleandoc(ast.get_docstring(m) or "") for m in methods}
    parts = []
    protocols: dict[str, list[str]] = {}
    for name, doc in said.items():
        if reference := re.fullmatch(r"See `(\w+)`\.", doc):
            protocols.setdefault(reference[1], []).append(code(name))
    parts += [f"As in [`{p}`](#{p.lower()}): {', '.join(names)}.\n" for p, names in protocols.items()]
    machine = any(ast.unparse(base) == "RuleBasedStateMachine" for base in node.bases)
    for method in methods:
        inherited = re.fullmatch(r"See `\w+`\.", said[method.name])
        step = machine and not method.name.startswith(("make_", "read_"))
        if inherited or step:
            continue
        if source.is_property(method):
            returns = ast.unparse(method.returns) if method.returns else ""
            parts.append(f"**`{method.name}`** → `{returns}`\n\n{docstring(said[method.name])}")
        else:
            parts.append(f"**`{method.name}`**\n\n" + _function(method, said[method.name]))
    return parts


def _values(members: list[source.Field]) -> str:
    said = [(code(ast.literal_eval(f.default or "")), f.doc) for f in members]
    if any(doc for _, doc in said):
        return table(["value", "meaning"], said)
    return f"Values: {', '.join(value for value, _ in said)}.\n"


_LIMITS = {
    "ge": "at least {}",
    "gt": "more than {}",
    "le": "at most {}",
    "min_length": "",
    "max_length": "",
    "pattern": "",
}


def _field(field: source.Field) -> tuple[str, str, str, str]:
    """Return a row for a field, with pydantic's `Annotated` and `Field` read into type, default and limits."""
    annotation = ast.parse(field.annotation or "object", mode="eval").body
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Annotated":
        annotation = annotation.slice.elts[0] if isinstance(annotation.slice, ast.Tuple) else annotation.slice
    default, doc = field.default, field.doc
    call = ast.parse(default or "None", mode="eval").body
    if isinstance(call, ast.Call) and ast.unparse(call.func) == "Field":
        said = {k.arg: k.value for k in call.keywords if k.arg}
        default = ast.unparse(said["default"]) if "default" in said else None
        if "default_factory" in said:
            default = f"{ast.unparse(said['default_factory'])}()"
        limits = [text.format(ast.unparse(said[k])) for k, text in _LIMITS.items() if k in said and text]
        doc = " ".join(filter(None, [doc, f"({', '.join(limits)})" if limits else ""]))
    kind = code(ast.unparse(annotation)) if field.annotation else ""
    return code(field.name), kind, code(default) if default else "required", doc


GENERATORS = {"api": everything}
