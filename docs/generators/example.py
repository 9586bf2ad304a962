"""What pages quote of the examples, so that it stands in one place only.

The plain example's storage becomes a `python` block, which the page's test executes. What is quoted of the others is a
`py` block: it needs its framework around it, and the tests of the examples run it.
"""

from __future__ import annotations

import ast
from functools import partial
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
STORAGE = EXAMPLES / "plain" / "storage.py"


def storage() -> str:
    """Return the storage of the plain example: its tables and its class, with the imports that these need."""
    source = STORAGE.read_text(encoding="utf-8")
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


def quote(path: str, *names: str) -> str:
    """Return classes, functions and constants of an example's module as they stand there, by name.

    Raises:
        KeyError: there is none of that name.

    """
    source = (EXAMPLES / path).read_text(encoding="utf-8")
    lines, found = source.splitlines(), {}
    for node in ast.parse(source).body:
        for name in _names(node):
            found[name] = "\n".join(lines[_first_line(node) - 1 : node.end_lineno])
    return "```py\n" + "\n\n\n".join([f"# examples/{path}", *(found[name] for name in names)]) + "\n```"


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _needed(node: ast.Import | ast.ImportFrom, used: set[str]) -> str:
    """Write an import again with the names that are used, or nothing where none is."""
    names = [alias.name for alias in node.names if (alias.asname or alias.name).partition(".")[0] in used]
    if not names:
        return ""
    return f"import {names[0]}" if isinstance(node, ast.Import) else f"from {node.module} import {', '.join(names)}"


_QUOTED = {
    "example.django.people": ("django_crm/crm/models.py", "LowerCaseField", "Person", "EmailAddress"),
    "example.django.link": ("django_crm/crm/models.py", "Stream", "Decision", "Link", "Participant"),
    "example.django.channel": ("django_crm/crm/models.py", "Channel"),
    "example.django.storage": ("django_crm/crm/storage.py", "NEWER", "OrmStorage"),
    "example.django.tests": ("django_crm/crm/tests.py", "Hooks", "StorageTest", "TwoWorkersTest"),
    "example.django.machine": ("django_crm/crm/tests.py", "OrmMachine", "RandomLifeTest"),
    "example.django.running": (
        "django_crm/crm/running.py",
        "policy",
        "provider",
        "run",
        "hosted",
        "workspace",
        "worker",
        "_held",
    ),
    "example.django.visibility": ("django_crm/crm/visibility.py", "OWNER", "LinkQuerySet", "_shown", "seen"),
    "example.fastapi.lifespan": ("fastapi_crm/main.py", "opened", "lifespan"),
    "example.fastapi.member": ("fastapi_crm/member.py", "session", "Here"),
    "example.fastapi.timeline": ("fastapi_crm/api.py", "as_json", "timeline"),
    "example.fastapi.reading": ("fastapi_crm/workspace.py", "reading"),
    "example.walk.setup": ("fastapi_crm/workspace.py", "Setup"),
    "example.walk.callback": ("fastapi_crm/connecting.py", "callback"),
    "example.walk.connected": ("fastapi_crm/connecting.py", "connected"),
    "example.walk.save": ("fastapi_crm/settings.py", "saved"),
    "example.walk.effect": ("fastapi_crm/settings.py", "effect"),
    "example.walk.left": ("fastapi_crm/mailboxes.py", "left"),
    "example.walk.form": ("fastapi_crm/web.py", "form"),
}

GENERATORS = {"example.storage": storage, **{name: partial(quote, *where) for name, where in _QUOTED.items()}}
