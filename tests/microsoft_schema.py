"""Microsoft's own description of Graph, out of the `msgraph-sdk` wheel, and whether an answer fits it.

`microsoft_schema.json` is made of a wheel that is read as a zip and never installed:

    pip download --no-deps msgraph-sdk && python tests/microsoft_schema.py msgraph_sdk-*.whl

With `--check` it says whether the file is stale, and changes nothing.
"""

from __future__ import annotations

import ast
import base64
import binascii
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import mock
from zipfile import ZipFile

FILE = Path(__file__).with_suffix(".json")
MODELS, BUILDERS = "msgraph/generated/models/", "msgraph/generated/"
TYPES = (
    "entity outlookItem directoryObject message mailFolder attachment fileAttachment itemAttachment "
    "referenceAttachment internetMessageHeader itemBody recipient emailAddress followupFlag dateTimeTimeZone "
    "uploadSession event calendar calendarGroup attendeeBase attendee responseStatus location physicalAddress "
    "patternedRecurrence recurrencePattern recurrenceRange onlineMeetingInfo subscription user mailboxSettings "
    "automaticRepliesSetting localeInfo workingHours timeZoneBase organization verifiedDomain"
).split()
PLACES = (
    "users/item/mail_folders/", "users/item/messages/", "users/item/send_mail/", "users/item/mailbox_settings/",
    "users/item/calendar/", "users/item/calendars/", "users/item/calendar_groups/", "users/item/calendar_view/",
    "users/item/events/", "users/item/user_item_request_builder.py", "subscriptions/",
    "organization/organization_request",
)  # fmt: skip
_SCALARS = {
    "str": "string", "bool": "boolean", "int": "integer", "float": "number", "datetime": "datetime", "date": "date",
    "time": "time", "bytes": "bytes", "uuid": "string", "timedelta": "string",
}  # fmt: skip

Schema = dict[str, Any]


# -- made of a wheel


def made_of(wheel: Path) -> Schema:
    """Read a wheel's models and request builders."""
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())

        def source(name: str) -> ast.Module:
            return ast.parse(archive.read(name))

        types = {name: _type(source(f"{MODELS}{_snake(name)}.py")) for name in TYPES}
        enums = {}
        for field in [field for one in types.values() for field in one["fields"].values()]:
            plain = field.strip("[]")
            if plain.startswith("enum "):
                enums[plain[5:]] = _values(source(f"{MODELS}{_snake(plain[5:])}.py"))
        paths: dict[str, list[str]] = {}
        for name in sorted(names):
            if name.endswith("request_builder.py") and name.removeprefix(BUILDERS).startswith(PLACES):
                path, verbs = _path(source(name))
                if path and verbs:
                    paths[path] = verbs
    version = wheel.name.split("-")[1]
    return {"version": version, "types": types, "enums": dict(sorted(enums.items())), "paths": paths}


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]


def _type(module: ast.Module) -> Schema:
    made = next(node for node in module.body if isinstance(node, ast.ClassDef))
    bases = [base.id for base in made.bases if isinstance(base, ast.Name)]
    base = next((one for one in bases if one not in {"AdditionalDataHolder", "BackedModel", "Parsable"}), None)
    fields = {}
    for node in ast.walk(made):
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict) and _named(node.target) == "fields":
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                assert isinstance(key, ast.Constant)
                assert isinstance(value, ast.Lambda)
                assert isinstance(value.body, ast.Call)
                fields[str(key.value)] = _kind(value.body.args[2])
    return {"base": _camel(base) if base else None, "fields": fields}


def _kind(call: ast.expr) -> str:
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Attribute)
    what = call.func.attr.removeprefix("get_").removesuffix("_values").removesuffix("_value")
    many = what.startswith("collection_of_")
    what = what.removeprefix("collection_of_")
    if what in {"object", "enum", "primitive"}:
        (argument,) = call.args
        named = _named(argument)
        made = {"object": _camel(named), "enum": f"enum {_camel(named)}"}.get(what) or _SCALARS[named]
    else:
        made = _SCALARS[what]
    return f"[{made}]" if many else made


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _values(module: ast.Module) -> list[str]:
    made = next(node for node in module.body if isinstance(node, ast.ClassDef))
    return [
        constant.value
        for node in made.body
        if isinstance(node, ast.Assign)
        for constant in ast.walk(node.value)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    ]


def _path(module: ast.Module) -> tuple[str, list[str]]:
    templates = [
        node.args[1].value
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "__init__"
        and len(node.args) == 3
        and isinstance(node.args[1], ast.Constant)
    ]
    verbs = sorted(
        node.name.upper()
        for node in ast.walk(module)
        if isinstance(node, ast.AsyncFunctionDef) and node.name in {"get", "post", "patch", "put", "delete"}
    )
    if not templates or not isinstance(templates[0], str):
        return "", []
    bare = re.sub(r"\{\?[^}]*\}|\?.*$", "", templates[0].removeprefix("{+baseurl}/"))
    return re.sub(r"\{[^}]*\}", "{}", bare), verbs


# -- looked up


@lru_cache
def schema() -> Schema:
    found: Schema = json.loads(FILE.read_text(encoding="utf-8"))
    return found


@lru_cache
def fields_of(kind: str) -> dict[str, str]:
    """Return a type's fields, those of its bases too."""
    one = schema()["types"][kind]
    return {**(fields_of(one["base"]) if one["base"] else {}), **one["fields"]}


COLLECTIONS = {
    "messages.list": "message", "messages.delta": "message", "mailFolders.list": "mailFolder",
    "mailFolders.delta": "mailFolder", "mailFolders.childFolders.list": "mailFolder",
    "messages.attachments.list": "attachment", "events.attachments.list": "attachment", "calendars.list": "calendar",
    "calendarGroups.list": "calendarGroup", "calendarView.list": "event", "calendarView.delta": "event",
    "events.list": "event", "events.instances": "event", "subscriptions.list": "subscription",
    "organization.list": "organization",
}  # fmt: skip
SINGLE = {
    "messages.get": "message", "messages.create": "message", "messages.update": "message", "messages.move": "message",
    "messages.copy": "message", "messages.createReply": "message", "messages.createReplyAll": "message",
    "messages.createForward": "message", "messages.attachments.get": "attachment",
    "events.attachments.get": "attachment", "messages.attachments.create": "attachment",
    "messages.attachments.createUploadSession": "uploadSession", "mailFolders.get": "mailFolder",
    "mailFolders.create": "mailFolder", "mailFolders.update": "mailFolder",
    "mailFolders.childFolders.create": "mailFolder", "calendars.get": "calendar", "events.get": "event",
    "subscriptions.create": "subscription", "subscriptions.get": "subscription",
    "subscriptions.update": "subscription", "users.get": "user", "users.mailboxSettings": "mailboxSettings",
}  # fmt: skip


def misfits(method: str, answer: object) -> list[str]:
    """Return what in an answer does not fit: unknown fields, other types, values that an enumeration lacks."""
    if method in COLLECTIONS:
        if not isinstance(answer, dict) or not isinstance(answer.get("value"), list):
            return ["no collection"]
        wrong = [name for name in answer if name != "value" and "@odata." not in name]
        return [*wrong, *_misfits(f"[{COLLECTIONS[method]}]", answer["value"], "")]
    if method in SINGLE:
        return list(_misfits(SINGLE[method], answer, ""))
    return []


def _misfits(kind: str, value: object, where: str) -> Iterator[str]:
    name = where or "the answer"
    if value is None:
        return
    if kind.startswith("["):
        if not isinstance(value, list):
            yield f"{name}: {type(value).__name__} is no list"
            return
        for one in value:
            yield from _misfits(kind[1:-1], one, f"{where}[]")
    elif kind.startswith("enum "):
        if value not in schema()["enums"][kind[5:]]:
            yield f"{name}: {value!r} is no {kind[5:]}"
    elif kind in _CHECKS:
        if not _CHECKS[kind](value):
            yield f"{name}: {str(value)[:40]!r} is no {kind}"
    elif kind not in schema()["types"]:
        yield f"{name}: {kind} is not described here"
    elif not isinstance(value, dict):
        yield f"{name}: {type(value).__name__} is no {kind}"
    else:
        said = str(value.get("@odata.type", "")).removeprefix("#microsoft.graph.")
        known = fields_of(_camel(said) if said and _camel(said) in schema()["types"] else kind)
        for field, inner in value.items():
            if field in known:
                yield from _misfits(known[field], inner, f"{where}.{field}")
            elif not field.startswith(("@odata.", "@removed")):
                yield f"{where}.{field}: unknown field"


def _datetime(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _bytes(value: object) -> bool:
    try:
        return isinstance(value, str) and base64.b64decode(value, validate=True) is not None
    except binascii.Error:
        return False


_CHECKS = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "datetime": _datetime,
    "date": lambda value: isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value)),
    "time": lambda value: isinstance(value, str) and bool(re.fullmatch(r"\d\d:\d\d:\d\d(\.\d+)?", value)),
    "bytes": _bytes,
}


@contextmanager
def every_answer_checked() -> Iterator[None]:
    """Check whatever loopback servers answer meanwhile, inside of batches too, by Microsoft's words."""
    from crmsync.testing.microsoft import server
    from crmsync.testing.microsoft.routes import Answer, Call, Index, Route

    wrong: dict[str, None] = {}

    def checked(route: Route) -> Route:
        def handler(call: Call) -> Answer:
            answer = route.handler(call)
            if isinstance(answer, dict):
                wrong.update(dict.fromkeys(f"{route.name}: {one}" for one in misfits(route.name, answer)))
            return answer

        return replace(route, handler=handler)

    with mock.patch.object(server, "ROUTES", Index(checked(route) for route in server.ROUTES.routes)):
        yield
    assert not wrong, "; ".join(wrong)


def main(arguments: list[str]) -> int:
    made = made_of(Path(arguments[-1]))
    text = json.dumps(made, separators=(",", ":")).replace('"fields":{', '"fields":{\n').replace("},", "},\n") + "\n"
    if "--check" in arguments:
        same = {**made, "version": ""} == {**json.loads(FILE.read_text(encoding="utf-8")), "version": ""}
        print(f"{FILE.name} {'holds for' if same else 'is stale: make it again of'} msgraph-sdk {made['version']}")
        return 0 if same else 1
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
