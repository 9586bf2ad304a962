"""Both CRMs in a browser: what an owner and a colleague see, and that hidden text is nowhere in the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import LOW, NARROW, WIDE, Browser, browser
from selenium.webdriver.support.ui import Select

TEXT = "Do you have anything small enough for a room of 30 square metres?"
"""What Kim writes to Mia, who shares the subjects of her mail and no more."""
SUBJECT = "Small folder for a print studio?"
CODE = "Sicherheitscode"
"""In a mail that nobody but Mia may know of."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browser")


# -- Django


@pytest.fixture(scope="module")
def admin(django_server: str, home: Path) -> Iterator[Browser]:
    with browser(django_server, home) as window:
        yield window


def sign_in(window: Browser, name: str) -> None:
    window.driver.delete_all_cookies()
    window.open("/login/")
    window.find("[name=username]").send_keys(name)
    window.find("[name=password]").send_keys("sample")
    window.click("[type=submit]")
    assert f"Welcome, {name}.".casefold() in window.find("#user-tools").text.casefold()


def test_django_shows_an_owner_all_of_their_mail(admin: Browser) -> None:
    sign_in(admin, "mia")
    admin.link("Timeline")
    admin.type("#searchbar", "studio")
    found = admin.all(".line .title")
    admin.click(".line .title", SUBJECT)
    admin.picture("django-record-mia")

    assert [f"Re: {SUBJECT}", SUBJECT] == found
    assert TEXT in " ".join(admin.find(".record").text.split())
    assert [] == admin.all(".withheld")
    assert "It is yours. The others see who and when, and the subject or title." in admin.find("aside").text


def test_django_shows_a_colleague_what_is_shared_and_says_what_is_not(admin: Browser) -> None:
    sign_in(admin, "lena")
    admin.link("Timeline")
    admin.picture("django-timeline-lena")
    admin.type("#searchbar", "studio")
    sources = [admin.source]
    admin.click(".line .title", SUBJECT)
    sources.append(admin.source)
    admin.picture("django-record-lena")
    hidden = admin.all(".withheld")
    admin.link("Kim Park")
    sources.append(admin.source)
    admin.picture("django-person-lena")

    assert ["text hidden", "attachments hidden"] == hidden
    assert "mia shares subject" in sources[0]
    for source in sources:
        assert SUBJECT in source
        assert TEXT[:25] not in source


def test_django_finds_for_a_colleague_nothing_that_is_hidden(admin: Browser) -> None:
    sign_in(admin, "lena")
    for word in ("square", CODE):
        admin.open(f"/crm/link/?q={word}")
        assert "0 records" in admin.find(".paginator").text
        assert 0 == admin.source.count(TEXT[:25])


def test_django_hides_at_once_what_its_owner_no_longer_shares(admin: Browser) -> None:
    def share(level: str) -> None:
        sign_in(admin, "mia")
        admin.link("Channels")
        admin.link("mia-mail")
        Select(admin.find("[name=visibility]")).select_by_value(level)
        admin.click("[name=_save]")
        assert "Visibility holds at once." in admin.find(".messagelist").text

    def what_lena_sees() -> tuple[list[str], list[str]]:
        sign_in(admin, "lena")
        admin.open("/crm/link/?kind=message&q=kim_park")
        return admin.all(".line .title"), admin.all(".line .withheld")

    try:
        share("metadata")
        metadata = what_lena_sees()
        hidden_source = admin.source
        share("private")
        private = what_lena_sees()
    finally:
        share("subject")

    assert ([], ["subject hidden"] * 2) == metadata
    assert SUBJECT not in hidden_source
    assert ([], []) == private


def test_django_explains_what_was_left_out(admin: Browser) -> None:
    sign_in(admin, "mia")
    admin.link("Ledger")
    admin.link("internal")
    admin.picture("django-ledger-mia")

    assert {"excluded: internal"} == set(admin.all(".badge"))
    assert "Everybody in it belongs to the workspace." in admin.find("#result_list").text


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_no_page_of_django_s_is_wider_than_its_window(size: tuple[int, int], admin: Browser) -> None:
    sign_in(admin, "lena")
    wider = {}
    for path in ("/", "/crm/person/", "/crm/company/", "/crm/link/", "/crm/decision/", "/crm/channel/"):
        admin.open(path)
        wider[path] = admin.overflow(size)
    admin.open("/crm/link/?q=plant")
    admin.click(".line .title", "Plant visit in Cork")
    admin.picture(f"django-record-{size[0]}", size)
    wider["record"] = admin.overflow(size)

    assert {0} == set(wider.values()), wider


# -- FastAPI


@pytest.fixture(scope="module")
def pages(fastapi_server: str, home: Path) -> Iterator[Browser]:
    with browser(fastapi_server, home / "other") as window:
        yield window


def be(window: Browser, name: str) -> None:
    window.driver.delete_all_cookies()
    window.open("/sign-in")
    window.click(f"button[value={name}]")
    assert name in window.find(".me").text


def test_fastapi_shows_an_owner_all_of_their_mail(pages: Browser) -> None:
    be(pages, "mia")
    pages.type("[name=text]", "studio")
    pages.click(".entry strong", f"Re: {SUBJECT}")
    pages.link("All 2 of this conversation")
    found = pages.all(".entry strong")
    pages.click(".entry strong", SUBJECT)
    pages.picture("fastapi-record-mia", LOW)

    assert [f"Re: {SUBJECT}", SUBJECT] == found
    assert TEXT in " ".join(pages.find(".text").text.split())
    assert [] == pages.all(".withheld")
    assert "It is in your own mailbox, so you see everything." in pages.find("aside").text


def test_fastapi_shows_a_colleague_what_is_shared_and_says_what_is_not(pages: Browser) -> None:
    be(pages, "lena")
    pages.picture("fastapi-timeline-lena")
    assert "title hidden" == pages.all(".withheld")[0]
    pages.type("[name=text]", "studio")
    sources = [pages.source]
    pages.click(".entry strong", SUBJECT)
    sources.append(pages.source)
    pages.picture("fastapi-record-lena", LOW)
    hidden, why = pages.all(".withheld"), pages.find("aside").text
    pages.link("Kim Park")
    sources.append(pages.source)
    pages.picture("fastapi-person-lena")

    assert ["text hidden", "attachments hidden"] == hidden
    assert "mia shares who, when and the subject of all mail." in why
    for source in sources:
        assert SUBJECT in source
        assert TEXT[:25] not in source


def test_fastapi_finds_for_a_colleague_nothing_that_is_hidden(pages: Browser) -> None:
    be(pages, "lena")
    for word in ("square", CODE):
        pages.open(f"/?text={word}")
        assert "Nothing that you may see." in pages.find("main").text
        assert 0 == len(pages.all(".entry"))


def test_fastapi_hides_at_once_what_its_owner_no_longer_shares(pages: Browser) -> None:
    def share(words: str) -> None:
        be(pages, "mia")
        pages.open("/settings/accounts/mailbox/sample of mia/mail")
        pages.find(f"[name=visibility][value={words}]").click()
        pages.go(pages.find("button[value=save]").click)

    def what_lena_sees() -> tuple[list[str], list[str]]:
        be(pages, "lena")
        pages.open("/people/kim_park_prints@gmail.com")
        return pages.all(".entry strong bdi"), pages.all(".entry .withheld")

    try:
        share("metadata")
        metadata = what_lena_sees()
        hidden_source = pages.source
        share("private")
        private = what_lena_sees()
    finally:
        share("subject")

    assert ([], ["subject hidden"] * 2) == metadata
    assert SUBJECT not in hidden_source
    assert ([], []) == private


def test_fastapi_s_meetings_and_channels_explain_themselves(pages: Browser) -> None:
    be(pages, "mia")
    pages.link("Meetings")
    pages.picture("fastapi-meetings-mia")
    meetings = pages.find("main").text
    pages.open("/settings/accounts/mailbox/sample of mia")
    pages.driver.find_elements("css selector", "summary")[0].click()

    assert meetings.index("To come") < meetings.index("Plant visit in Cork") < meetings.index("Past")
    assert "15 left out, and why" in pages.find("main").text
    assert "Everybody in it belongs to the workspace." in pages.find("main").text


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_no_page_of_fastapi_s_is_wider_than_its_window(size: tuple[int, int], pages: Browser) -> None:
    be(pages, "mia")
    wider = {}
    for path in ("/", "/meetings", "/people", "/companies", "/settings/accounts", "/companies/brightwater.example"):
        pages.open(path)
        wider[path] = pages.overflow(size)
    pages.picture(f"fastapi-company-{size[0]}", size)

    assert {0} == set(wider.values()), wider
