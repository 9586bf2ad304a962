"""The loopback Graph's mail: folders, messages, writing and sending, and who may do what."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from microsoft_accounts import Client, checked  # noqa: F401 - a fixture for all

from crmsync.testing.microsoft import EVERY_PERMISSION, File, Link, MicrosoftServer, Request, VirtualClock


@pytest.fixture
def microsoft() -> MicrosoftServer:
    server = MicrosoftServer(clock=VirtualClock())
    server.account("me@acme.com")
    return server


@pytest.fixture
def client(microsoft: MicrosoftServer) -> Client:
    return Client(microsoft)


def to(*addresses: str) -> list[dict[str, object]]:
    return [{"emailAddress": {"address": address}} for address in addresses]


DRAFT = {
    "subject": "Offer",
    "body": {"contentType": "text", "content": "Dear Ann"},
    "toRecipients": to("ann@client.example"),
}


# -- folders


def test_folders_have_pages_children_and_hidden_ones(microsoft: MicrosoftServer, client: Client) -> None:
    mailbox = microsoft.account().mailbox
    deep = mailbox.make_folder("Customers/North/Big")
    first = client.get("me/mailFolders?$top=3")
    rest = client.get(first["@odata.nextLink"])
    every = client.get("me/mailFolders?includeHiddenFolders=true&$top=100")["value"]
    customers = next(one for one in every if one["displayName"] == "Customers")
    children = client.get(f"me/mailFolders/{customers['id']}/childFolders")["value"]
    nested = f"me/mailFolders/{customers['id']}/childFolders/{children[0]['id']}/childFolders/{deep.id}"

    assert (3, 3) == (len(first["value"]), len(rest["value"]))
    assert "Clutter" in {one["displayName"] for one in every if one["isHidden"]}
    assert (["North"], 1) == ([one["displayName"] for one in children], customers["childFolderCount"])
    assert "Big" == client.get(nested)["displayName"]


def test_well_known_names_hold_in_every_language_and_some_are_missing(microsoft: MicrosoftServer) -> None:
    microsoft.account("bob@acme.com", names={"sentitems": "Gesendete Elemente"})
    client = Client(microsoft, "bob@acme.com")

    assert "Gesendete Elemente" == client.get("me/mailFolders/SentItems")["displayName"]
    assert "wellKnownName" not in client.get("me/mailFolders/inbox")
    assert (404, "ErrorItemNotFound") == client.error("me/mailFolders/syncissues")
    assert (400, "ErrorInvalidIdMalformed") == client.error("me/mailFolders/nonsense")


def test_folders_are_made_renamed_and_deleted(microsoft: MicrosoftServer, client: Client) -> None:
    made = client.done("me/mailFolders", body={"displayName": "New"})
    below = client.done(f"me/mailFolders/{made['id']}/childFolders", body={"displayName": "Below"})
    client.done(f"me/mailFolders/{below['id']}", "PATCH", {"displayName": "Other"})

    assert "New/Other" == microsoft.account().mailbox.path(microsoft.account().mailbox.folders[below["id"]])
    assert (409, "ErrorFolderExists") == client.error("me/mailFolders", "POST", {"displayName": "New"})
    assert 204 == client.call(f"me/mailFolders/{made['id']}", "DELETE").status
    assert (404, "ErrorItemNotFound") == client.error(f"me/mailFolders/{below['id']}")
    assert 403 == client.call("me/mailFolders/inbox", "DELETE").status


# -- reading


def test_headers_and_the_unique_body_come_only_where_they_are_selected(
    microsoft: MicrosoftServer, client: Client
) -> None:
    text = "Yes, please.\n\nOn Mon, 2 Mar 2026 Ann wrote:\n> Shall we?\n"
    id_ = microsoft.account().mailbox.deliver(text=text, headers=[("List-Id", "<x.example>")])
    plain = client.get(f"me/messages/{id_}")
    chosen = client.get(f"me/messages/{id_}?$select=uniqueBody,internetMessageHeaders")

    assert not {"uniqueBody", "internetMessageHeaders"} & plain.keys()
    assert {"@odata.context", "@odata.etag", "id", "uniqueBody", "internetMessageHeaders"} == chosen.keys()
    assert "Yes, please." == chosen["uniqueBody"]["content"].strip()
    assert {"name": "List-Id", "value": "<x.example>"} in chosen["internetMessageHeaders"]
    assert 400 == client.call(f"me/messages/{id_}?$select=surprise").status


def test_a_body_comes_as_text_or_html_as_it_is_preferred(microsoft: MicrosoftServer, client: Client) -> None:
    html = "<p>Hello <b>you</b></p><script>alert(1)</script>"
    id_ = microsoft.account().mailbox.deliver(html=html, text="Hello you")
    bodies = [
        client.get(f"me/messages/{id_}?$select=body", prefer=prefer)["body"]
        for prefer in ("", 'outlook.body-content-type="text"', "outlook.allow-unsafe-html")
    ]

    assert ["html", "text", "html"] == [body["contentType"] for body in bodies]
    assert ["<p>Hello <b>you</b></p>", "Hello you", html] == [body["content"].strip() for body in bodies]


def test_the_octets_come_as_they_are(microsoft: MicrosoftServer, client: Client) -> None:
    id_ = microsoft.account().mailbox.deliver(b"no header at all")

    assert b"no header at all" == client.call(f"me/messages/{id_}/$value").body
    assert (None, None, []) == tuple(
        client.get(f"me/messages/{id_}")[name] for name in ("subject", "from", "toRecipients")
    )


def test_files_messages_and_links_are_attachments(microsoft: MicrosoftServer, client: Client) -> None:
    inner, mail = EmailMessage(), EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content("inner text")
    mail["From"], mail["Subject"] = "ann@client.example", "files"
    mail.set_content("see below")
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="plan.pdf")
    mail.add_attachment(inner)
    mailbox = microsoft.account().mailbox
    id_ = mailbox.deliver(mail, links=[Link("Big.pptx", "https://x.example/big")])
    found = client.get(f"me/messages/{id_}/attachments")["value"]
    cut = client.get(f"me/messages/{id_}?$expand=attachments($select=id,name,contentType,size)")["attachments"]
    item = client.get(f"me/messages/{id_}/attachments/{found[1]['id']}?$expand=microsoft.graph.itemAttachment/item")

    assert ["file", "item", "reference"] == [
        one["@odata.type"].split(".")[-1].removesuffix("Attachment") for one in found
    ]
    assert b"%PDF" == base64.b64decode(found[0]["contentBytes"])
    assert b"%PDF" == client.call(f"me/messages/{id_}/attachments/{found[0]['id']}/$value").body
    assert b"inner text" in client.call(f"me/messages/{id_}/attachments/{found[1]['id']}/$value").body
    assert ("inner", False) == (item["item"]["subject"], any("contentBytes" in one for one in cut))
    assert 405 == client.call(f"me/messages/{id_}/attachments/{found[2]['id']}/$value").status
    assert (True, False) == (
        client.get(f"me/messages/{id_}")["hasAttachments"],
        client.get(f"me/messages/{mailbox.deliver()}")["hasAttachments"],
    )


def test_listings_are_filtered_ordered_searched_and_paged(microsoft: MicrosoftServer, client: Client) -> None:
    mailbox, clock = microsoft.account().mailbox, microsoft.clock
    assert isinstance(clock, VirtualClock)
    made = []
    for number in range(12):
        clock.advance(60)
        made.append(mailbox.deliver(subject=f"Offer {number}", read=number % 2 == 0, message_id=f"m{number}@x.example"))
    unread = client.get("me/messages?$filter=isRead eq false&$top=100&$count=true")
    first = client.get("me/mailFolders/inbox/messages?$select=subject")
    rest = client.get(first["@odata.nextLink"])
    since = datetime.fromtimestamp(clock() - 90, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    oldest = client.get(f"me/messages?$filter=receivedDateTime ge {since}&$orderby=receivedDateTime asc")["value"]

    assert (6, 6) == (unread["@odata.count"], len(unread["value"]))
    assert (10, 2, "Offer 0") == (len(first["value"]), len(rest["value"]), rest["value"][1]["subject"])
    assert made[-2:] == [one["id"] for one in oldest]
    assert [made[7]] == [
        one["id"] for one in client.get("me/messages?$filter=internetMessageId eq '<m7@x.example>'")["value"]
    ]
    assert [made[3]] == [one["id"] for one in client.get('me/messages?$search="Offer 3"')["value"]]
    assert (400, "InefficientFilter") == client.error(
        "me/messages?$filter=isRead eq true&$orderby=receivedDateTime desc"
    )


# -- writing


def test_a_draft_is_sent_under_the_same_immutable_id(microsoft: MicrosoftServer, client: Client) -> None:
    ann = microsoft.account("ann@client.example")
    draft = client.done("me/messages", body={**DRAFT, "bccRecipients": to("ann@client.example")})
    changed = client.done(f"me/messages/{draft['id']}", "PATCH", {"subject": "Better offer"})
    assert 202 == client.call(f"me/messages/{draft['id']}/send", "POST").status
    sent = client.get(f"me/messages/{draft['id']}")
    (arrived,) = ann.mailbox.messages("inbox")

    assert (True, "Better offer") == (draft["isDraft"], changed["subject"])
    assert (False, microsoft.account().mailbox.folder("sentitems").id) == (sent["isDraft"], sent["parentFolderId"])
    assert draft["internetMessageId"] == sent["internetMessageId"] == arrived.parsed["Message-ID"]
    assert "Bcc" not in arrived.parsed
    assert 400 == client.call(f"me/messages/{draft['id']}/send", "POST").status


def test_what_was_sent_is_not_changed_but_marked(client: Client) -> None:
    draft = client.done("me/messages", body=DRAFT)
    client.call(f"me/messages/{draft['id']}/send", "POST")

    assert (403, "ErrorAccessDenied") == client.error(f"me/messages/{draft['id']}", "PATCH", {"subject": "x"})
    marks = {"isRead": False, "flag": {"flagStatus": "flagged"}, "categories": ["Red"]}
    done = client.done(f"me/messages/{draft['id']}", "PATCH", marks)
    assert (False, "flagged", ["Red"]) == (done["isRead"], done["flag"]["flagStatus"], done["categories"])


def test_mail_is_sent_at_once_as_json_or_as_octets_and_saved_unless_asked_not_to(
    microsoft: MicrosoftServer, client: Client
) -> None:
    mailbox = microsoft.account().mailbox
    raw = base64.b64encode(
        b"From: me@acme.com\r\nTo: ann@client.example\r\nSubject: octets\r\nMessage-ID: <own@x>\r\n\r\nhi"
    )
    statuses = [
        client.call("me/sendMail", "POST", {"message": DRAFT}).status,
        client.call(
            "me/sendMail", "POST", {"message": {**DRAFT, "subject": "unsaved"}, "saveToSentItems": False}
        ).status,
        client.call("me/sendMail", "POST", raw, **{"content-type": "text/plain"}).status,
    ]
    subjects = [str(mail.parsed["Subject"]) for mail in mailbox.messages("sentitems")]

    assert [202, 202, 202] == statuses
    assert ["octets", "Offer"] == sorted(subjects, reverse=True)
    assert "<own@x>" in {str(mail.parsed["Message-ID"]) for mail in mailbox.messages("sentitems")}
    assert 400 == client.call("me/sendMail", "POST", {"message": {**DRAFT, "toRecipients": []}}).status


def test_a_reply_stays_in_its_thread(microsoft: MicrosoftServer, client: Client) -> None:
    mailbox = microsoft.account().mailbox
    id_ = mailbox.deliver(message_id="offer@client.example", subject="Offer", cc="bob@client.example")
    draft = client.done(f"me/messages/{id_}/createReplyAll", body={"comment": "Yes"})
    whole = client.get(f"me/messages/{draft['id']}?$select=conversationId,internetMessageHeaders,body")
    headers = {one["name"]: one["value"] for one in whole["internetMessageHeaders"]}

    assert ("RE: Offer", True) == (draft["subject"], draft["isDraft"])
    assert ["ann@client.example"] == [one["emailAddress"]["address"] for one in draft["toRecipients"]]
    assert ["bob@client.example"] == [one["emailAddress"]["address"] for one in draft["ccRecipients"]]
    assert "<offer@client.example>" == headers["In-Reply-To"] == headers["References"]
    assert client.get(f"me/messages/{id_}")["conversationId"] == whole["conversationId"]
    assert whole["body"]["content"].startswith("Yes")
    assert 202 == client.call(f"me/messages/{id_}/reply", "POST", {"comment": "No"}).status
    assert 1 == len(list(mailbox.messages("sentitems")))


def test_a_header_of_ones_own_begins_with_x(client: Client) -> None:
    mine = {**DRAFT, "internetMessageHeaders": [{"name": "x-crm", "value": "1"}]}
    draft = client.done("me/messages", body=mine)
    headers = client.get(f"me/messages/{draft['id']}?$select=internetMessageHeaders")["internetMessageHeaders"]

    assert {"name": "x-crm", "value": "1"} in headers
    wrong = {**DRAFT, "internetMessageHeaders": [{"name": "References", "value": "<x>"}]}
    assert (400, "InvalidInternetMessageHeader") == client.error("me/messages", "POST", wrong)


def test_a_large_file_goes_up_in_parts_and_a_small_one_at_once(microsoft: MicrosoftServer, client: Client) -> None:
    draft, data = client.done("me/messages", body=DRAFT)["id"], b"x" * 3_500_000
    small = {"@odata.type": "#microsoft.graph.fileAttachment", "name": "a.txt", "contentBytes": "YQ=="}
    client.done(f"me/messages/{draft}/attachments", body=small)
    large = {**small, "contentBytes": base64.b64encode(data).decode()}
    assert (413, "ErrorMessageSizeExceeded") == client.error(f"me/messages/{draft}/attachments", "POST", large)

    item = {"AttachmentItem": {"attachmentType": "file", "name": "big.bin", "size": len(data)}}
    session = client.done(f"me/messages/{draft}/attachments/createUploadSession", body=item)
    path = session["uploadUrl"].removeprefix(microsoft.url)

    def put(begin: int, end: int) -> int:
        headers = {"content-range": f"bytes {begin}-{end - 1}/{len(data)}"}
        return microsoft.handle(Request("PUT", path, headers, data[begin:end])).status

    assert [200, 416, 201, 404] == [
        put(0, 2_000_000), put(0, 2_000_000), put(2_000_000, len(data)), put(2_000_000, len(data)),
    ]  # fmt: skip
    assert [("a.txt", 1), ("big.bin", len(data))] == [
        (one["name"], one["size"]) for one in client.get(f"me/messages/{draft}/attachments")["value"]
    ]


def test_messages_are_moved_copied_and_deleted(microsoft: MicrosoftServer, client: Client) -> None:
    mailbox = microsoft.account().mailbox
    id_ = mailbox.deliver(files=[File("a.txt")])
    moved = client.done(f"me/messages/{id_}/move", body={"destinationId": "archive"})
    copied = client.done(f"me/messages/{id_}/copy", body={"destinationId": "inbox"})

    assert (id_, mailbox.folder("archive").id) == (moved["id"], moved["parentFolderId"])
    assert (True, mailbox.folder("inbox").id) == (copied["id"] != id_, copied["parentFolderId"])
    assert 204 == client.call(f"me/messages/{id_}", "DELETE").status
    assert 404 == client.call(f"me/messages/{id_}").status


# -- whose


def test_a_shared_mailbox_is_opened_by_its_delegates_with_shared_permissions(microsoft: MicrosoftServer) -> None:
    sales = microsoft.account("sales@acme.com", kind="shared", name="Sales")
    id_ = sales.mailbox.deliver()
    path = f"users/sales@acme.com/messages/{id_}"
    client = Client(microsoft)
    assert (404, "ErrorItemNotFound") == client.error(path)
    sales.delegates.add("me@acme.com")

    assert id_ == client.get(path)["id"]
    assert (403, "ErrorAccessDenied") == Client(microsoft, scopes={"Mail.Read"}).error(path)
    assert (
        "/users/sales@acme.com/"
        in client.get("users/sales@acme.com/mailFolders/inbox/messages/delta")["@odata.deltaLink"]
    )
    assert (404, "ErrorInvalidUser") == client.error("users/nobody@acme.com/messages")


def test_the_copy_of_what_is_sent_for_a_shared_mailbox_lands_with_the_person(microsoft: MicrosoftServer) -> None:
    sales = microsoft.account("sales@acme.com", kind="shared")
    sales.delegates.add("me@acme.com")
    client = Client(microsoft)
    send = ("users/sales@acme.com/sendMail", "POST", {"message": DRAFT})
    assert (403, "ErrorSendAsDenied") == client.error(*send)
    sales.senders.add("me@acme.com")

    def copies() -> tuple[int, int]:
        mine = microsoft.account().mailbox
        return len(list(mine.messages("sentitems"))), len(list(sales.mailbox.messages("sentitems")))

    assert (202, (1, 0)) == (client.call(*send).status, copies())
    sales.copies_for_delegates = True
    assert (202, (2, 1)) == (client.call(*send).status, copies())


def test_an_alias_is_replaced_by_the_own_address_unless_the_organization_allows_it(microsoft: MicrosoftServer) -> None:
    me = microsoft.account("eva@acme.com", aliases=("info@acme.com",))
    client, sender = Client(microsoft, "eva@acme.com"), to("info@acme.com")[0]
    client.call("me/sendMail", "POST", {"message": {**DRAFT, "from": sender}})
    me.sends_from_aliases = True
    client.call("me/sendMail", "POST", {"message": {**DRAFT, "from": sender}})

    assert ["eva@acme.com", "info@acme.com"] == sorted(str(m.parsed["From"]) for m in me.mailbox.messages("sentitems"))
    foreign = {**DRAFT, "from": to("boss@acme.com")[0]}
    assert (403, "ErrorSendAsDenied") == client.error("me/sendMail", "POST", {"message": foreign})


def test_who_a_mailbox_is(microsoft: MicrosoftServer) -> None:
    eva = microsoft.account("eva@acme.com", aliases=("info@acme.com",), principal="e.smith@acme.com", name="Eva Smith")
    eva.others_proxies = ["SIP:eva@acme.com"]
    room = Client(microsoft, microsoft.account("room1@acme.com", kind="room").address)
    client = Client(microsoft, "eva@acme.com")
    me = client.get("me?$select=mail,userPrincipalName,proxyAddresses,displayName")

    assert ("eva@acme.com", "e.smith@acme.com", "Eva Smith") == (me["mail"], me["userPrincipalName"], me["displayName"])
    assert ["SMTP:eva@acme.com", "smtp:info@acme.com", "SIP:eva@acme.com"] == me["proxyAddresses"]
    assert "proxyAddresses" not in client.get("me")
    assert ("user", "room") == (
        client.get("me/mailboxSettings")["userPurpose"], room.get("me/mailboxSettings/userPurpose")["value"],
    )  # fmt: skip
    assert ["acme.com", "acme.onmicrosoft.com"] == [
        one["name"] for one in client.get("organization")["value"][0]["verifiedDomains"]
    ]


def test_a_mailbox_that_graph_does_not_reach_says_so(microsoft: MicrosoftServer, client: Client) -> None:
    microsoft.account().licensed = False

    assert (404, "MailboxNotEnabledForRESTAPI") == client.error("me/mailFolders")
    assert None is client.get("me")["mail"]


def test_an_archived_mailbox_has_other_immutable_ids(microsoft: MicrosoftServer, client: Client) -> None:
    id_ = microsoft.account().mailbox.deliver()
    _, link = client.walk("me/mailFolders/inbox/messages/delta")
    microsoft.account().archive()
    (found,) = client.get("me/messages")["value"]

    assert (True, 404) == (found["id"] != id_, client.call(f"me/messages/{id_}").status)
    assert (410, "syncStateNotFound") == client.error(link)


def test_basic_permissions_show_no_content(microsoft: MicrosoftServer) -> None:
    id_ = microsoft.account().mailbox.deliver()
    client = Client(microsoft, scopes={"Mail.ReadBasic"})
    found = client.get(f"me/messages/{id_}")

    assert not {"body", "bodyPreview", "uniqueBody"} & found.keys()
    assert "subject" in found
    assert 403 == client.call(f"me/messages/{id_}/$value").status
    assert 403 == Client(microsoft, scopes=EVERY_PERMISSION - {"Mail.ReadWrite", "Mail.ReadWrite.Shared"}).call(
        f"me/messages/{id_}", "PATCH", {"isRead": True}
    ).status  # fmt: skip


def test_what_nobody_knows_is_refused(client: Client) -> None:
    assert (400, "BadRequest") == client.error("me/surprise")
    assert 405 == client.call("me/mailFolders", "PATCH", {}).status
    assert 401 == Client(client.server, token="garbage").call("me").status
