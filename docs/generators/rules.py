"""The decision tables: the rules' order, and what each rule answers to examples."""

from __future__ import annotations

from datetime import UTC, date, datetime

from crmsync.model import (
    HIDDEN,
    CalendarUser,
    Channel,
    Classification,
    Collection,
    CollectionRole,
    ContactCreation,
    Event,
    Item,
    Message,
    Outcome,
    Participant,
    Policy,
    Response,
    Role,
    Selection,
    Visibility,
)  # fmt: skip
from crmsync.rules import (
    EVENT_RULES,
    MESSAGE_RULES,
    ContactReason,
    Grant,
    access,
    company_name,
    contacts_for,
    decide,
    explain_contacts,
    is_automatic,
    is_blocked,
    is_consumer,
    is_group_address,
    is_internal,
    is_selected,
    is_sensitive,
    person_name,
    registrable_domain,
    work_domain,
)  # fmt: skip
from crmsync.testing import event, message

from .markdown import code, first_sentence, table
from .source import enum_docs

ME, ANN, BOB = "me@acme.com", "ann@client.example", "bob@acme.com"
CHANNEL = Channel(key="inbox-1", addresses={ME}, blocked={"@spam.example"})
POLICY = Policy(internal_domains={"acme.com"})
JUNK = Collection(id="Junk", name="Junk", role=CollectionRole.JUNK)
DRAFTS = Collection(id="Drafts", name="Drafts", role=CollectionRole.DRAFTS)


def order_messages() -> str:
    rows = [(1, code("unreadable"), "It could not be read. It is recorded as skipped, and tried again later.")]
    rows += [(n, code(r.reason), first_sentence(r.applies.__doc__ or "")) for n, r in enumerate(MESSAGE_RULES, start=2)]
    return table(["", "reason", "a mail stays out when"], rows)


def order_events() -> str:
    rows = [(1, code("unreadable"), "It could not be read. It is recorded as skipped, and tried again later.")]
    rows += [(n, code(r.reason), first_sentence(r.applies.__doc__ or "")) for n, r in enumerate(EVENT_RULES, start=2)]
    return table(["", "reason", "a meeting stays out when"], rows)


def _decision(item: Item, channel: Channel, policy: Policy = POLICY) -> tuple[str, str]:
    (record,) = item.records
    decision = decide(record, channel, policy)
    if decision.outcome is Outcome.EXCLUDED:
        return f"excluded: {code(decision.reason)}", "–"
    people = contacts_for(record, channel, policy)
    return "stored", ", ".join(f"{c.name} ({c.address})" for c in people) or "nobody"


def _with(**settings: object) -> Channel:
    return Channel.model_validate({**CHANNEL.model_dump(), "contacts": "sent_and_received", **settings})


def mail_cases() -> str:
    both, sent = _with(), _with(contacts="sent")
    gmail = Channel(key="inbox-2", addresses={"me@gmail.com"}, contacts=ContactCreation.SENT_AND_RECEIVED)
    shop = "noreply@shop.example"
    bulk = [("list-unsubscribe", "<mailto:stop@shop.example>")]
    old = datetime(2025, 12, 31, tzinfo=UTC)
    cases = [
        ("from bob@acme.com to me", message("1", sender=BOB, to=ME), both),
        ("from bob@mail.acme.com to me", message("1", sender="bob@mail.acme.com", to=ME), both),
        ("from ann@client.example, Cc bob@acme.com", message("1", to=ME, cc=BOB), both),
        ("from x@news.spam.example", message("1", sender="x@news.spam.example", to=ME), both),
        ("from x@notspam.example", message("1", sender="x@notspam.example", to=ME), both),
        ("from ann, Bcc x@spam.example", message("1", to=ME, bcc="x@spam.example"), both),
        ("from me to ann@client.example, contacts `sent`", message("1", sender=ME, to=ANN), sent),
        ("from ann to me, contacts `sent`", message("1", to=ME), sent),
        (f"from {shop}", message("1", sender=shop, to=ME), both),
        ("from ann through a mailing list", message("1", to=ME, headers=bulk), both),
        (f"from {shop}, group mail wanted", message("1", sender=shop, to=ME), _with(group_mail=True)),
        (f"from me to {shop}", message("1", sender=ME, to=shop), both),
        (
            "account me@gmail.com, from friend@gmail.com",
            message("1", sender="friend@gmail.com", to="me@gmail.com"),
            gmail,
        ),
        ("from ann, in the spam folder", message("1", to=ME, collections=[JUNK]), both),
        ("my draft to ann", message("1", sender=ME, to=ANN, collections=[DRAFTS]), both),
        ("from ann, of 2025, start date 2026-01-01", message("1", to=ME, date=old), _with(start=date(2026, 1, 1))),
    ]
    return table(["mail", "decision", "contacts"], [(case, *_decision(item, channel)) for case, item, channel in cases])


def event_cases() -> str:
    room = Participant(address="room-1@client.example", role=Role.ATTENDEE, user=CalendarUser.ROOM)
    solo = event("1", organizer=ME)
    with_room = Event.model_validate({**dict(solo.records[0]), "participants": [*solo.records[0].participants, room]})
    declined = event("1", attendees=[ME], responses={ME: Response.DECLINED})
    cases = [
        ("ann invites me", event("1", attendees=[ME]), _with()),
        ("I invite ann and bob", event("1", organizer=ME, attendees=[ANN, BOB]), _with()),
        ("bob invites me", event("1", organizer=BOB, attendees=[ME]), _with()),
        ("nobody but me", solo, _with()),
        ("nobody but me, and a room", Item(id="1", records=[with_room]), _with()),
        ("ann invites me, marked private", event("1", attendees=[ME], classification=Classification.PRIVATE), _with()),
        ("ann invites me and x@spam.example", event("1", attendees=[ME, "x@spam.example"]), _with()),
        ("ann invites me and cy, contacts `organizer`", event("1", attendees=[ME, "cy@c.example"]),
         _with(meeting_contacts="organizer")),
        ("ann invites me, I declined", declined, _with()),
        ("ann invites me, I declined, those left out", declined, _with(declined_contacts=False)),
        ("ann invites me, contacts `none`", event("1", attendees=[ME]), _with(meeting_contacts="none")),
    ]  # fmt: skip
    rows = [(case, *_decision(item, channel)) for case, item, channel in cases]
    return table(["meeting", "decision", "contacts"], rows)


def contact_reasons() -> str:
    docs = enum_docs(ContactReason)
    return table(["reason", "meaning"], [(code(r), docs[r] or "Becomes a contact.") for r in ContactReason])


def contact_cases() -> str:
    (record,) = message("1", sender=ME, to=[ANN, BOB, "info@client.example", "cy@gmail.com"]).records
    channel = _with(consumer_contacts=False)
    said = explain_contacts(record, channel, POLICY)
    return table(["participant", "reason", "company"], [
        (d.address, code(d.reason), d.contact.company.name if d.contact and d.contact.company else "–") for d in said
    ])  # fmt: skip


def internal() -> str:
    cases = [
        ([BOB], {"acme.com"}), (["bob@mail.acme.com"], {"acme.com"}), ([BOB, ANN], {"acme.com"}),
        (["x@notacme.com"], {"acme.com"}), (["friend@gmail.com"], {"gmail.com"}), (["me@gmail.com"], {"me@gmail.com"}),
        ([], {"acme.com"}),
    ]  # fmt: skip
    rows = [(", ".join(a) or "nobody", ", ".join(own), _yes(is_internal(a, own))) for a, own in cases]
    return table(["addresses", "own", "internal"], rows)


def blocked() -> str:
    cases = [
        ("ann@client.example", "ann@client.example"), ("Ann@Client.Example", "ann@client.example"),
        ("x@spam.example", "@spam.example"), ("x@news.spam.example", "spam.example"),
        ("x@notspam.example", "@spam.example"), ("news-7@shop.example", "news*@shop.example"),
        ("x@mail.shop.example", "*@*.shop.example"), (ME, "@acme.com"),
    ]  # fmt: skip
    rows = [(a, code(entry), _yes(is_blocked(a, {entry}, own={ME}))) for a, entry in cases]
    return table(["address", "entry", "blocked"], rows) + "\nThe last address is the channel's own.\n"


def automatic() -> str:
    cases = [
        ("List-Id", "<news.example>"), ("List-Unsubscribe", "<mailto:stop@news.example>"), ("Precedence", "bulk"),
        ("Precedence", "first-class"), ("Auto-Submitted", "auto-replied"), ("Auto-Submitted", "no"),
    ]  # fmt: skip
    return table(["header", "automatic"], [(code(f"{n}: {v}"), _yes(is_automatic({n: v}))) for n, v in cases])


def group() -> str:
    cases = [
        "no-reply@shop.example", "noreply+42@shop.example", "jira.alerts@corp.example", "info@client.example",
        "support-eu@client.example", "sales@client.example", "infante@client.example", "j.noreply.smith@corp.example",
        "ann.support@client.example",
    ]  # fmt: skip
    return table(["address", "group address"], [(a, _yes(is_group_address(a))) for a in cases])


def names() -> str:
    cases = [
        ("Doe, John", "jd@x.example"), ("John Doe", "jd@x.example"), (None, "first.last@x.example"),
        ("jd@x.example", "john.doe@x.example"), ("JOHN DOE", "jd@x.example"), ("Dr. Ann Smith, PhD", "as@x.example"),
        ("Vincent van Gogh", "v@x.example"), ("Anna Maria Rossi-Bianchi", "a@x.example"),
        ("Sinéad O’Hara", "s@x.example"),
        ("John Doe:SALES", "jd@x.example"), ("Ann Lee (Acme)", "al@x.example"), ("Ann Lee via Docs", "al@x.example"),
        ("山田 太郎", "y@x.example"), ("김민수", "k@x.example"),
    ]  # fmt: skip
    rows = [
        (display or "–", a, n.first or "–", n.last or "–") for display, a in cases for n in [person_name(display, a)]
    ]
    return table(["display name", "address", "first", "last"], rows)


def domains() -> str:
    cases = [
        "ann@acme.com", "ann@mail.acme.com", "ann@app.example.co.uk", "cy@gmail.com", "cy@shop.github.io",
        "x@blue-ocean.com", "x@xn--mnchen-3ya.de", "root@localhost", "x@[192.0.2.1]",
    ]  # fmt: skip
    rows = []
    for address in cases:
        domain = work_domain(address)
        kind = "consumer" if is_consumer(address) else "–" if domain is None else company_name(domain)
        rows.append((address, registrable_domain(address) or "–", domain or "–", kind))
    return table(["address", "registrable domain", "work domain", "company"], rows)


def sensitive() -> str:
    cases = [
        ("Your verification code", "Your code is 123456.", "no-reply@bank.example"),
        ("Dein Anmeldecode", "123 456 ist dein Anmeldecode.", "no-reply@app.example"),
        ("Reset your password", "Click https://app.example/r/1", "no-reply@app.example"),
        ("Password policy", "Shall we let people reset their password by phone?", ANN),
        ("Invoice 123456", "Please pay by Friday.", ANN),
    ]
    rows = []
    for subject, text, sender in cases:
        (record,) = message("1", sender=sender, to=ME, subject=subject, text=text).records
        assert isinstance(record, Message)
        rows.append((sender, subject, text, _yes(is_sensitive(record))))
    return table(["from", "subject", "text", "held"], rows)


def selection() -> str:
    inbox = Collection(id="INBOX", name="Inbox", role=CollectionRole.INBOX)
    deals = Collection(id="Label_7", name="Deals")
    choices = {
        "all": Selection(),
        "only `inbox`": Selection(mode="only", collections={"inbox"}),
        "only `Deals`": Selection(mode="only", collections={"Deals"}),
        "except `Label_7`": Selection(mode="except", collections={"Label_7"}),
    }
    rows = [(said, _yes(is_selected(inbox, s)), _yes(is_selected(deals, s))) for said, s in choices.items()]
    return table(["selection", "inbox", "Deals (id Label_7)"], rows)


def who_sees() -> str:
    cases: list[tuple[str, list[Grant], bool]] = [
        ("I own a copy", [Grant("me", "private")], False),
        ("mia shares `metadata`, leo `subject`", [Grant("mia", "metadata"), Grant("leo", "subject")], False),
        ("the same, `strictest`", [Grant("mia", "metadata"), Grant("leo", "subject")], True),
        ("mia shares `everything`, the mail is a one-time code", [Grant("mia", "everything", held=True)], False),
        ("the same, and mia shares this one", [Grant("mia", "everything", held=True, override="everything")], False),
        ("mia shares `metadata`, but this thread `private`", [Grant("mia", "metadata", override="private")], False),
        ("a level that nobody knows", [Grant("mia", "all of it")], False),
        ("nobody has a copy", [], False),
    ]
    rows = []
    for said, grants, strictest in cases:
        got = access("me", grants, strictest=strictest)
        rows.append((said, code(got.level), code(got.why)))
    return table(["case", "I see", "why"], rows)


def hidden() -> str:
    parts = []
    for kind, model in (("message", Message), ("event", Event)):
        levels = [v for v in reversed(Visibility) if v is not Visibility.PRIVATE]
        shown = [n for n in model.model_fields if n not in ("kind", "level")]
        rows = [(code(n), *("hidden" if n in HIDDEN[kind][v] else "shown" for v in levels)) for n in shown]
        parts.append(table([f"{kind}'s field", *(code(v) for v in levels)], rows))
    return "\n".join(parts)


def levels() -> str:
    docs = enum_docs(Visibility)
    return table(["level", "the other members see"], [(code(v), docs[v]) for v in reversed(Visibility)])


def _yes(value: bool) -> str:
    return "yes" if value else "no"


GENERATORS = {
    f"rules.{function.__name__}": function
    for function in (
        order_messages, order_events, mail_cases, event_cases, contact_reasons, contact_cases, internal, blocked,
        automatic, group, names, domains, sensitive, selection, who_sees, hidden, levels,
    )
}  # fmt: skip
