from __future__ import annotations

import pytest
from pydantic import ValidationError

from crmsync import Item, Outcome, Report, Skipped, StreamReport

INBOX = StreamReport(
    name="INBOX", reasons={"stored/accepted": 2, "excluded/internal": 3, "gone/deleted": 1}, contacts=4
)
SENT = StreamReport(name="Sent", reasons={"stored/accepted": 5, "skipped/unreadable": 1}, error="Unavailable")


def test_a_report_adds_up_its_streams() -> None:
    report = Report(streams=[INBOX, SENT])

    assert (7, 3, 1, 1, 4) == (report.stored, report.excluded, report.skipped, report.deleted, report.contacts)
    assert [7, 3, 1, 1] == list(report.reasons.values())
    assert (SENT,) == report.failures
    assert 0 == report.count(Outcome.LEAVING)


def test_a_report_reads_as_one_line_and_names_only_what_went_wrong() -> None:
    assert "stored=2 excluded=3 deleted=1 contacts=4" == str(Report(streams=[INBOX]))
    assert "stored=7 excluded=3 deleted=1 contacts=4 skipped=1 failed=1" == str(Report(streams=[INBOX, SENT]))
    assert "stored=0 excluded=0 deleted=0 contacts=0" == str(Report())


def test_an_item_without_an_id_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1 character"):
        Item(id="", records=[])
    with pytest.raises(ValidationError, match="at least 1 character"):
        Skipped(id="", why="damaged")
