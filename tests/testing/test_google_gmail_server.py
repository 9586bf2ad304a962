"""The loopback Gmail behaves as Gmail does, in what surprises its users too."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from google_accounts import Client

from crmsync.testing.google import (
    AUTH,
    EVERY_SCOPE,
    NEW_UNITS,
    OLD_UNITS,
    Fault,
    File,
    GoogleServer,
    Mailbox,
    Quotas,
    Request,
    VirtualClock,
)

DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def google() -> GoogleServer:
    server = GoogleServer(clock=VirtualClock(DAY.timestamp()))
    server.account()
    return server


@pytest.fixture
def mailbox(google: GoogleServer) -> Mailbox:
    return google.account().mailbox


def changes(client: Client, since: int, **parameters: str) -> list[tuple[str, str]]:
    """Return what the history says, as (change, id)."""
    query = "".join(f"&{name}={value}" for name, value in parameters.items())
    history = client.mail(f"history?startHistoryId={since}{query}").get("history", [])
    return [
        (name, one["message"]["id"])
        for record in history
        for name in ("messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved")
        for one in record.get(name, [])
    ]


# -- ids


def test_history_ids_soon_grow_by_a_digit_and_have_gaps(mailbox: Mailbox) -> None:
    before = mailbox.history
    ids = [mailbox.mails[mailbox.deliver()].history for _ in range(10)]

    assert before < 1_000 < ids[-1]
    assert any(b - a > 1 for a, b in pairwise(ids))


def test_message_ids_are_sixteen_hexadecimal_digits_and_name_the_thread_that_they_begin(mailbox: Mailbox) -> None:
    id_ = mailbox.deliver()

    assert 16 == len(id_) == len(f"{int(id_, 16):x}")
    assert id_ == mailbox.mails[id_].thread


def test_attachment_ids_are_others_each_time_and_both_work(google: GoogleServer, mailbox: Mailbox) -> None:
    id_, client = mailbox.deliver(files=[File("a", b"data")]), Client(google)
    parts = [client.mail(f"messages/{id_}")["payload"]["parts"][1]["body"]["attachmentId"] for _ in range(2)]

    assert parts[0] != parts[1]
    assert [4, 4] == [client.mail(f"messages/{id_}/attachments/{part}")["size"] for part in parts]


# -- listings


def test_spam_and_trash_are_listed_only_when_asked_for(google: GoogleServer, mailbox: Mailbox) -> None:
    plain, spam = mailbox.deliver(), mailbox.deliver(labels=["SPAM"])
    trashed = mailbox.deliver()
    mailbox.trash(trashed)
    client = Client(google)

    def listed(query: str) -> set[str]:
        return {m["id"] for m in client.mail(f"messages?{query}").get("messages", [])}

    assert {plain} == listed("")
    assert {plain, spam, trashed} == listed("includeSpamTrash=true") == listed("q=in:anywhere")
    assert {spam} == listed("q=in:spam")


def test_a_page_token_stays_where_it_is_when_mail_arrives(google: GoogleServer, mailbox: Mailbox) -> None:
    ids = [mailbox.deliver(received=DAY + timedelta(minutes=n)) for n in range(5)]
    client = Client(google)
    first = client.mail("messages?maxResults=2")
    mailbox.deliver(received=DAY + timedelta(hours=1))
    second = client.mail(f"messages?maxResults=3&pageToken={first['nextPageToken']}")

    assert ids[::-1] == [m["id"] for m in first["messages"] + second["messages"]]
    assert "nextPageToken" not in second


def test_an_empty_listing_has_no_messages_at_all(google: GoogleServer) -> None:
    assert {"resultSizeEstimate": 0} == Client(google).mail("messages")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("from:ann", "offer plan"),
        ("from:(ann OR bob)", "offer plan bob"),
        ("-from:ann", "bob"),
        ("{from:bob subject:plan}", "plan bob"),
        ("subject:offer", "offer"),
        ("after:2026/03/03", "plan bob"),
        ("before:2026/03/03", "offer"),
        (f"after:{int(DAY.timestamp())}", "offer plan bob"),
        ("label:customers-north", "plan"),
        ("is:unread", "offer plan"),
        ("is:read", "bob"),
        ("has:attachment", "plan"),
        ("-category:promotions", "offer plan bob"),
        ("in:chats", ""),
        ("rfc822msgid:<plan@x.example>", "plan"),
        ("older_than:1d", ""),
        ("newer_than:1y", "offer plan bob"),
        ('"hello there"', "offer plan bob"),
    ],
)
def test_a_search_finds_what_gmails_does(google: GoogleServer, mailbox: Mailbox, query: str, found: str) -> None:
    label = mailbox.make_label("Customers/North")
    names = {
        mailbox.deliver(subject="Offer", received=DAY): "offer",
        mailbox.deliver(
            subject="Plan", message_id="plan@x.example", received=DAY + timedelta(days=1, hours=1),
            files=[File("a", b"")], labels=["INBOX", "UNREAD", label],
        ): "plan",
        mailbox.deliver(sender="bob@x.example", received=DAY + timedelta(days=2), labels=["INBOX"]): "bob",
    }  # fmt: skip
    client = Client(google)
    listed = client.get("/gmail/v1/users/me/messages?q=" + query.replace(" ", "%20").replace("&", "%26"))

    assert set(found.split()) == {names[m["id"]] for m in listed.get("messages", [])}


def test_a_search_term_that_is_not_known_fails_loudly(google: GoogleServer) -> None:
    assert (501, "notImplemented") == Client(google).error("/gmail/v1/users/me/messages?q=larger:5M")


def test_a_thread_brings_its_rubbish_along_oldest_first(google: GoogleServer, mailbox: Mailbox) -> None:
    first = mailbox.deliver(subject="Offer", message_id="a@x.example", received=DAY)
    reply = mailbox.deliver(
        subject="RE: Offer", in_reply_to="a@x.example", labels=["SENT"], received=DAY + timedelta(hours=1)
    )
    other = mailbox.deliver(subject="Another matter", in_reply_to="a@x.example")
    mailbox.trash(reply)

    assert [first, reply] == [m["id"] for m in Client(google).mail(f"threads/{first}")["messages"]]
    assert other == mailbox.mails[other].thread


# -- history


def test_trash_and_spam_are_labels_and_only_what_is_gone_for_good_is_deleted(
    google: GoogleServer, mailbox: Mailbox
) -> None:
    id_ = mailbox.deliver()
    start = mailbox.history
    mailbox.trash(id_)
    mailbox.untrash(id_)
    mailbox.remove(id_)

    assert [("labelsAdded", id_), ("labelsRemoved", id_), ("labelsRemoved", id_), ("messagesDeleted", id_)] == changes(
        Client(google), start
    )


def test_a_page_of_the_history_may_be_empty_and_not_the_last(google: GoogleServer, mailbox: Mailbox) -> None:
    start = mailbox.history
    for _ in range(3):
        mailbox.deliver()
    starred = mailbox.ids()[0]
    mailbox.label(starred, add=["STARRED"])
    client, token, seen = Client(google), "", []
    while True:
        page = client.mail(f"history?startHistoryId={start}&labelId=STARRED&maxResults=2{token}")
        seen.append(len(page.get("history", [])))
        if "nextPageToken" not in page:
            break
        token = f"&pageToken={page['nextPageToken']}"

    assert [0, 1] == seen


@pytest.mark.parametrize(
    ("since", "error"),
    [
        ("1", (404, "notFound")),
        ("99999999", (404, "notFound")),
        ("x", (400, "invalidArgument")),
        ("", (400, "invalidArgument")),
    ],
)
def test_a_history_id_that_is_none_is_refused(
    google: GoogleServer, mailbox: Mailbox, since: str, error: tuple[int, str]
) -> None:
    mailbox.deliver()
    mailbox.expire_history()

    assert error == Client(google).error(f"/gmail/v1/users/me/history?startHistoryId={since}")


def test_a_draft_that_is_saved_again_is_another_message(google: GoogleServer, mailbox: Mailbox) -> None:
    old = mailbox.deliver(sender="me@acme.com", labels=["DRAFT"])
    start = mailbox.history
    new = mailbox.redraft(old, text="more")

    assert [("messagesDeleted", old), ("messagesAdded", new)] == changes(Client(google), start)
    assert mailbox.mails[new].thread == old


# -- sending


def raw(text: str) -> str:
    return base64.urlsafe_b64encode(text.replace("\n", "\r\n").encode()).decode()


def send(client: Client, text: str, **more: str) -> dict[str, Any]:
    response = client.call("/gmail/v1/users/me/messages/send", "POST", {"raw": raw(text), **more})
    said: dict[str, Any] = json.loads(response.body)
    return said


def test_what_is_sent_lies_in_sent_and_with_who_lives_here_without_its_bcc(
    google: GoogleServer, mailbox: Mailbox
) -> None:
    bob, client = google.account("bob@acme.com").mailbox, Client(google)
    receipt = send(client, "From: me@acme.com\nTo: Bob <bob@acme.com>\nBcc: eve@x.example\nSubject: Hi\n\nHello\n")

    assert ["SENT"] == receipt["labelIds"]
    assert b"Bcc: eve" in mailbox.mails[receipt["id"]].raw
    assert [False] == [b"Bcc" in mail.raw for mail in bob.mails.values()]


def test_a_reply_joins_its_thread_only_where_it_refers_to_it_under_its_subject(
    google: GoogleServer, mailbox: Mailbox
) -> None:
    first, client = mailbox.deliver(subject="Offer", message_id="a@x.example"), Client(google)
    head = "From: me@acme.com\nTo: ann@client.example\n"
    good = send(client, f"{head}Subject: Re: Offer\nIn-Reply-To: <a@x.example>\n\nYes\n", threadId=first)
    other = send(client, f"{head}Subject: Other\nIn-Reply-To: <a@x.example>\n\nYes\n", threadId=first)

    assert first == good["threadId"] != other["threadId"]
    assert 404 == send(client, f"{head}Subject: x\n\ny\n", threadId="123")["error"]["code"]


def test_a_sender_that_is_no_verified_alias_is_replaced(google: GoogleServer, mailbox: Mailbox) -> None:
    mailbox.aliases = {"sales@acme.com": "accepted", "old@acme.com": "pending"}
    client = Client(google)
    said = [
        send(client, f"From: {who}\nTo: a@b.example\n\nx\n")["id"]
        for who in ("sales@acme.com", "old@acme.com", "e@x.example")
    ]

    assert ["sales@acme.com", "me@acme.com", "me@acme.com"] == [mailbox.mails[i].parsed["From"] for i in said]


def test_mail_to_nobody_is_refused(google: GoogleServer) -> None:
    assert "Recipient address required" == send(Client(google), "From: me@acme.com\n\nx\n")["error"]["message"]


# -- quotas


@pytest.mark.parametrize(("quotas", "prices"), [(Quotas(), NEW_UNITS), (Quotas.old_project(), OLD_UNITS)])
def test_a_call_costs_what_the_table_says(quotas: Quotas, prices: dict[str, int]) -> None:
    google = GoogleServer(quotas=quotas)
    id_, client = google.account().mailbox.deliver(), Client(google)
    for path in ("profile", "labels", "messages", "threads", f"messages/{id_}", f"threads/{id_}", "settings/sendAs"):
        client.mail(path)

    assert [prices[entry.name] for entry in google.log] == [entry.units for entry in google.log]
    assert sum(prices[entry.name] for entry in google.log) == google.units


def test_a_minute_holds_as_much_as_the_limit_and_no_more() -> None:
    clock = VirtualClock()
    google = GoogleServer(clock=clock, quotas=Quotas(gmail_user_minute=100))
    id_, client = google.account().mailbox.deliver(), Client(google)
    statuses = [client.call(f"/gmail/v1/users/me/messages/{id_}").status for _ in range(6)]
    clock.advance(60)

    assert [200] * 5 + [429] == statuses
    assert 1 == len(google.refused())
    assert 200 == client.call(f"/gmail/v1/users/me/messages/{id_}").status
    assert 6 * 20 == google.units


@pytest.mark.parametrize(
    ("form", "status", "reason"),
    [
        ("403 rate", 403, "rateLimitExceeded"), ("403 user", 403, "userRateLimitExceeded"),
        ("403 quota metric", 403, "rateLimitExceeded"), ("429 rate", 429, "rateLimitExceeded"),
        ("429 quota metric", 429, "rateLimitExceeded"), ("429 retry after text", 429, "rateLimitExceeded"),
    ],
)  # fmt: skip
def test_a_limit_speaks_in_every_form_that_google_has(form: Any, status: int, reason: str) -> None:
    google = GoogleServer(quotas=Quotas(gmail_user_minute=0, form=form, retry_after=30))
    google.account()
    client = Client(google)
    response = client.call("/gmail/v1/users/me/profile")

    assert (status, reason) == client.error("/gmail/v1/users/me/profile")
    assert "30" == response.headers["Retry-After"]
    assert "RESOURCE_EXHAUSTED" == json.loads(response.body)["error"]["status"]


# -- batches


def batch(client: Client, paths: list[str]) -> bytes:
    parts = "".join(
        f"--b\r\nContent-Type: application/http\r\nContent-ID: <c+{n}>\r\n\r\nGET {path}\r\n\r\n"
        for n, path in enumerate(paths)
    )
    headers = {"content-type": "multipart/mixed; boundary=b", "authorization": f"Bearer {client.token}"}
    return client.server.handle(Request("POST", "/batch/gmail/v1", headers, f"{parts}--b--".encode())).body


PROFILE = "/gmail/v1/users/me/profile"


def test_each_call_of_a_batch_is_answered_charged_and_refused_for_itself(google: GoogleServer) -> None:
    google.faults.add(Fault("gmail.users.getProfile", 429, "rateLimitExceeded", retry_after=3, count=1))
    body = batch(Client(google), [PROFILE, PROFILE, "/gmail/v1/users/me/messages/0"])

    assert sorted([200, 404, 429]) == sorted(entry.status for entry in google.log)
    assert {f"response-c+{n}".encode() in body for n in range(3)} == {True}
    assert b"Retry-After: 3" in body
    assert 1 + 20 == google.units


def test_answers_of_a_batch_come_in_any_order_with_some_missing_or_the_end_cut(google: GoogleServer) -> None:
    client = Client(google)
    orders = {tuple(batch(client, [PROFILE] * 5).split(b"response-c+")[n][:1] for n in range(1, 6)) for _ in range(6)}
    google.faults.add(Fault("gmail.users.getProfile", kind="missing", count=1))
    missing = batch(client, [PROFILE] * 5).count(b"HTTP/1.1 200")
    google.faults.add(Fault("gmail.users.getProfile", kind="cut", count=1))
    cut = batch(client, [PROFILE] * 5)

    assert len(orders) > 1
    assert 4 == missing
    assert not cut.endswith(b"--")


def test_a_batch_of_more_than_a_hundred_is_refused(google: GoogleServer) -> None:
    assert b"too many calls" in batch(Client(google), [PROFILE] * 101)


def test_calls_of_a_batch_beyond_what_may_run_at_a_time_are_refused() -> None:
    google = GoogleServer(quotas=Quotas(concurrent=3))
    google.account()
    batch(Client(google), [PROFILE] * 5)

    assert [200, 200, 200, 429, 429] == [entry.status for entry in google.log]


# -- failures and rights


def test_failures_come_by_count_by_rate_after_some_and_for_some(google: GoogleServer, mailbox: Mailbox) -> None:
    one, two, client = mailbox.deliver(), mailbox.deliver(), Client(google)
    google.faults.add(Fault("gmail.users.messages.get", count=1, after=1, matches=lambda r: two in r.target))
    assert [200, 200, 503, 200] == [
        client.call(f"/gmail/v1/users/me/messages/{i}").status for i in (two, one, two, two)
    ]

    google.faults.clear()
    google.faults.add(Fault("gmail.users.*", rate=0.3))
    failed = sum(client.call(PROFILE).status == 503 for _ in range(200))
    assert 30 < failed < 90


def test_an_answer_can_be_made_wrong(google: GoogleServer, mailbox: Mailbox) -> None:
    id_ = mailbox.deliver()
    google.faults.add(Fault("gmail.users.messages.get", edit=lambda answer: {**answer, "payload": None}))

    assert Client(google).mail(f"messages/{id_}")["payload"] is None


def test_a_parameter_that_google_does_not_know_is_refused(google: GoogleServer) -> None:
    assert (400, "invalidArgument") == Client(google).error(f"{PROFILE}?maxresults=1")


def test_only_the_fields_that_were_asked_for_come_back(google: GoogleServer, mailbox: Mailbox) -> None:
    id_ = mailbox.deliver()
    client = Client(google)

    assert {"messages": [{"id": id_}]} == client.mail("messages?fields=messages(id),nextPageToken")
    assert {"payload": {"body": {"size": 12}}, "id": id_} == client.mail(f"messages/{id_}?fields=id,payload/body/size")


def test_rights_are_those_that_were_granted(google: GoogleServer, mailbox: Mailbox) -> None:
    id_ = mailbox.deliver()
    metadata = Client(google, token=google.token(scopes=[f"{AUTH}gmail.metadata"]))
    nothing = Client(google, token=google.token(scopes=["openid"]))

    assert "payload" in metadata.mail(f"messages/{id_}?format=metadata")
    assert (403, "forbidden") == metadata.error(f"/gmail/v1/users/me/messages/{id_}")
    assert (403, "forbidden") == metadata.error("/gmail/v1/users/me/messages?q=x")
    assert (403, "insufficientPermissions") == nothing.error(PROFILE)
    assert (403, "forbidden") == Client(google).error("/gmail/v1/users/bob@acme.com/profile")
    assert (401, "authError") == Client(google, token="made up").error(PROFILE)


def test_an_access_token_lives_an_hour(google: GoogleServer) -> None:
    clock, client = google.clock, Client(google, token=google.token(scopes=EVERY_SCOPE))
    assert isinstance(clock, VirtualClock)
    clock.advance(3_590)
    assert 200 == client.call(PROFILE).status

    clock.advance(10)
    assert 401 == client.call(PROFILE).status


def test_what_is_large_or_a_file_is_fetched_apart_and_the_rest_is_inline(
    google: GoogleServer, mailbox: Mailbox
) -> None:
    small, large = mailbox.deliver(text="x"), mailbox.deliver(text="x" * 200_000)
    client = Client(google)

    assert "data" in client.mail(f"messages/{small}")["payload"]["body"]
    assert {"attachmentId", "size"} == client.mail(f"messages/{large}")["payload"]["body"].keys()


@pytest.mark.parametrize(
    ("utf8", "octets"), [(True, "Gr\u00fc\u00dfe".encode()), (False, "Gr\u00fc\u00dfe".encode("latin-1"))]
)
def test_text_comes_as_utf_8_under_the_charset_that_its_header_names(
    google: GoogleServer, mailbox: Mailbox, utf8: bool, octets: bytes
) -> None:
    mailbox.utf8 = utf8
    id_ = mailbox.deliver(b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe")
    payload = Client(google).mail(f"messages/{id_}")["payload"]

    assert octets == base64.urlsafe_b64decode(payload["body"]["data"])
    assert "iso-8859-1" in payload["headers"][0]["value"]


def test_a_message_id_that_gmail_replaces_stays_under_another_name(google: GoogleServer) -> None:
    bob = google.account("bob@acme.com", keeps_message_id=False).mailbox
    receipt = send(Client(google, "bob@acme.com"), "From: bob@acme.com\nTo: a@b.example\nMessage-ID: <mine@x>\n\nx\n")
    sent = bob.mails[receipt["id"]].parsed

    assert "<mine@x>" == sent["X-Google-Original-Message-ID"] != sent["Message-ID"]
