"""The FastAPI CRM over HTTP: the same timeline for three members, and the sync in the background."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from serving import EXAMPLES, synced_fastapi

HERE = EXAMPLES / "fastapi_crm"
MEMBERS = ("mia", "ben", "lena")
SHOWN = {"metadata": 1, "subject": 2, "everything": 3}


@pytest.fixture
def ask(fastapi_server: str) -> Iterator[SimpleNamespace]:
    """A client for each member, and one for nobody."""
    clients = {name: httpx.Client(base_url=fastapi_server, headers={"X-Member": name}) for name in MEMBERS}
    for name, client in clients.items():
        client.post(f"/sign-in/{name}")
    clients["nobody"] = httpx.Client(base_url=fastapi_server)
    yield SimpleNamespace(**clients)
    for client in clients.values():
        client.close()


def entries(client: httpx.Client, **query: Any) -> dict[str, dict[str, Any]]:
    page = client.get("/api/timeline", params={"limit": 200, **query})
    assert page.status_code == 200, page.text
    return {entry["key"]: entry for entry in page.json()["entries"]}


def text_of(entry: dict[str, Any]) -> str:
    record = entry["record"]
    return record.get("text") or record.get("description") or ""


def title_of(entry: dict[str, Any]) -> str:
    record = entry["record"]
    return record.get("subject") or record.get("summary") or ""


# -- who is asking


def test_who_says_nothing_gets_nothing(ask: SimpleNamespace) -> None:
    paths = ("/api/timeline", "/api/people", "/api/companies", "/api/sync", "/api/records/x")

    assert {401} == {ask.nobody.get(path).status_code for path in paths}
    assert 401 == ask.nobody.get("/api/timeline", headers={"X-Member": "eve"}).status_code
    pages = [ask.nobody.get(path) for path in ("/", "/settings/accounts")]
    assert [303] * 2 == [answer.status_code for answer in pages]
    assert all(answer.headers["location"].startswith("/sign-in") for answer in pages)


# -- the same timeline, as each may see it


def test_what_is_hidden_is_absent_and_named(ask: SimpleNamespace) -> None:
    for entry in entries(ask.lena).values():
        assert not set(entry["hidden"]) & set(entry["record"])
        assert (SHOWN[entry["level"]] < 2) == bool({"subject", "summary"} & set(entry["hidden"]))
        assert (SHOWN[entry["level"]] < 3) == bool({"text", "description"} & set(entry["hidden"]))


def test_no_hidden_text_is_anywhere_in_what_a_colleague_gets(ask: SimpleNamespace) -> None:
    mine = {**entries(ask.ben), **{k: e for k, e in entries(ask.mia).items() if e["why"] == "owner"}}
    seen = entries(ask.lena)
    said = " ".join(
        ask.lena.get(path).text
        for path in ("/api/timeline?limit=200", "/", "/meetings", *(f"/records/{key}" for key in mine))
    )
    whole = {key for key, entry in seen.items() if entry["level"] == "everything"}
    hidden = [text_of(entry)[:60] for key, entry in mine.items() if key not in whole]
    titles = [title_of(e) for k, e in mine.items() if k not in seen]

    assert len([text for text in hidden if text]) > 10
    assert ["Ihr Sicherheitscode für unser Lieferantenportal", "Your verification code"] == sorted(
        t for t in titles if "ode" in t
    )
    for text in (*filter(None, hidden), *titles):
        assert text not in said


def test_a_held_record_is_there_for_its_owner_only(ask: SimpleNamespace) -> None:
    (key,) = entries(ask.mia, text="Sicherheitscode")

    assert [200, 404, 404] == [client.get(f"/api/records/{key}").status_code for client in (ask.mia, ask.ben, ask.lena)]
    assert [200, 404] == [client.get(f"/records/{key}").status_code for client in (ask.mia, ask.lena)]


def test_a_search_tells_nothing_of_what_is_hidden(ask: SimpleNamespace) -> None:
    """The word is in the text of a mail whose subject Lena sees."""
    assert 1 == len(entries(ask.mia, text="film"))
    assert {} == entries(ask.lena, text="film")
    assert 2 == len(entries(ask.lena, text="studio"))


def test_pages_over_http_add_up_and_lead_back(ask: SimpleNamespace) -> None:
    whole = list(entries(ask.mia))
    pages, after = [], None
    while True:
        page = ask.mia.get("/api/timeline", params={"limit": 7, **({"after": after} if after else {})}).json()
        pages.append([entry["key"] for entry in page["entries"]])
        previous, after = page["previous"], page["next"]
        if after is None:
            break
    back = ask.mia.get("/api/timeline", params={"limit": 7, "before": previous}).json()

    assert whole == [key for page in pages for key in page]
    assert pages[-2] == [entry["key"] for entry in back["entries"]]


@pytest.mark.parametrize("path", ["/api/timeline?after=rubbish", "/?after=rubbish", "/people?before=x"])
def test_an_address_changed_by_hand_is_a_plain_no(path: str, ask: SimpleNamespace) -> None:
    answer = ask.mia.get(path)

    assert 400 == answer.status_code
    assert "There is no such page. Begin at the first." in answer.text


def test_people_and_companies_come_with_what_the_member_sees_of_them(ask: SimpleNamespace) -> None:
    counts = {
        name: {p["addresses"][0]: p["records"] for p in getattr(ask, name).get("/api/people").json()["entries"]}
        for name in ("mia", "lena")
    }
    companies = ask.lena.get("/api/companies", params={"name": "nordlicht"}).json()["entries"]

    assert (1, 0) == tuple(counts[name]["p.lange@nordlicht-solar.example"] for name in ("mia", "lena"))
    assert [("Nordlicht Solar", 3, 5)] == [(c["company"]["name"], c["people"], c["records"]) for c in companies]


def test_postgresql_answers_as_sqlite_does(postgres_url: str, tmp_path: Path, ask: SimpleNamespace) -> None:
    with synced_fastapi(postgres_url, tmp_path) as base:
        for name in MEMBERS:
            with httpx.Client(base_url=base, headers={"X-Member": name}) as client:
                assert entries(getattr(ask, name)) == entries(client)
                people = [c.get("/api/people").json()["entries"] for c in (client, getattr(ask, name))]
                assert [p["addresses"] for p in people[0]] == [p["addresses"] for p in people[1]]


# -- the pages, but for how they look


@pytest.mark.parametrize("name", MEMBERS)
def test_every_page_opens_and_is_kept_by_no_cache(name: str, ask: SimpleNamespace) -> None:
    client = getattr(ask, name)
    paths = ["/", "/meetings", "/people", "/companies", "/settings/accounts", "/sign-in", "/?kind=event&text=line"]
    paths += ["/people/john.doe@brightwater.example", "/people/ben@acme.example", "/companies/brightwater.example"]
    paths += [f"/records/{key}" for key in list(entries(client))[::4]]

    answers = [client.get(path) for path in paths]

    assert [(200, "no-store")] * len(paths) == [(a.status_code, a.headers["cache-control"]) for a in answers]
    assert all("script" not in a.headers["content-security-policy"] for a in answers)


def test_what_somebody_typed_is_text_and_never_markup(ask: SimpleNamespace) -> None:
    page = ask.mia.get("/", params={"text": '"><script>alert(1)</script>'}).text

    assert "<script" not in page
    assert "&lt;script&gt;" in page


# -- the worker beside the requests


def test_a_run_can_be_asked_for_and_watched(ask: SimpleNamespace) -> None:
    before = ask.mia.get("/api/sync").json()
    started = ask.mia.post("/api/sync")
    deadline = time.monotonic() + 20
    status = ask.mia.get("/api/sync").json()
    while any(card["running"] or card["last_good"] == before[key]["last_good"] for key, card in status.items()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
        status = ask.mia.get("/api/sync").json()

    assert (202, {"started_by": "mia"}) == (started.status_code, started.json())
    assert {"mia-mail", "mia-calendar"} == set(status)  # one's own
    assert {"Up to date"} == {card["title"] for card in status.values()}


def test_no_endpoint_blocks_the_event_loop() -> None:
    """FastAPI runs a plain `def` in a thread; an `async def` that asks the storage would stop every other request."""
    code = (
        "import inspect, main\n"
        "parts = [main.api, main.pages, main.connecting, main.mailboxes, main.settings, main.blocklist]\n"
        "parts += [main.overview]\n"
        "routes = [r for part in parts for r in part.router.routes]\n"
        "print(len(routes) > 30, [r.path for r in routes if inspect.iscoroutinefunction(r.endpoint)])"
    )

    said = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=False)

    assert "True []\n" == said.stdout, said.stderr
