"""The FastAPI CRM over HTTP: the same timeline for three members, and the sync in the background."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from serving import EXAMPLES, synced_fastapi

from crmsync import Channel, Policy
from crmsync.stores.sql import SqlStorage
from crmsync.testing import FakeMailbox, message

HERE = EXAMPLES / "fastapi_crm"
MEMBERS = ("mia", "ben", "lena")
SHOWN = {"metadata": 1, "subject": 2, "everything": 3}


@pytest.fixture
def ask(fastapi_server: str) -> Iterator[SimpleNamespace]:
    """A client for each member, and one for nobody."""
    clients = {name: httpx.Client(base_url=fastapi_server, headers={"X-Member": name}) for name in MEMBERS}
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
    assert [("/who", 303)] * 2 == [
        (answer.headers["location"], answer.status_code) for answer in map(ask.nobody.get, ("/", "/channels"))
    ]


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

    assert (400, "There is no such page. Begin at the first.") == (answer.status_code, answer.json()["detail"])


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


# -- what an owner may change


def test_visibility_holds_at_once_and_is_its_owner_s_to_change(ask: SimpleNamespace) -> None:
    try:
        refused = [client.post("/channels/mia-mail/everything").status_code for client in (ask.lena, ask.ben)]
        before = len(entries(ask.lena, text="film"))
        ask.mia.post("/channels/mia-mail/everything")
        after = len(entries(ask.lena, text="film"))
    finally:
        ask.mia.post("/channels/mia-mail/subject")

    assert [404, 404] == refused
    assert (0, 1, 0) == (before, after, len(entries(ask.lena, text="film")))


def test_an_owner_shares_one_record_otherwise(ask: SimpleNamespace) -> None:
    (key,) = entries(ask.mia, text="film")
    try:
        refused = ask.lena.post(f"/records/{key}/everything").status_code
        ask.mia.post(f"/records/{key}/everything")
        shown = ask.lena.get(f"/api/records/{key}").json()
    finally:
        ask.mia.post(f"/records/{key}/as-usual")

    assert (404, "everything", "override") == (refused, shown["level"], shown["why"])
    assert "subject" == ask.lena.get(f"/api/records/{key}").json()["level"]


# -- the pages, but for how they look


@pytest.mark.parametrize("name", MEMBERS)
def test_every_page_opens_and_is_kept_by_no_cache(name: str, ask: SimpleNamespace) -> None:
    client = getattr(ask, name)
    paths = ["/", "/meetings", "/people", "/companies", "/channels", "/who", "/?kind=event&text=line"]
    paths += ["/people/john.doe@brightwater.example", "/people/ben@acme.example", "/companies/brightwater.example"]
    paths += [f"/records/{key}" for key in list(entries(client))[::4]]

    answers = [client.get(path) for path in paths]

    assert [(200, "no-store")] * len(paths) == [(a.status_code, a.headers["cache-control"]) for a in answers]
    assert all("script" not in a.headers["content-security-policy"] for a in answers)


def test_what_somebody_typed_is_text_and_never_markup(ask: SimpleNamespace) -> None:
    page = ask.mia.get("/", params={"text": '"><script>alert(1)</script>'}).text

    assert "<script" not in page
    assert "&lt;script&gt;" in page


# -- the job


def test_a_run_can_be_asked_for_and_watched(ask: SimpleNamespace) -> None:
    started = ask.mia.post("/api/sync")
    deadline = time.monotonic() + 10
    while (status := ask.mia.get("/api/sync").json())["running"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    assert (202, {"started_by": "mia"}) == (started.status_code, started.json())
    assert {"mia-mail", "mia-calendar"} == set(status["channels"])  # one's own
    assert {"up to date"} == {channel["state"] for channel in status["channels"].values()}


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example's module `job`, in this process for one test."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.delitem(sys.modules, "workspace", raising=False)
    monkeypatch.delitem(sys.modules, "job", raising=False)
    yield import_module("job")
    for name in ("job", "workspace"):
        sys.modules.pop(name, None)


def test_one_run_at_a_time_shows_how_far_it_is_and_a_failure_stops_no_other_channel(job: Any) -> None:
    halfway, go_on = threading.Event(), threading.Event()

    def stop_once() -> None:
        if not halfway.is_set() and job_.status["a-mail"].done:
            halfway.set()
            go_on.wait(10)

    box = FakeMailbox(*(message(str(n)) for n in range(6)), page_size=2)
    box.on_page = stop_once
    channels = {key: Channel(key=key, owner="mia", addresses={"me@acme.com"}) for key in ("a-mail", "b-mail")}

    def provider(channel: Channel) -> Any:
        if channel.key == "b-mail":
            raise job.CrmSyncError("the file is not there")
        return box

    with SqlStorage("sqlite://") as storage:
        for channel in channels.values():
            storage.save_channel(channel)
        workspace = SimpleNamespace(channels=channels, policy=Policy(), provider=provider)
        job_ = job.Job(storage, workspace)
        first = threading.Thread(target=job_.run)
        first.start()
        assert halfway.wait(10)
        while_running = (job_.running, job_.status["a-mail"].state, job_.status["a-mail"].done)
        job_.run()  # returns at once
        still_one = job_.status["a-mail"].done
        go_on.set()
        first.join(10)

    assert (True, "running", 2) == while_running
    assert 2 == still_one
    assert not job_.running
    assert ("up to date", 6) == (job_.status["a-mail"].state, job_.status["a-mail"].done)
    assert ("failed", "the file is not there") == (job_.status["b-mail"].state, job_.status["b-mail"].error)


def test_no_endpoint_blocks_the_event_loop() -> None:
    """FastAPI runs a plain `def` in a thread; an `async def` that asks the storage would stop every other request."""
    code = (
        "import inspect, main\n"
        "routes = [r for router in (main.api.router, main.pages.router) for r in router.routes]\n"
        "print(len(routes), [r.path for r in routes if inspect.iscoroutinefunction(r.endpoint)])"
    )

    said = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=False)

    assert "19 []\n" == said.stdout, said.stderr
