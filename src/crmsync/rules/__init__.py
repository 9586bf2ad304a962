"""The rules: pure functions, each of use alone.

`decide` composes those that say what comes in, `contacts_for` those that say who becomes a contact, and `access` and
`redact` say who sees how much of it.
"""

from .blocklist import is_blocked
from .changes import EVERYTHING, Effect, Terms, effect, terms_of
from .companies import company_name, is_academic, is_consumer, registrable_domain, work_domain
from .contacts import ContactDecision, ContactReason, contacts_for, explain_contacts
from .decide import EVENT_RULES, MESSAGE_RULES, Rule, decide, is_expired
from .erased import is_erased, is_of_erased, mark_of, without_erased
from .folders import is_any_selected, is_selected
from .group import is_automatic, is_group_address
from .holds import is_held, is_protected
from .internal import is_internal, is_own, own_entries
from .names import person_name
from .sensitive import is_sensitive
from .sentences import sentence
from .visibility import Access, Grant, Why, access, for_others, redact

__all__ = [
    "EVENT_RULES", "EVERYTHING", "MESSAGE_RULES", "Access", "ContactDecision", "ContactReason", "Effect", "Grant",
    "Rule", "Terms", "Why", "access", "company_name", "contacts_for", "decide", "effect", "explain_contacts",
    "for_others", "is_academic", "is_any_selected", "is_automatic", "is_blocked", "is_consumer", "is_erased",
    "is_expired", "is_group_address", "is_held", "is_internal", "is_of_erased", "is_own", "is_protected",
    "is_selected", "is_sensitive", "mark_of", "own_entries", "person_name", "redact", "registrable_domain",
    "sentence", "terms_of", "without_erased", "work_domain",
]  # fmt: skip
