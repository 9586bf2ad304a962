"""Sets of UIDs are sets, however they are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.providers.imap.cursor import _coarser
from crmsync.providers.imap.uids import LARGEST, UidSet

UIDS = st.frozensets(st.one_of(st.integers(1, 40), st.integers(1, LARGEST)), max_size=30)


@given(UIDS, UIDS)
def test_they_are_joined_cut_and_compared_as_sets_are(a: frozenset[int], b: frozenset[int]) -> None:
    one, other = UidSet.of(a), UidSet.of(b)

    assert [sorted(a | b), sorted(a & b), sorted(a - b)] == [[*(one | other)], [*(one & other)], [*(one - other)]]
    assert (a == b, len(a), bool(a)) == (one == other, len(one), bool(one))
    assert all((uid in one) is (uid in a) for uid in {*a, *b, 1, LARGEST})
    assert sorted(a, reverse=True) == [*reversed(one)]


@given(UIDS)
def test_what_is_written_is_read_again(uids: frozenset[int]) -> None:
    made = UidSet.of(uids)

    assert made == UidSet.parse(str(made)) == UidSet.unpack(made.pack())


def test_a_long_set_is_packed_and_read_again() -> None:
    made = UidSet.of(range(1, 100_000, 3))

    assert len(made.pack()) < len(str(made)) / 20
    assert made == UidSet.unpack(made.pack())


@given(UIDS, st.integers(1, 7))
def test_pages_are_all_of_it_highest_first(uids: frozenset[int], size: int) -> None:
    pages = [[*page] for page in UidSet.of(uids).pages(size)]

    assert sorted(uids, reverse=True) == [uid for page in pages for uid in reversed(page)]
    assert all(len(page) == size for page in pages[:-1])


@given(UIDS, st.integers(1, LARGEST), st.integers(1, LARGEST))
def test_what_lies_between_two_uids_is_found(uids: frozenset[int], first: int, second: int) -> None:
    low, high = sorted((first, second))

    assert sorted(uid for uid in uids if low <= uid <= high) == [*UidSet.of(uids).within(low, high)]


@given(UIDS, UIDS, UIDS)
def test_a_coarser_set_holds_all_that_is_known_and_nothing_that_is_left(
    known: frozenset[int], others: frozenset[int], left: frozenset[int]
) -> None:
    left, others = left - known, (others | left) - known
    kept = _coarser(UidSet.of(known), UidSet.of(others), UidSet.of(left))

    assert known <= {*kept} if len(kept) < 1_000 else not UidSet.of(known) - kept
    assert not kept & UidSet.of(left)


@pytest.mark.parametrize("text", ["0", "1:", "1:*", "a", "1,,2", "-1", str(LARGEST + 1), "z", "zzzz", "1 2"])
def test_what_is_no_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="this is no"):
        UidSet.unpack(text)
