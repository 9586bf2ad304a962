"""What a host gets wrong in a hurry is read as it was meant, or refused: never answered with a silent no."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_string, policy
from inspect import signature
from typing import Any

import pytest
from pydantic import ValidationError

from crmsync import Channel, ContactCreation, Message, Participant, Policy, Role, Visibility, Window, rules
from crmsync.model import Erased, OutgoingMessage, Selection
from crmsync.rules import (
    company_name,
    contacts_for,
    decide,
    is_academic,
    is_automatic,
    is_blocked,
    is_consumer,
    is_erased,
    is_group_address,
    is_internal,
    is_own,
    mark_of,
    person_name,
    registrable_domain,
    work_domain,
)

ANN = "Ann Lee <ann@client.example>"
CHANNEL = Channel(key="k", addresses={"me@acme.com"}, contacts=ContactCreation.SENT_AND_RECEIVED)
MAIL = Message(
    participants=[Participant(address=ANN, role=Role.FROM), Participant(address="me@acme.com", role=Role.TO)]
)

READ: list[tuple[str, Callable[[], Any], Any]] = [
    ("is_blocked", lambda: is_blocked(ANN, {"ann@client.example"}), True),
    ("is_blocked", lambda: is_blocked("x@spam.example", {"Spam <x@spam.example>"}), True),
    ("is_blocked", lambda: is_blocked("x@spam.example", {"https://www.spam.example/"}), True),
    ("is_blocked", lambda: is_blocked("x@spam.example", ["@spam.example"], ["Me <x@spam.example>"]), False),
    ("is_internal", lambda: is_internal([ANN], {"ann@client.example"}), True),
    ("is_internal", lambda: is_internal(iter([ANN]), ["https://client.example"]), True),
    ("is_own", lambda: is_own(ANN, {"Ann <ann@client.example>"}), True),
    ("work_domain", lambda: work_domain(ANN), "client.example"),
    ("work_domain", lambda: work_domain("x@\x1b.\u00aa.example"), "a.example"),
    ("registrable_domain", lambda: registrable_domain(ANN), "client.example"),
    ("is_consumer", lambda: is_consumer("Ann <ann@gmail.com>"), True),
    ("is_academic", lambda: is_academic("Ann <ann@mit.edu>"), True),
    ("company_name", lambda: company_name(ANN), "Client"),
    ("is_group_address", lambda: is_group_address("Info <info@x.example>"), True),
    ("person_name", lambda: str(person_name(None, "<ann.lee@client.example>")), "Ann Lee"),
    ("person_name", lambda: str(person_name(ANN, ANN)), "Ann Lee"),
    ("contacts_for", lambda: [c.address for c in contacts_for(MAIL, CHANNEL, Policy())], ["ann@client.example"]),
    ("mark_of", lambda: mark_of(ANN, "00") == mark_of("ANN@client.example", "00"), True),
    ("is_erased", lambda: is_erased(ANN, [Erased(key="00", marks={mark_of("ann@client.example", "00")})]), True),
    ("is_erased", lambda: is_erased("bob@client.example", [Erased(key="00", marks={mark_of(ANN, "00")})]), False),
    ("is_automatic", lambda: is_automatic(message_from_string("List-Id: <l.x>\n\nhi")), True),
    ("is_automatic", lambda: is_automatic(message_from_string("Precedence: bulk\n\n", policy=policy.default)), True),
    ("is_automatic", lambda: is_automatic(message_from_string("Subject: x\n\nhi").items()), False),
    ("is_automatic", lambda: is_automatic([["PRECEDENCE", "auto_reply"]]), True),
]  # fmt: skip

REFUSED: list[tuple[str, Callable[[], Any]]] = [
    ("is_blocked", lambda: is_blocked("x@spam.example", "@spam.example")),
    ("is_blocked", lambda: is_blocked("x@spam.example", {"@spam.example"}, "x@spam.example")),
    ("is_blocked", lambda: is_blocked(["x@spam.example"], {"@spam.example"})),  # type: ignore[arg-type]
    ("is_blocked", lambda: is_blocked(MAIL.participants[0], {"@spam.example"})),  # type: ignore[arg-type]
    ("is_blocked", lambda: is_blocked(None, {"@spam.example"})),  # type: ignore[arg-type]
    ("is_blocked", lambda: is_blocked("x@spam.example", b"@spam.example")),  # type: ignore[arg-type]
    ("is_internal", lambda: is_internal(["bob@acme.com"], "acme.com")),
    ("is_internal", lambda: is_internal("bob@acme.com", {"acme.com"})),
    ("is_internal", lambda: is_internal(MAIL.participants, {"acme.com"})),  # type: ignore[arg-type]
    ("is_own", lambda: is_own("bob@acme.com", "acme.com")),
    ("is_own", lambda: is_own(b"bob@acme.com", {"acme.com"})),  # type: ignore[arg-type]
    ("is_group_address", lambda: is_group_address(b"info@x.example")),  # type: ignore[arg-type]
    ("work_domain", lambda: work_domain(MAIL.participants[0])),  # type: ignore[arg-type]
    ("is_consumer", lambda: is_consumer(None)),  # type: ignore[arg-type]
    ("person_name", lambda: person_name("Ann", None)),  # type: ignore[arg-type]
    ("is_automatic", lambda: is_automatic("Precedence: bulk")),  # type: ignore[arg-type]
    ("is_automatic", lambda: is_automatic(b"Precedence: bulk")),  # type: ignore[arg-type]
    ("is_automatic", lambda: is_automatic(["Precedence: bulk"])),  # type: ignore[list-item]
    ("is_automatic", lambda: is_automatic({"List-Id": "<l.acme.com>"}, "acme.com")),
]  # fmt: skip

MISSPELT: list[Callable[[], Any]] = [
    lambda: CHANNEL.model_copy(update={"visiblity": "private"}),
    lambda: CHANNEL.model_copy(update={"visibility": "privat"}),
    lambda: CHANNEL.model_copy(update={"blocked": "@spam.example"}),
    lambda: CHANNEL.model_copy(update={"blocked": {"spam"}}),
    lambda: CHANNEL.model_copy(update={"addresses": set()}),
    lambda: CHANNEL.model_copy(update={"selection": {"mode": "all", "collections": {"x"}}}),
    lambda: Policy().model_copy(update={"internal_domain": {"acme.com"}}),
    lambda: Policy().model_copy(update={"internal_domains": "acme.com"}),
    lambda: Selection(mode="only", collections={"x"}).model_copy(update={"mode": "all"}),
    lambda: Window().model_copy(update={"past_days": -1}),
    lambda: MAIL.model_copy(update={"particpants": ()}),
    lambda: OutgoingMessage(sender={"address": "a@x"}, to=[{"address": "b@x"}], text="x").model_copy(update={"to": ()}),  # type: ignore[arg-type, list-item]
]  # fmt: skip


@pytest.mark.parametrize(("name", "call", "expected"), READ)
def test_what_can_only_mean_one_thing_is_read(name: str, call: Callable[[], Any], expected: object) -> None:
    assert name in rules.__all__
    assert expected == call()


@pytest.mark.parametrize(("name", "call"), REFUSED)
def test_what_could_only_be_answered_with_a_silent_no_is_refused(name: str, call: Callable[[], Any]) -> None:
    assert name in rules.__all__
    with pytest.raises(TypeError):
        call()


@pytest.mark.parametrize("call", MISSPELT)
def test_a_copy_with_a_misspelt_setting_is_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(ValidationError):
        call()


def test_a_copy_with_other_settings_holds_what_a_new_value_would() -> None:
    copy = CHANNEL.model_copy(update={"visibility": "private", "blocked": {"Spam.Example"}})

    assert Visibility.PRIVATE is copy.visibility
    assert frozenset({"@spam.example"}) == copy.blocked
    assert CHANNEL == copy.model_copy(update={"visibility": "everything", "blocked": set()})


def test_every_rule_that_takes_addresses_or_headers_is_in_the_table() -> None:
    taken = {"address", "addresses", "domain", "entries", "headers"}
    functions = {name for name in rules.__all__ if name.islower()}

    assert {name for name in functions if taken.intersection(signature(getattr(rules, name)).parameters)} == {
        name for name, *_ in READ
    } - {"contacts_for"}


@pytest.mark.parametrize("rule", [decide, contacts_for, rules.explain_contacts])
def test_what_is_no_record_is_refused(rule: Callable[..., object]) -> None:
    with pytest.raises((TypeError, AttributeError)):
        rule("a mail", CHANNEL, Policy())
