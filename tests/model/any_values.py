"""Strategies: any value that the model can hold, with the few addresses and domains that rules tell apart."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import strategies as st

from crmsync import (
    Attachment,
    CalendarUser,
    Channel,
    Classification,
    Collection,
    CollectionRole,
    ContactCreation,
    Event,
    EventStatus,
    MeetingContacts,
    Message,
    Participant,
    Policy,
    Response,
    Role,
    Selection,
    Visibility,
)  # fmt: skip

ADDRESSES = (
    "me@acme.com", "me@gmail.com", "bob@acme.com", "bob@mail.acme.com", "x@notacme.com", "ann@client.example",
    "x@spam.example", "x@news.spam.example", "x@notspam.example", "noreply@shop.example", "info@client.example",
    "friend@gmail.com", "root@localhost", "a..b@docomo.ne.jp", "prof@mit.edu", "undisclosed-recipients:",
    "/o=exchangelabs/cn=ann", "c_1@resource.calendar.google.com", "ann@münchen.example", "ann@[192.0.2.1]", "@", "x",
)  # fmt: skip
ENTRIES = (
    "ann@client.example", "@spam.example", "spam.example", "@client.example", "x@*", "*@*.spam.example", "news*@*",
    "*.example", ".com", "@acme.com", "@gmail.com", "me@acme.com", "*e*e*e*",
)  # fmt: skip
DOMAINS = ("acme.com", "client.example", "gmail.com", "spam.example", "co.uk", "localhost", "mail.acme.com")

NASTY = st.text(st.characters(codec=None), max_size=12)
"""Text with NUL, lone surrogates, controls and every script."""

zones = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11))])
moments = st.datetimes(datetime(1970, 1, 3), datetime(2100, 1, 1), timezones=zones)  # noqa: DTZ001 - zones are drawn
days = st.dates(date(1970, 1, 1), date(2100, 1, 1))
times = st.one_of(moments, days)
levels = st.sampled_from(Visibility)
addresses = st.one_of(
    st.sampled_from(ADDRESSES), st.sampled_from(ADDRESSES).map(str.upper), NASTY.map(lambda text: f"{text}@x.example")
)
collections = st.builds(
    Collection, id=st.sampled_from(["INBOX", "7", "a/b"]), name=NASTY, role=st.sampled_from(CollectionRole)
)
attachments = st.builds(Attachment, part=NASTY, name=st.none() | NASTY, size=st.none() | st.integers(0, 10**12))


def participants(roles: tuple[Role, ...]) -> st.SearchStrategy[list[Participant]]:
    one = st.builds(
        Participant,
        address=addresses,
        role=st.sampled_from(roles),
        name=st.none() | NASTY | st.sampled_from(["Doe, John", "ann@client.example", "Ann Doe"]),
        response=st.none() | st.sampled_from(Response),
        user=st.sampled_from(CalendarUser),
        optional=st.booleans(),
    )
    return st.lists(one, max_size=4)


headers = st.lists(
    st.tuples(
        st.sampled_from(["list-id", "Precedence", "auto-submitted", "x-autoreply", "subject"]),
        st.one_of(st.sampled_from(["bulk", "no", "auto-replied; x", ""]), NASTY),
    ),
    max_size=2,
)
ids = st.one_of(st.none(), st.sampled_from(["1@x", "2@x", ""]), NASTY)
messages = st.builds(
    Message,
    message_id=ids,
    date=st.none() | moments,
    received=st.none() | moments,
    participants=participants((Role.FROM, Role.SENDER, Role.REPLY_TO, Role.TO, Role.CC, Role.BCC)),
    subject=st.none() | NASTY | st.sampled_from(["Your code is 123456", "Reset your password"]),
    text=st.none() | NASTY | st.sampled_from(["Your verification code: 482913", "a\nb"]),
    reply=st.none() | NASTY,
    html=st.none() | NASTY,
    attachments=st.lists(attachments, max_size=2),
    in_reply_to=ids,
    references=st.lists(ids.map(lambda id_: id_ or ""), max_size=2),
    provider_thread=st.none() | NASTY,
    headers=headers,
    calendar_method=st.sampled_from([None, None, "REQUEST"]),
    collections=st.lists(collections, max_size=2),
)
events = st.builds(
    Event,
    uid=NASTY.map(lambda text: f"u{text}"),
    recurrence_id=st.none() | times,
    sequence=st.integers(0, 9),
    updated=st.none() | moments,
    start=times,
    end=times,
    timezone=st.sampled_from([None, "Europe/Berlin"]),
    floating=st.booleans(),
    status=st.sampled_from(EventStatus),
    classification=st.sampled_from(Classification),
    transparent=st.booleans(),
    participants=participants((Role.ORGANIZER, Role.ATTENDEE)),
    summary=st.none() | NASTY,
    description=st.none() | NASTY,
    location=st.none() | NASTY,
    conference_url=st.none() | NASTY,
    attachments=st.lists(attachments, max_size=2),
    problems=st.lists(NASTY, max_size=2),
    collections=st.lists(collections, max_size=2),
)
records: st.SearchStrategy[Message | Event] = st.one_of(messages, events)

entry_sets = st.frozensets(st.sampled_from(ENTRIES), max_size=3)
selections = st.one_of(
    st.just(Selection()),
    st.builds(
        Selection,
        mode=st.sampled_from(["only", "except"]),
        collections=st.frozensets(st.sampled_from(["INBOX", "7", "sent", "junk"]), max_size=2),
    ),
)
channels = st.builds(
    Channel,
    key=st.sampled_from(["inbox-1", "Ännchen"]),
    addresses=st.sampled_from([{"me@acme.com"}, {"me@gmail.com"}, {"me@acme.com", "me@gmail.com"}, {"prof@mit.edu"}]),
    owner=st.sampled_from(["", "mia"]),
    visibility=levels,
    contacts=st.sampled_from(ContactCreation),
    meeting_contacts=st.sampled_from(MeetingContacts),
    consumer_contacts=st.booleans(),
    group_contacts=st.booleans(),
    declined_contacts=st.booleans(),
    largest_meeting=st.none() | st.integers(1, 4),
    selection=selections,
    blocked=entry_sets,
    group_mail=st.booleans(),
    invitation_mail=st.booleans(),
    known_contacts_only=st.booleans(),
    start=st.none() | days,
)
policies = st.builds(
    Policy,
    internal_domains=st.frozensets(st.sampled_from(DOMAINS), max_size=2),
    members=st.frozensets(st.sampled_from(["bob@acme.com", "bob@gmail.com", "zoe@other.example"]), max_size=2),
    internal_mail=st.booleans(),
    blocked=entry_sets,
    allowed=entry_sets,
    known_contacts=st.frozensets(st.sampled_from(["ann@client.example"]), max_size=1),
)
