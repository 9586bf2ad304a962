from __future__ import annotations

import pytest
from any_values import ADDRESSES, DOMAINS, NASTY, channels, policies
from hypothesis import given
from hypothesis import strategies as st

from crmsync import CalendarUser, Channel, Participant, Policy, Role
from crmsync.rules import is_internal, is_own, own_entries
from crmsync.rules.internal import is_thing

some_addresses = st.lists(st.sampled_from(ADDRESSES) | NASTY, max_size=4)
some_own = st.frozensets(st.sampled_from([*DOMAINS, *ADDRESSES]) | NASTY, max_size=3)


@pytest.mark.parametrize(("address", "own", "expected"), [
    ("bob@acme.com", {"acme.com"}, True),
    ("bob@mail.acme.com", {"acme.com"}, True),
    ("bob@a.b.acme.com", {"acme.com"}, True),
    ("BOB@ACME.COM", {"acme.com"}, True),
    ("bob@acme.com", {"ACME.com"}, True),
    ("bob@acme.com", {"@acme.com"}, True),
    ("bob@acme.com.", {"acme.com"}, True),
    ("bob@acme.com", {" acme.com. "}, True),
    ("bob@münchen.example", {"xn--mnchen-3ya.example"}, True),
    ("bob@xn--mnchen-3ya.example", {"münchen.example"}, True),
    ("x@notacme.com", {"acme.com"}, False),
    ("x@acme.com.evil.example", {"acme.com"}, False),
    ("acme.com@evil.example", {"acme.com"}, False),
    ("x@acme.co", {"acme.com"}, False),
    ("x@com", {"acme.com"}, False),
    ("bob@acme.com", {"mail.acme.com"}, False),
    ("me@gmail.com", {"me@gmail.com"}, True),
    ("ME@gmail.com", {"Me@Gmail.com"}, True),
    ("friend@gmail.com", {"me@gmail.com"}, False),
    ("friend@gmail.com", {"gmail.com"}, False),
    ("friend@outlook.de", {"outlook.de"}, False),
    ("x@example.co.uk", {"co.uk"}, False),
    ("x@example.com", {"com"}, False),
    ("x@foo.github.io", {"github.io"}, False),
    ("root@localhost", {"localhost"}, True),
    ("x@other.example", set(), False),
    ("", {"acme.com"}, False),
    ("acme.com", {"acme.com"}, True),
    ("x@", {"", "@"}, False),
])  # fmt: skip
def test_own_is_an_address_or_a_domain_with_its_subdomains_and_no_look_alike(
    address: str, own: set[str], expected: bool
) -> None:
    assert expected is is_own(address, own)
    assert expected is is_internal([address], list(own))


def test_mail_is_internal_only_if_everybody_is_own() -> None:
    own = {"acme.com", "me@gmail.com"}

    assert is_internal(["bob@acme.com", "me@gmail.com"], own)
    assert not is_internal(["bob@acme.com", "ann@client.example"], own)
    assert not is_internal([], own)


def channel(*addresses: str) -> Channel:
    return Channel(key="k", addresses=set(addresses))


@pytest.mark.parametrize(("address", "colleague", "own"), [
    ("me@acme.com", "bob@acme.com", True),
    ("me@mail.acme.com", "bob@acme.com", True),
    ("me@gmail.com", "friend@gmail.com", False),
    ("me@yahoo.fr", "friend@yahoo.fr", False),
    ("me@mit.edu", "prof@mit.edu", False),
    ("me@ox.ac.uk", "prof@ox.ac.uk", False),
    ("me@tu-berlin.de", "prof@tu-berlin.de", False),
    ("me@acme.onmicrosoft.com", "bob@acme.onmicrosoft.com", True),
    ("me@acme.onmicrosoft.com", "ann@client.onmicrosoft.com", False),
    ("me@foo.github.io", "ann@bar.github.io", False),
    ("me@localhost", "root@localhost", False),
])  # fmt: skip
def test_the_domain_of_one_s_address_is_own_unless_others_have_mailboxes_there(
    address: str, colleague: str, own: bool
) -> None:
    entries = own_entries(channel(address), Policy())

    assert own is is_own(colleague, entries)
    assert is_own(address, entries)


def test_members_their_domains_and_the_workspace_s_domains_are_own() -> None:
    policy = Policy(internal_domains={"acme.org"}, members={"mia@daughter.example", "leo@gmail.com"})
    own = own_entries(channel("me@acme.com", "alias@gmail.com"), policy)

    for address in ("bob@acme.com", "bob@acme.org", "leo@gmail.com", "alias@gmail.com", "mia@daughter.example"):
        assert is_own(address, own)
    for address in ("friend@gmail.com", "ann@client.example"):
        assert not is_own(address, own)


def test_a_university_may_say_that_its_domain_is_its_own() -> None:
    own = own_entries(channel("me@mit.edu"), Policy(internal_domains={"mit.edu"}))

    assert is_own("prof@cs.mit.edu", own)


@pytest.mark.parametrize(("address", "user", "thing"), [
    ("room@acme.com", CalendarUser.ROOM, True),
    ("beamer@acme.com", CalendarUser.RESOURCE, True),
    ("c_188@resource.calendar.google.com", CalendarUser.INDIVIDUAL, True),
    ("abc@group.calendar.google.com", CalendarUser.INDIVIDUAL, True),
    ("unknownorganizer@calendar.google.com", CalendarUser.INDIVIDUAL, True),
    ("team@acme.com", CalendarUser.GROUP, False),
    ("ann@client.example", CalendarUser.UNKNOWN, False),
    ("ann@notcalendar.google.com", CalendarUser.INDIVIDUAL, False),
])  # fmt: skip
def test_rooms_resources_and_calendars_are_no_people(address: str, user: CalendarUser, thing: bool) -> None:
    assert thing is is_thing(Participant(address=address, role=Role.ATTENDEE, user=user))


@given(some_addresses, some_own, some_own)
def test_one_own_domain_less_never_makes_external_mail_internal(
    addresses: list[str], own: frozenset[str], more: frozenset[str]
) -> None:
    assert is_internal(addresses, own) <= is_internal(addresses, own | more)


@given(some_addresses, some_own, st.sampled_from(ADDRESSES))
def test_one_more_person_never_makes_external_mail_internal(
    addresses: list[str], own: frozenset[str], more: str
) -> None:
    if addresses:
        assert is_internal([*addresses, more], own) <= is_internal(addresses, own)
    assert is_internal(addresses, own) is (bool(addresses) and all(is_own(a, own) for a in addresses))


@given(st.sampled_from(ADDRESSES), st.frozensets(st.sampled_from([*DOMAINS, *ADDRESSES]), max_size=3))
def test_case_does_not_matter(address: str, own: frozenset[str]) -> None:
    assert is_own(address, own) is is_own(address.upper(), {entry.upper() for entry in own})


@given(channels, policies)
def test_one_s_own_addresses_and_the_members_are_always_own(channel: Channel, policy: Policy) -> None:
    assert is_internal(channel.addresses | policy.members, own_entries(channel, policy))
