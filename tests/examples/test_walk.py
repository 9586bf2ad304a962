"""The walk without a browser: what pages answer to good and bad input, on loopback vendors and a real IMAP server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from walking import Client, MailHost, Walk, walking

from crmsync.providers.google.oauth import SCOPES, Feature
from crmsync.runtime import Service
from crmsync.testing.google import Consent as GoogleConsent
from crmsync.testing.google import Fault as GoogleFault

LENA = "lena@acme.example"
MAIL, CALENDAR = f"/settings/accounts/mailbox/{LENA}/mail", f"/settings/accounts/mailbox/{LENA}/calendar"
CHANNELS = (f"mail:{LENA}", f"calendar:{LENA}")
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e{{7*7}}'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with walking(tmp_path_factory.mktemp("walk")) as walk:
        yield walk


@pytest.fixture
def walk(served: Walk) -> Iterator[Walk]:
    yield served
    served.world.google.oauth.consent = GoogleConsent()
    served.forget()


@pytest.fixture
def lena(walk: Walk) -> Client:
    return walk.as_member("lena")


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def text(answer: httpx.Response) -> str:
    """What a page says, without its markup."""
    parser = _Text()
    parser.feed(answer.text)
    return " ".join(" ".join(parser.found).split())


def go_to_vendor(client: Client, service: str = "google") -> str:
    """Begin a consent, and return where the vendor sends the browser back to."""
    page = client.post(f"/settings/accounts/add/{service}").text
    url = re.search(r'class="button main" href="([^"]+)"', page)
    assert url
    answer = httpx.get(url[1].replace("&amp;", "&"), timeout=30)
    return answer.headers["location"]


def follow(client: Client, answer: httpx.Response) -> httpx.Response:
    while answer.is_redirect:
        answer = client.get(answer.headers["location"])
    return answer


def connected(client: Client) -> httpx.Response:
    return follow(client, client.get(go_to_vendor(client)))


def form_of(page: httpx.Response) -> dict[str, Any]:
    """The fields of a settings' page as its browser would send them unchanged."""
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", page.text):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        kind = re.search(r'type="([^"]*)"', tag)
        if (
            name is None
            or name[1] in ("zone", "token", "password")
            or (kind and kind[1] in ("radio", "checkbox") and "checked" not in tag)
        ):
            continue
        said = (value[1] if value else "").replace("&amp;", "&")
        if kind and kind[1] == "checkbox":
            fields.setdefault(name[1], []).append(said)
        else:
            fields[name[1]] = said
    return fields


def save(client: Client, path: str, **change: Any) -> httpx.Response:
    return client.post(path, **{**form_of(client.get(path)), "do": "save", **change})


# -- the order of the walk


def test_nothing_is_read_before_mail_and_then_calendar_settings_are_saved(walk: Walk, lena: Client) -> None:
    page = connected(lena)
    assert "Mail settings" in text(page)
    waiting = [walk.card(key) for key in CHANNELS]
    after_mail = save(lena, MAIL, visibility="subject")
    still = [walk.card(key) for key in CHANNELS]
    done = save(lena, CALENDAR)
    walk.read(*CHANNELS)

    assert [("new", "set_up", None)] * 4 == [(c.word, c.action, c.last_good) for c in (*waiting, *still)]
    assert CALENDAR == after_mail.headers["location"]
    assert f"/settings/accounts/mailbox/{LENA}" == done.headers["location"]
    status = walk.workspace.channels.get(CHANNELS[0])
    assert "subject" == status.channel.visibility
    assert "left out, and why" in text(lena.get(f"/settings/accounts/mailbox/{LENA}"))


def test_a_walk_that_was_left_halfway_waits_where_it_was(walk: Walk, lena: Client) -> None:
    connected(lena)
    save(lena, MAIL, visibility="subject")
    token = lena.token()
    walk.app.state.sessions.end_all()
    lost = lena.http.post(CALENDAR, data={"token": token, "visibility": "metadata"})
    again = walk.as_member("lena")

    assert lost.headers["location"].startswith("/sign-in")
    assert "ended" in text(follow(lena, lost))
    assert "Finish the settings" in text(again.get("/settings/accounts"))
    assert 'value="subject" checked' in again.get(MAIL).text
    assert walk.card(CHANNELS[0]).word == "new"


# -- answers of the vendor


def test_the_same_answer_twice_goes_where_the_first_one_went(walk: Walk, lena: Client) -> None:
    back = go_to_vendor(lena)
    first, second = lena.get(back), lena.get(back)

    assert first.headers["location"] == second.headers["location"] == MAIL
    assert 1 == sum(name == LENA for name in walk.workspace.accounts.load())


def test_a_forged_or_foreign_answer_connects_nothing(walk: Walk, lena: Client) -> None:
    back = go_to_vendor(lena)
    ben = walk.as_member("ben")
    forged = lena.get("/settings/accounts/callback/google?code=4/abc&state=guessed")
    foreign = ben.get(back)
    other = lena.get(back.replace("callback/google", "callback/microsoft"))
    nobody = httpx.get(back)

    assert [400, 400, 400] == [answer.status_code for answer in (forged, foreign, other)]
    assert "no connection that you began here" in text(foreign)
    assert nobody.headers["location"].startswith("/sign-in")
    assert {} == dict(walk.workspace.accounts.load())


def test_an_answer_that_comes_too_late_is_told_so(walk: Walk, lena: Client) -> None:
    back = go_to_vendor(lena)
    session = next(iter(walk.app.state.sessions._sessions.values()))
    session.consents = {state: (at - 3_600, begun) for state, (at, begun) in session.consents.items()}

    late = lena.get(back)

    assert 400 == late.status_code
    assert "quarter of an hour" in text(late)
    assert {} == dict(walk.workspace.accounts.load())


def test_who_says_no_at_the_vendor_is_told_that_nothing_is_connected(walk: Walk, lena: Client) -> None:
    walk.world.google.oauth.consent = GoogleConsent(denied=True)
    page = lena.get(go_to_vendor(lena))

    assert 400 == page.status_code
    assert "permission was not given" in text(page)
    assert {} == dict(walk.workspace.accounts.load())


def test_a_vendor_that_is_down_is_told_as_that(walk: Walk, lena: Client) -> None:
    back = go_to_vendor(lena)
    walk.world.google.faults.add(GoogleFault(status=503))
    page = lena.get(back)
    walk.world.google.faults.clear()

    assert 503 == page.status_code
    assert "cannot be reached now" in text(page)
    assert {} == dict(walk.workspace.accounts.load())


def test_a_box_that_was_left_unticked_is_named_and_the_rest_works(walk: Walk, lena: Client) -> None:
    walk.world.google.oauth.consent = GoogleConsent(unticked={*SCOPES[Feature.CALENDAR]})
    page = connected(lena)

    assert "You left out calendar" in text(page)
    assert "Calendar settings" not in text(page)
    save(lena, MAIL)
    walk.read(CHANNELS[0])
    assert walk.card(CHANNELS[1]) is None
    assert "Not granted: calendar" in text(lena.get("/settings/accounts"))


def test_an_administrator_is_sent_a_text_and_a_link_and_afterwards_it_works(walk: Walk, lena: Client) -> None:
    microsoft = walk.world.microsoft.identity
    microsoft.tenant("acme.example").user_consent = "blocked"
    try:
        page = follow(lena, lena.get(go_to_vendor(lena, "microsoft")))
        assert 403 == page.status_code
        assert "Ask your administrator" in text(page)
        letter = re.search(r'id="link" readonly value="([^"]+)"', page.text)
        assert letter
        assert "adminconsent" in letter[1]
        thanks = httpx.get(
            f"{walk.base}/settings/accounts/callback/microsoft?admin_consent=True&tenant=x&state=approved"
        )
        assert "Thank you" in thanks.text
        assert {} == dict(walk.workspace.accounts.load())
    finally:
        microsoft.tenant("acme.example").user_consent = "allowed"
    again = follow(lena, lena.get(go_to_vendor(lena, "microsoft")))
    assert "Mail settings" in text(again)


# -- by password


def raw(subject: str = "Offer", sender: str = "Ann Doe <ann@client.example>", to: str = "me@example.com") -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"], made["Message-ID"] = (
        sender,
        to,
        subject,
        f"<{abs(hash(subject))}@x.example>",
    )
    made["Date"] = "Tue, 03 Mar 2026 10:00:00 +0000"
    made.set_content("Hello")
    return made.as_bytes()


def test_a_wrong_password_is_a_sentence_and_the_right_one_connects_what_the_address_led_to(walk: Walk) -> None:
    host, lena = MailHost(walk), walk.as_member("lena")
    host.deliver(raw(to=host.user))
    found = lena.post("/settings/accounts/other", address=host.user)
    fields = form_of(found)
    assert "localhost" == fields["imap-host"]
    wrong = lena.post("/settings/accounts/password", **fields, password="wrong")
    right = lena.post("/settings/accounts/password", **fields, password=host.password)

    assert 422 == wrong.status_code
    assert "does not accept user name and password" in text(wrong)
    assert "wrong" not in [fields_ for fields_ in form_of(wrong).values() if isinstance(fields_, str)]
    assert f"/settings/accounts/mailbox/{host.user}/mail" == right.headers["location"]


def test_an_account_is_connected_again_with_its_new_password_and_keeps_its_settings(walk: Walk) -> None:
    host, lena = MailHost(walk), walk.as_member("lena")
    host.deliver(raw(to=host.user))
    fields = form_of(lena.post("/settings/accounts/other", address=host.user))
    lena.post("/settings/accounts/password", **fields, password=host.password)
    path = f"/settings/accounts/mailbox/{host.user}/mail"
    save(lena, path, visibility="subject", contacts="sent_and_received")
    walk.read(f"mail:{host.user}")
    workspace = walk.workspace
    workspace.accounts.edit(
        host.user, lambda there: there.with_login(Service.IMAP, "changed", workspace.keys, server=host.server)
    )
    workspace.channels.wake(f"mail:{host.user}")
    walk.until(lambda: walk.card(f"mail:{host.user}").action == "reconnect")
    page = lena.get("/settings/accounts")
    refused = lena.post(f"/settings/accounts/mailbox/{host.user}/reconnect", password="wrong")
    mended = lena.post(f"/settings/accounts/mailbox/{host.user}/reconnect", password=host.password)
    walk.until(lambda: walk.card(f"mail:{host.user}").word == "synced")

    assert "Needs you" in text(page)
    assert "Connect again" in text(page)
    assert (422, 303) == (refused.status_code, mended.status_code)
    assert "subject" == walk.workspace.channels.get(f"mail:{host.user}").channel.visibility


@pytest.mark.parametrize("typed", ["", "nonsense", "a@b@c", "ann@", HOSTILE])
def test_what_is_no_address_is_said_beside_the_field(walk: Walk, lena: Client, typed: str) -> None:
    page = lena.post("/settings/accounts/other", address=typed)

    assert 422 == page.status_code
    assert 'role="alert"' in page.text
    assert "<script" not in page.text


def test_an_alias_is_refused_with_the_name_of_its_mailbox(walk: Walk, lena: Client) -> None:
    connected(lena)
    walk.workspace.accounts.edit(
        LENA, lambda there: there.model_copy(update={"aliases": frozenset({"office@workshop.example"})})
    )
    page = lena.post(
        "/settings/accounts/password", address="office@workshop.example", password="x", imap="yes",
        **{"imap-host": "127.0.0.1", "imap-port": "9", "imap-user": "x", "imap-security": "tls"},
    )  # fmt: skip

    assert 422 == page.status_code
    assert f"is an alias of {LENA}" in text(page)


# -- settings


def test_a_choice_of_folders_changed_afterwards_reaches_back(walk: Walk) -> None:
    host, lena = MailHost(walk), walk.as_member("lena")
    host.deliver(raw("Onefolder", to=host.user))
    host.deliver(raw("Twofolder", to=host.user), raw("Threefolder", to=host.user), folder="Projects")
    fields = form_of(lena.post("/settings/accounts/other", address=host.user))
    lena.post("/settings/accounts/password", **fields, password=host.password)
    path, key = f"/settings/accounts/mailbox/{host.user}/mail", f"mail:{host.user}"
    save(lena, path)
    walk.read(key)
    only = {"mode": "only", "in-only": ["INBOX"]}
    look = save(lena, path, **{**only, "do": "look"})
    assert "This would remove 2." in text(look)
    assert {"Twofolder", "Threefolder"} <= set(re.findall(r"<bdi>(\w+)</bdi>", look.text))
    save(lena, path, **only)
    walk.until(lambda: "/records/" not in lena.get("/?text=twofolder").text)
    assert "/records/" in lena.get("/?text=onefolder").text
    back = save(lena, path, mode="all", do="look")
    assert "This would add 2" in text(back)


def test_one_click_never_shows_everything_to_everybody(walk: Walk, lena: Client) -> None:
    connected(lena)
    asked = save(lena, MAIL, visibility="everything")
    assert 200 == asked.status_code
    assert "Show all of your mail to everybody?" in text(asked)
    assert "metadata" == walk.workspace.channels.get(CHANNELS[0]).channel.visibility
    save(lena, MAIL, visibility="everything", confirmed="yes")
    assert "everything" == walk.workspace.channels.get(CHANNELS[0]).channel.visibility


def test_of_two_tabs_the_second_sees_that_the_first_was_quicker_and_keeps_what_it_chose(
    walk: Walk, lena: Client
) -> None:
    connected(lena)
    tabs = [form_of(lena.get(MAIL)) for _ in range(2)]
    lena.post(MAIL, **{**tabs[0], "visibility": "private", "do": "save"})
    second = lena.post(MAIL, **{**tabs[1], "visibility": "subject", "do": "save"})

    assert 409 == second.status_code
    assert "changed meanwhile" in text(second)
    assert "private" == walk.workspace.channels.get(CHANNELS[0]).channel.visibility
    assert "subject" == form_of(second)["visibility"]
    lena.post(MAIL, **{**form_of(second), "do": "save"})
    assert "subject" == walk.workspace.channels.get(CHANNELS[0]).channel.visibility


@pytest.mark.parametrize(
    "wrong",
    [
        {"visibility": "all"}, {"contacts": "x"}, {"start": "yesterday"}, {"mode": "some"},
        {"mode": "only", "in-only": []}, {"mode": "only", "in-only": ["/etc/passwd"]}, {"visibility": HOSTILE},
    ],
)  # fmt: skip
def test_a_setting_that_there_is_not_changes_nothing_and_says_so(
    walk: Walk, lena: Client, wrong: dict[str, Any]
) -> None:
    connected(lena)
    before = walk.workspace.channels.get(CHANNELS[0]).channel
    page = save(lena, MAIL, **wrong)

    assert 422 == page.status_code
    assert 'role="alert"' in page.text
    assert "<script>alert" not in page.text
    assert before == walk.workspace.channels.get(CHANNELS[0]).channel


# -- leaving


@pytest.mark.parametrize(("how", "stays"), [("keep", True), ("remove", False)])
def test_disconnecting_has_two_meanings_and_says_what_came_of_it(walk: Walk, how: str, *, stays: bool) -> None:
    host, lena = MailHost(walk), walk.as_member("lena")
    subject = f"Only here {how}"
    host.deliver(raw(subject, to=host.user))
    fields = form_of(lena.post("/settings/accounts/other", address=host.user))
    lena.post("/settings/accounts/password", **fields, password=host.password)
    save(lena, f"/settings/accounts/mailbox/{host.user}/mail", visibility="subject")
    walk.read(f"mail:{host.user}")
    path = f"/settings/accounts/mailbox/{host.user}/disconnect"
    assert "They stay" in text(lena.get(path))
    unsaid = lena.post(path)
    done = lena.post(path, how=how)

    assert 303 == unsaid.status_code
    assert "is disconnected" in text(done)
    assert stays == (subject in lena.get("/?text=only").text)
    assert host.user not in walk.workspace.accounts.load()
    assert 404 == lena.get(f"/settings/accounts/mailbox/{host.user}").status_code


# -- blocklist, sharing, administration


def test_a_blocklist_entry_says_what_it_would_do_and_then_does_it(walk: Walk) -> None:
    mia = walk.as_member("mia")
    look = mia.get("/settings/blocklist?entry=brightwater.example")
    said = text(look)
    assert "everybody at brightwater.example and its subdomains" in said
    removes = [int(number) for number in re.findall(r"This would remove (\d+)", said)]
    assert removes
    seen = mia.get("/people/john.doe@brightwater.example").text.count('class="entry')
    mia.post("/settings/blocklist", entry="@brightwater.example", do="add", **{"for": "me"})
    try:
        walk.until(lambda: mia.get("/people/john.doe@brightwater.example").text.count('class="entry') < seen)
    finally:
        mia.post("/settings/blocklist", entry="@brightwater.example", do="remove", **{"for": "me"})
    walk.until(lambda: mia.get("/people/john.doe@brightwater.example").text.count('class="entry') == seen)
    assert 422 == mia.get("/settings/blocklist?entry=*").status_code


def test_one_record_is_shared_with_one_member_and_asked_for_and_refused(walk: Walk) -> None:
    mia, lena = walk.as_member("mia"), walk.as_member("lena")
    key = re.findall(r"/records/(m-[^\"]+)", mia.get("/?text=film").text)[0]
    assert "text hidden" in text(lena.get(f"/records/{key}"))
    lena.post(f"/records/{key}/ask")
    assert "lena asks to see more" in text(mia.get(f"/records/{key}"))
    mia.post(f"/records/{key}/share", what="record", whom="lena", level="everything")
    shared = text(lena.get(f"/records/{key}"))
    try:
        assert "mia shares everything of this one with you." in shared
        assert "text hidden" in text(walk.as_member("ben").get(f"/records/{key}"))
    finally:
        mia.post(f"/records/{key}/share", what="record", whom="lena", level="as-usual")
    everybody = mia.post(f"/records/{key}/share", what="record", whom="", level="everything")
    assert "Share everything with everybody?" in text(everybody)
    assert "text hidden" in text(lena.get(f"/records/{key}"))
    lena.post(f"/records/{key}/ask")
    mia.post(f"/records/{key}/refuse", whom="lena")
    assert "asks to see more" not in text(mia.get(f"/records/{key}"))


def test_the_administrator_sees_how_every_mailbox_stands_and_nobodys_mail(walk: Walk) -> None:
    mia, lena = walk.as_member("mia"), walk.as_member("lena")
    mia.post("/settings/accounts/mailbox/sample of mia/check", channel="mia-mail")
    page = mia.get("/admin")

    assert 403 == lena.get("/admin").status_code
    assert "sample of ben" in text(page)
    assert "complete" in text(page)
    assert "Nobody has to do anything." in text(page)
    assert "subject" not in page.text.lower()


# -- nobody else's


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("more", ["", "/mail", "/calendar", "/reconnect", "/disconnect", "/run", "/check"])
def test_another_members_mailbox_is_not_there(walk: Walk, method: str, more: str) -> None:
    ben = walk.as_member("ben")
    for name in ("sample of mia", "nobody", "../../admin", HOSTILE[:20]):
        path = f"/settings/accounts/mailbox/{name.replace('/', '%2F')}{more}"
        answer = ben.get(path) if method == "get" else ben.post(path, how="remove", channel="mia-mail")
        assert answer.status_code in (307, 400, 404, 405), (path, answer.status_code)
        assert "mia@acme.example" not in answer.text


def test_a_form_of_another_site_or_another_session_does_nothing(walk: Walk, lena: Client) -> None:
    connected(lena)
    fields = {**form_of(lena.get(MAIL)), "visibility": "everything", "confirmed": "yes", "do": "save"}
    token = lena.token()
    ben = walk.as_member("ben")
    answers = [
        lena.http.post(MAIL, data=fields), lena.http.post(MAIL, data={**fields, "token": ben.token()}),
        lena.http.post(MAIL, data={**fields, "token": token}, headers={"Origin": "https://evil.example"}),
        lena.http.post(MAIL, data={**fields, "token": token}, headers={"Origin": "null"}),
        ben.http.post(MAIL, data={**fields, "token": ben.token()}),
    ]  # fmt: skip

    assert [403, 403, 403, 403, 404] == [answer.status_code for answer in answers]
    assert "metadata" == walk.workspace.channels.get(CHANNELS[0]).channel.visibility


def test_every_page_forbids_to_be_framed_kept_or_to_run_anything(walk: Walk, lena: Client) -> None:
    for path in ("/", "/settings/accounts", "/settings/accounts/add", "/sign-in", "/nothing", "/admin"):
        headers = lena.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert "script" not in headers["content-security-policy"]
        assert ("no-store", "DENY", "nosniff") == tuple(
            headers[name] for name in ("cache-control", "x-frame-options", "x-content-type-options")
        )
    cookie = walk.as_member("lena").http.post("/sign-in/lena").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_who_signs_in_is_led_back_to_this_site_only(walk: Walk) -> None:
    with httpx.Client(base_url=walk.base) as nobody:
        here = nobody.post("/sign-in/lena?next=/people")
        away = [
            nobody.post(f"/sign-in/lena?next={where}")
            for where in ("//evil.example", "https://evil.example", "/%5Cevil.example")
        ]

    assert "/people" == here.headers["location"]
    assert ["/"] * 3 == [answer.headers["location"] for answer in away]


def test_hostile_mail_is_text_on_every_page_that_shows_it(walk: Walk) -> None:
    host, lena = MailHost(walk), walk.as_member("lena")
    subject = '<script>alert(1)</script> "><img src=x onerror=alert(2)> {{7*7}}'
    sender = '"<b>Eve</b><script>alert(3)</script>" <"><svg/onload=alert(4)>"@evil.example>'
    body = (
        f"From: {sender}\r\nTo: {host.user}\r\nSubject: {subject}\r\nMessage-ID: <h@evil.example>\r\n"
        "Date: Tue, 03 Mar 2026 10:00:00 +0000\r\n\r\n<script>alert(5)</script>\r\n"
    )
    host.deliver(body.encode(), folder="Angebote <script>alert(6)</script>")
    fields = form_of(lena.post("/settings/accounts/other", address=host.user))
    lena.post("/settings/accounts/password", **fields, password=host.password)
    path = f"/settings/accounts/mailbox/{host.user}/mail"
    save(lena, path, contacts="sent_and_received")
    walk.read(f"mail:{host.user}")
    found = lena.get("/?text=alert")
    key = re.findall(r"/records/(m-[^\"]+)", found.text)[0]
    pages = [found, lena.get(f"/records/{key}"), lena.get(f"/records/{key}/share"), lena.get(path), lena.get("/people")]
    pages.append(save(lena, path, do="look", blocked="x"))

    assert "alert(1)" in text(pages[1])
    for page in pages:
        assert 200 == page.status_code
        assert not re.search(r"<(script|svg/|img)\b", page.text), page.url
        assert "onerror=alert(2)>" not in page.text.replace("&gt;", "")
        assert "49" not in text(page).partition("alert(2)")[2][:12]


def test_three_hundred_folders_are_one_page(walk: Walk) -> None:
    host, lena = MailHost(walk), walk.as_member("lena")
    client = host._server.client(host.user)
    for number in range(300):
        client.create(f"Customers/{number:03} {'long name ' * 8}")
    client.logout()
    fields = form_of(lena.post("/settings/accounts/other", address=host.user))
    lena.post("/settings/accounts/password", **fields, password=host.password)
    path = f"/settings/accounts/mailbox/{host.user}/mail"
    page = lena.get(path)
    ids = re.findall(r'name="in-only" value="([^"]+)"', page.text)
    saved = save(lena, path, mode="except", **{"in-except": ids[5:]})

    assert len(ids) >= 301
    assert 303 == saved.status_code
    assert len(ids) - 5 == len(walk.workspace.channels.get(f"mail:{host.user}").channel.selection.collections)
