from __future__ import annotations

import pytest
from any_values import collections, selections
from hypothesis import given
from hypothesis import strategies as st

from crmsync import Collection, CollectionRole, Selection
from crmsync.rules import is_any_selected, is_selected

INBOX = Collection(id="INBOX", name="Posteingang", role=CollectionRole.INBOX)
SENT = Collection(id="S/1", name="Gesendet", role=CollectionRole.SENT)
CLIENTS = Collection(id="7", name="Clients/Ann")
ALL_MAIL = Collection(id="9", name="All Mail", role=CollectionRole.ALL)


@pytest.mark.parametrize(("listed", "collection", "found"), [
    ("INBOX", INBOX, True),
    ("inbox", INBOX, True),
    ("Posteingang", INBOX, True),
    ("sent", SENT, True),
    ("Gesendet", SENT, True),
    ("S/1", SENT, True),
    ("Clients/Ann", CLIENTS, True),
    ("7", CLIENTS, True),
    ("Clients", CLIENTS, False),
    ("none", CLIENTS, False),
    ("sent", INBOX, False),
    ("all", ALL_MAIL, True),
])  # fmt: skip
def test_a_folder_is_listed_by_id_name_or_role(listed: str, collection: Collection, found: bool) -> None:
    assert found is is_selected(collection, Selection(mode="only", collections={listed}))
    assert found is not is_selected(collection, Selection(mode="except", collections={listed}))
    assert is_selected(collection, Selection())


@pytest.mark.parametrize(("selection", "places", "chosen"), [
    (Selection(), [CLIENTS], True),
    (Selection(mode="only", collections={"inbox"}), [INBOX], True),
    (Selection(mode="only", collections={"inbox"}), [SENT], False),
    (Selection(mode="only", collections={"inbox"}), [SENT, INBOX], True),
    (Selection(mode="only", collections={"inbox"}), [], True),
    (Selection(mode="only"), [INBOX], False),
    (Selection(mode="except", collections={"7"}), [CLIENTS], False),
    (Selection(mode="except", collections={"7"}), [CLIENTS, INBOX], True),
    (Selection(mode="except", collections={"7"}), [CLIENTS, ALL_MAIL], False),
    (Selection(mode="only", collections={"all"}), [ALL_MAIL], True),
    (Selection(mode="only", collections={"inbox"}), [ALL_MAIL], False),
])  # fmt: skip
def test_a_copy_counts_where_any_of_its_folders_is_chosen_and_all_mail_only_speaks_for_what_lies_nowhere_else(
    selection: Selection, places: list[Collection], chosen: bool
) -> None:
    assert chosen is is_any_selected(places, selection)


@given(st.lists(collections, max_size=3), selections)
def test_only_and_except_are_opposites_for_a_folder(places: list[Collection], selection: Selection) -> None:
    for place in places:
        if selection.mode != "all":
            other = selection.model_copy(update={"mode": "only" if selection.mode == "except" else "except"})

            assert is_selected(place, selection) is not is_selected(place, other)
    assert is_any_selected(iter(places), selection) is is_any_selected(places, selection)
