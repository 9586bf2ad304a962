"""The Django CRM: its commands, and its pages, which show to each user what they may see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from itertools import groupby
from types import SimpleNamespace
from typing import Any

import pytest

from crmsync import Message
from crmsync.rules import Grant, access, redact

USERS = ("mia", "ben", "lena")


def command(*words: str, **options: Any) -> str:
    from django.core.management import call_command

    said = StringIO()
    call_command(*words, stdout=said, stderr=said, **options)
    return said.getvalue()


@pytest.fixture(scope="module")
def synced(crm: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """The sample workspace, synced once."""
    from django.conf import settings
    from django.db import transaction

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a test's password may be cheap
    with transaction.atomic():
        command("load_sample")
        command("sync")
        yield crm
        transaction.set_rollback(True)


@pytest.fixture
def sample(synced: SimpleNamespace, rolled_back: SimpleNamespace) -> SimpleNamespace:
    """The same, as if nothing had been done to it yet."""
    return rolled_back


def user(name: str) -> Any:
    from django.contrib.auth.models import User

    return User.objects.get(username=name)


def client(name: str) -> Any:
    from django.test import Client

    made = Client()
    made.force_login(user(name))
    return made


# -- the commands


def test_the_migrations_are_those_of_the_models(crm: SimpleNamespace) -> None:
    assert "No changes detected\n" == command("makemigrations", "--check", "--dry-run")


def test_a_second_sync_finds_nothing_new(sample: SimpleNamespace) -> None:
    before = list(sample.models.Link.objects.values_list("pk", "data"))

    said = command("sync")

    assert 4 == said.count("stored=0 excluded=0 deleted=0 contacts=0")
    assert before == list(sample.models.Link.objects.values_list("pk", "data"))


def test_one_channel_that_fails_stops_no_other(sample: SimpleNamespace) -> None:
    from django.core.management import call_command
    from django.core.management.base import CommandError

    sample.models.Stream.objects.all().delete()
    sample.models.Channel.objects.filter(key="ben-mail").update(source="/no/such/file.mbox")
    said = StringIO()

    with pytest.raises(CommandError, match="1 of 4 channels failed; the others are up to date"):
        call_command("sync", stdout=said, stderr=said)

    assert "ben-mail: /no/such/file.mbox is not there; check the path" in said.getvalue()
    assert 20 == sample.models.Decision.objects.filter(stream__channel__key="mia-mail", outcome="stored").count()


def test_a_channel_that_is_not_there_is_told(sample: SimpleNamespace) -> None:
    from django.core.management.base import CommandError

    with pytest.raises(CommandError, match="there is no channel nobody-mail"):
        command("sync", "nobody-mail")


def test_progress_is_shown_on_a_terminal_and_nowhere_else(sample: SimpleNamespace) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    from django.core.management import call_command

    sample.models.Stream.objects.all().delete()
    terminal = Terminal()
    call_command("sync", "mia-mail", stdout=terminal)

    assert "mia-mail: 35 of 35 items of mia.mbox\x1b[K\r" in terminal.getvalue()
    assert "\r" not in command("sync", "ben-mail")


def test_a_deleted_person_stays_deleted_until_a_user_adds_them_again(sample: SimpleNamespace) -> None:
    models = sample.models
    mia = client("mia")
    john = models.EmailAddress.objects.get(address="john.doe@brightwater.example").person

    mia.post(f"/crm/person/{john.pk}/delete/", {"post": "yes"})
    models.Stream.objects.all().delete()  # everything is listed again
    command("sync")
    gone = models.Person.objects.filter(last_name="Doe").exists()
    added = mia.post(
        "/crm/person/add/",
        {
            "first_name": "John", "last_name": "Doe", "addresses-TOTAL_FORMS": "1", "addresses-INITIAL_FORMS": "0",
            "addresses-0-address": "John.Doe@Brightwater.example",
        },
    )  # fmt: skip

    assert not gone
    assert 302 == added.status_code, added.content.decode()
    assert "John Doe" == str(models.EmailAddress.objects.get(address="john.doe@brightwater.example").person)


def test_a_deleted_company_stays_deleted(sample: SimpleNamespace) -> None:
    models = sample.models
    models.Company.objects.get(domains__domain="brightwater.example").delete()
    models.Stream.objects.all().delete()
    command("sync")

    assert not models.Company.objects.filter(name="Brightwater").exists()
    assert models.EmailAddress.objects.get(address="john.doe@brightwater.example").person.company is None


# -- who sees what


def by_the_rules(crm: SimpleNamespace, viewer: str) -> dict[str, tuple[str, str]]:
    """What a user may see, by `access` and `redact` over all copies: key, level, and the text that is shown."""
    copies = crm.models.Link.objects.select_related("stream__channel").order_by("key", "pk")
    seen = {}
    for key, held in groupby(copies, key=lambda link: link.key):
        links = list(held)
        channels = [link.stream.channel for link in links]
        grants = [Grant(str(c.owner_id), c.visibility, link.held) for c, link in zip(channels, links, strict=True)]
        level = access(viewer, grants).level
        if record := redact(links[0].record(), level):
            seen[key] = (level.value, words_of(record))
    return seen


def words_of(record: Any) -> str:
    if isinstance(record, Message):
        return f"{record.subject or ''} {record.text or ''}"
    return f"{record.summary or ''} {record.description or ''}"


@pytest.mark.parametrize("name", USERS)
@pytest.mark.parametrize("shared", ["as it is", "private", "metadata", "subject", "everything", "unheard of"])
def test_a_user_sees_what_the_rules_say_and_nothing_else(name: str, shared: str, sample: SimpleNamespace) -> None:
    if shared != "as it is":
        sample.models.Channel.objects.update(visibility=shared)
    viewer = user(name).pk

    links = list(sample.models.Link.objects.visible_to(viewer))
    shown = {link.key: sample.visibility.seen(link) for link in links}

    expected = by_the_rules(sample, str(viewer))
    assert sorted(expected) == sorted(link.key for link in links)  # in the query already, not only when it is shown
    assert expected == {key: (s.access.level.value, words_of(s.record)) for key, s in shown.items() if s}


@pytest.mark.parametrize("name", USERS)
@pytest.mark.parametrize("shared", ["as it is", "metadata"])
def test_a_search_finds_words_that_its_viewer_sees_and_no_others(
    name: str, shared: str, sample: SimpleNamespace
) -> None:
    if shared != "as it is":
        sample.models.Channel.objects.update(visibility=shared)
    viewer = user(name).pk
    expected = by_the_rules(sample, str(viewer))
    everything = " ".join(words_of(link.record()) for link in sample.models.Link.objects.all())
    people: dict[str, str] = {}
    for link in sample.models.Link.objects.all():
        people[link.key] = f"{people.get(link.key, '')} {' '.join(p.address for p in link.record().participants)}"

    for word in sorted(set(re.findall(r"[a-z]{5,}", everything)))[::7]:
        found = set(sample.models.Link.objects.visible_to(viewer).search(word).values_list("key", flat=True))
        may = {k for k, (_, said) in expected.items() if word in said.casefold() or word in people[k]}
        assert may == found, word


def test_a_link_that_nobody_s_query_brought_shows_nothing(sample: SimpleNamespace) -> None:
    """A programmer who forgets `visible_to` sees an error, and no user sees a mail."""
    with pytest.raises(AttributeError, match="viewer"):
        sample.visibility.seen(sample.models.Link.objects.first())


def test_visibility_holds_at_once(sample: SimpleNamespace) -> None:
    lena, mia = client("lena"), client("mia")
    channel = sample.models.Channel.objects.get(key="mia-mail")
    before = lena.get("/crm/link/?q=studio").content.decode()

    form = {"visibility": "private", "contacts": "sent", "meeting_contacts": "everyone", "selection": "all"}
    saved = mia.post(f"/crm/channel/{channel.pk}/change/", form)
    after = lena.get("/crm/link/?q=studio").content.decode()

    assert "Small folder for a print studio?" in before
    assert 302 == saved.status_code
    assert "Small folder" not in after


# -- the pages


@pytest.mark.parametrize("name", USERS)
def test_every_page_opens(name: str, sample: SimpleNamespace) -> None:
    models, who = sample.models, client(name)
    pages = ["/", "/crm/person/", "/crm/company/", "/crm/link/", "/crm/decision/", "/crm/channel/"]
    pages += [f"/crm/person/{p.pk}/change/" for p in models.Person.objects.all()[::3]]
    pages += [f"/crm/company/{c.pk}/change/" for c in models.Company.objects.all()[::3]]
    pages += [f"/crm/link/{k.pk}/change/" for k in models.Link.objects.visible_to(user(name).pk)[::3]]
    pages += [f"/crm/channel/{c.pk}/change/" for c in models.Channel.objects.filter(owner=user(name))]
    pages += [
        "/crm/link/?kind=event",
        "/crm/link/?q=line+review",
        "/crm/person/?q=doe",
        "/crm/link/?p=1",
        "/crm/person/add/",
    ]

    assert {200} == {who.get(page).status_code for page in pages}


def test_nobody_opens_what_is_not_theirs_to_see(sample: SimpleNamespace) -> None:
    models, lena = sample.models, client("lena")
    visible = set(models.Link.objects.visible_to(user("lena").pk).values_list("pk", flat=True))
    hidden = [f"/crm/link/{pk}/change/" for pk in set(models.Link.objects.values_list("pk", flat=True)) - visible]
    hidden += [f"/crm/channel/{c.pk}/change/" for c in models.Channel.objects.all()]
    hidden += [f"/crm/channel/{c.pk}/delete/" for c in models.Channel.objects.all()]

    assert {302} == {lena.get(page).status_code for page in hidden}  # to the front page, as for what is not there
    assert not re.search(rb"[1-9]\d* decisions?", lena.get("/crm/decision/").content)


PROBES = (
    "text__icontains", "text__startswith", "subject__icontains", "data__contains", "text", "text__gt", "held__exact",
    "participants__address__icontains", "participants__address", "key__startswith", "item_id__icontains",
    "stream__cursor__contains", "stream__channel__owner__password__startswith", "stream__channel__blocked__contains",
    "stream__decisions__reason", "pk__in", "shown__exact", "shown__gte", "at__gte",
)  # fmt: skip


@pytest.mark.parametrize("page", ["link", "decision", "person", "company", "channel"])
def test_no_address_of_a_list_tells_what_is_hidden(page: str, sample: SimpleNamespace) -> None:
    """Who asks for a field that no filter offers is refused, whatever it holds: no answer depends on hidden text."""
    lena = client("lena")
    said = {probe: lena.get(f"/crm/{page}/?{probe}=x").status_code for probe in PROBES}
    assert dict.fromkeys(PROBES, 400) == said
    offered = {
        "link": ["kind=event", f"stream__channel__owner__id__exact={user('mia').pk}"],
        "decision": ["outcome=stored", "reason=internal"],
        "person": ["company__isnull=True"],
    }
    for query in offered.get(page, []):
        assert 200 == lena.get(f"/crm/{page}/?{query}").status_code, query


def test_who_was_in_bcc_is_for_the_owner_of_a_copy_alone(sample: SimpleNamespace) -> None:
    from crm.models import Link, Stream
    from crm.models import Participant as Row

    from crmsync import Item, Message, Participant, Role

    stream = Stream.objects.filter(channel__key="mia-mail").first()
    sample.models.Channel.objects.update(visibility="everything")
    people = [("mia@acme.example", Role.FROM), ("open@a.example", Role.TO), ("secret@a.example", Role.BCC)]
    mail = Message(message_id="bcc@x", participants=[Participant(address=a, role=r) for a, r in people])
    link = Link.of(stream, Item(id="b", records=[mail]), mail)
    link.save()
    for address in link.addresses:
        Row.objects.create(link=link, address=address, bcc=address not in link.open_addresses)

    def known(name: str) -> list[Any]:
        seen = Link.objects.visible_to(user(name).pk)
        shown = sample.visibility.seen(seen.get(key=link.key))
        return [
            seen.search("secret@a.example").count(), seen.with_anybody_of(["secret@a.example"]).count(),
            seen.search("open@a.example").count(), len(shown.record.participants),
        ]  # fmt: skip

    assert [[1, 1, 1, 3], [0, 0, 1, 2]] == [known(name) for name in ("mia", "lena")]


def test_nobody_writes_to_the_timeline_or_the_ledger(sample: SimpleNamespace) -> None:
    mia = client("mia")
    link = sample.models.Link.objects.visible_to(user("mia").pk).first()

    answers = [
        mia.post(f"/crm/link/{link.pk}/change/", {"subject": "x"}),
        mia.post(f"/crm/link/{link.pk}/delete/", {"post": "yes"}),
        mia.get("/crm/link/add/"),
        mia.get("/crm/decision/add/"),
    ]

    assert {403} == {answer.status_code for answer in answers}


def test_a_mistake_in_a_setting_is_told_beside_it(sample: SimpleNamespace) -> None:
    channel = sample.models.Channel.objects.get(key="mia-mail")
    form = {"visibility": "subject", "contacts": "sent", "meeting_contacts": "everyone", "selection": "all"}

    said = client("mia").post(f"/crm/channel/{channel.pk}/change/", {**form, "blocked": "*", "collections": "Inbox"})

    page = said.content.decode()
    assert "would match everything or nothing; write one such as" in page
    assert "takes no collections" in page


def test_changed_settings_hold_for_history_with_the_next_sync(sample: SimpleNamespace) -> None:
    models, mia = sample.models, client("mia")
    channel = models.Channel.objects.get(key="mia-mail")
    kim = models.Link.objects.filter(participants__address="kim_park_prints@gmail.com")
    before = kim.count()

    form = {"visibility": "subject", "contacts": "sent", "meeting_contacts": "everyone", "selection": "all"}
    mia.post(f"/crm/channel/{channel.pk}/change/", {**form, "blocked": "kim_park_prints@gmail.com"})
    mia.post("/crm/channel/", {"action": "sync_now", "_selected_action": [channel.pk]})

    assert (2, 0) == (before, kim.count())
    reasons = models.Decision.objects.filter(stream__channel=channel, reason="blocked").count()
    assert 3 == reasons  # and the one that the workspace blocks
