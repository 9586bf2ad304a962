from __future__ import annotations

import pytest
from any_values import NASTY, headers
from hypothesis import given
from hypothesis import strategies as st

from crmsync.rules import is_automatic, is_group_address


@pytest.mark.parametrize("local", [
    "noreply", "no-reply", "no_reply", "no.reply", "NoReply", "NO-REPLY", "noreply2", "noreply-42", "noreply+42",
    "noreply-accounts", "accounts-noreply", "payments.noreply", "aws-no-reply", "donotreply", "do-not-reply",
    "do_not_reply", "please-do-not-reply", "dontreply", "ne-pas-repondre", "nepasrepondre", "noresponder",
    "no-responder", "naoresponda", "nao-responda", "nicht-antworten", "keine-antwort", "nonrispondere",
    "mailer-daemon", "MAILER-DAEMON", "postmaster", "bounce", "bounces", "bounce+abc", "bounces-123",
    "bounces+123-ann=client.example", "msprvs1=17=bounces-2", "notification", "notifications", "notifications+7",
    "notify", "alert", "alerts", "jira.alerts", "newsletter", "newsletters", "unsubscribe", "auto-reply",
    "autoresponder", "auto-confirm", "digest", "info", "Info", "info2", "info.de", "info-24", "support", "support-eu",
    "support+123", "help", "helpdesk", "service", "customer-service", "kundenservice", "contact", "contacto",
    "kontakt", "office", "admin", "administrator", "webmaster", "hostmaster", "abuse", "security", "privacy",
    "billing", "invoice+statements", "team", "hello", "hr", "jobs", "press", "marketing", "feedback", "everyone",
    "all", "news", "system", "root", '"noreply"', "'info'",
])  # fmt: skip
def test_machines_and_groups_are_told_by_their_names(local: str) -> None:
    assert is_group_address(f"{local}@client.example")


@pytest.mark.parametrize("local", [
    "ann", "ann.doe", "john.noreply.smith", "reply", "infante", "information", "allan", "alles", "admira", "teamwork",
    "helper", "helpman", "supporter", "newsom", "newson.ann", "rootes", "hrant", "mailand", "presser", "jobst",
    "officer", "sales", "orders", "bestellung", "einkauf", "purchasing", "max.support", "info.schmidt", "anna.team",
    "ann.helpdesk", "o.info", "contact.lens.maker", "billing.smith", "noreplyson", "alertson", "bob", "me", "x", "1",
    "42", "a+noreply", "ann+info", "ann+newsletter", "john_smith", "jean-pierre", "digestive", "natalie.hello",
])  # fmt: skip
def test_people_and_customers_are_not_taken_for_groups(local: str) -> None:
    assert not is_group_address(f"{local}@client.example")


@pytest.mark.parametrize(
    "address", ["", "@", "@info.example", "x@info.example", "info", "+@x.example", "._-@x.example"]
)
def test_only_the_local_part_counts(address: str) -> None:
    assert not is_group_address(address)


@pytest.mark.parametrize(("header", "automatic"), [
    (("List-Id", "<news.shop.example>"), True),
    (("list-unsubscribe", "<mailto:stop@shop.example>"), True),
    (("LIST-POST", "<mailto:all@shop.example>"), True),
    (("X-Autoreply", "yes"), True),
    (("x-autorespond", "1"), True),
    (("Precedence", "bulk"), True),
    (("Precedence", " LIST "), True),
    (("precedence", "junk"), True),
    (("precedence", "first-class"), False),
    (("precedence", ""), False),
    (("Auto-Submitted", "auto-generated"), True),
    (("auto-submitted", "Auto-Replied; owner-email=x"), True),
    (("auto-submitted", "no"), False),
    (("auto-submitted", "NO; comment"), False),
    (("auto-submitted", ""), False),
    (("list-id", " "), False),
    (("list-unsubscribe", ""), False),
    (("return-path", "<ann@client.example>"), False),
    (("feedback-id", "1:2:3"), False),
    (("subject", "list-id"), False),
])  # fmt: skip
def test_automatic_mail_is_told_by_its_headers(header: tuple[str, str], automatic: bool) -> None:
    assert automatic is is_automatic([header])
    assert automatic is is_automatic({header[0]: header[1]})
    assert automatic is is_automatic([("received", "x"), header, ("auto-submitted", "no")])


LIST = [("list-id", "Support <support.acme.com>"), ("list-unsubscribe", "<mailto:x>"), ("precedence", "list")]


@pytest.mark.parametrize(("headers_", "automatic"), [
    (LIST, False),
    ([("list-id", "<support.mail.acme.com>")], False),
    ([("List-ID", "support.acme.com")], False),
    ([("list-id", "<news.acme.com.evil.example>")], True),
    ([("list-id", "<news.notacme.com>")], True),
    ([("list-id", "<acme.com>")], True),
    ([("list-id", "<>")], True),
    ([*LIST, ("auto-submitted", "auto-replied")], True),
    ([*LIST, ("precedence", "bulk")], True),
    ([*LIST, ("x-autoreply", "yes")], True),
    ([("list-unsubscribe", "<mailto:stop@acme.com>")], True),
])  # fmt: skip
def test_what_comes_through_a_list_of_ones_own_is_not_automatic_for_that(
    headers_: list[tuple[str, str]], automatic: bool
) -> None:
    assert automatic is is_automatic(headers_, {"acme.com", "ann@acme.com"})
    assert is_automatic(headers_)


def test_no_headers_are_not_automatic() -> None:
    assert not is_automatic(())


@given(NASTY | NASTY.map(lambda text: f"{text}@x.example"), st.integers(0, 1_000))
def test_any_text_gets_an_answer_and_always_the_same(address: str, times: int) -> None:
    assert is_group_address(address) is is_group_address(address)
    assert is_group_address("x" * times + address) is is_group_address("x" * times + address)


@given(headers, headers)
def test_another_header_never_makes_automatic_mail_a_person_s(
    some: list[tuple[str, str]], more: list[tuple[str, str]]
) -> None:
    assert is_automatic(some) <= is_automatic(some + more)
    assert is_automatic(some) is is_automatic([(name.upper(), value) for name, value in some])


@given(st.text("abcinfo.-_+", max_size=12))
def test_the_case_of_an_address_does_not_matter(local: str) -> None:
    assert is_group_address(f"{local}@x.example") is is_group_address(f"{local.upper()}@X.EXAMPLE")
