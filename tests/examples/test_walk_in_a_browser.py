"""The walk in a real Chromium: each page as people see it, at desk and phone width, and what axe-core says of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browsing import NARROW, WIDE, Browser, browser
from walking import Walk, axe, walking

LENA = "lena@acme.example"
BOX = f"/settings/accounts/mailbox/{LENA}"


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with walking(tmp_path_factory.mktemp("browser-walk")) as served:
        yield served


@pytest.fixture
def window(walk: Walk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(walk.base, tmp_path_factory.mktemp("window")) as opened:
        opened.open("/sign-in")
        opened.click("button[value=lena]")
        yield opened
    walk.forget()


def connect(window: Browser, service: str = "google") -> None:
    window.open("/settings/accounts/add")
    window.find(f"form[action$='/{service}'] button").click()
    window.until("/mail")


def test_a_mailbox_is_connected_chosen_for_and_read(walk: Walk, window: Browser) -> None:
    connect(window)
    assert "Nothing is read before you have been through these." in window.find("main").text
    window.go(window.find("button[value=save]").click)
    assert "Calendar settings" == window.find("h1").text
    window.go(window.find("button[value=save]").click)
    walk.read(f"mail:{LENA}", f"calendar:{LENA}")
    window.open("/?text=offer")
    assert window.all(".entry strong")


@pytest.mark.slow
@pytest.mark.parametrize("service", ["google", "microsoft"])
def test_every_page_of_the_walk_fits_and_can_be_used_by_everybody(walk: Walk, window: Browser, service: str) -> None:
    wrong: list[str] = []
    name = LENA if service == "google" else "lena.berg@acme.example"
    box = f"/settings/accounts/mailbox/{name}"
    if service == "microsoft":
        walk.world.microsoft.identity.consent.address = name

    def look(picture: str, path: str = "") -> None:
        if path:
            window.open(path)
        window.picture(f"walk-{service}-{picture}", WIDE)
        wrong.extend(f"{picture}: {one}" for one in axe(window))
        if by := window.overflow(NARROW):
            wrong.append(f"{picture}: {by} pixels too wide")
        window.picture(f"walk-{service}-{picture}-phone", NARROW)

    look("accounts-empty", "/settings/accounts")
    look("add", "/settings/accounts/add")
    connect(window, service)
    look("mail")
    window.go(window.find("button[value=look]").click)
    look("mail-effect")
    window.go(window.find("button[value=save]").click)
    look("calendar")
    window.go(window.find("button[value=save]").click)
    look("importing")
    walk.read(f"mail:{name}", f"calendar:{name}")
    for picture, path in (
        ("accounts", "/settings/accounts"), ("status", box), ("timeline", "/?text=offer"), ("meetings", "/meetings"),
        ("people", "/people"), ("companies", "/companies"), ("person", "/people/ann.doe@brightwater.example"),
        ("blocklist", "/settings/blocklist?entry=brightwater.example"), ("disconnect", f"{box}/disconnect"),
        ("reconnect", f"{box}/reconnect"), ("nothing", "/nothing"),
    ):  # fmt: skip
        look(picture, path)
    window.open("/?text=offer&kind=message")
    window.go(lambda: window.find(".entry a").click())
    look("record")
    window.link("Share")
    look("share")

    assert [] == wrong
