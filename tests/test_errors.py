"""Errors travel: through a process pool, whatever they know."""

from __future__ import annotations

import pickle

import pytest

from crmsync import (
    CrmSyncError,
    MassDeletion,
    RateLimited,
    Report,
    StaleCursor,
    StreamReport,
    Unavailable,
)
from crmsync.providers.web.pushes import PushRefused


@pytest.mark.parametrize(
    "error",
    [
        RateLimited(retry_after=900),
        RateLimited("slow down", retry_after=0.5),
        PushRefused("no", status=401),
        StaleCursor("c/a"),
        MassDeletion("c/a", 30, 40),
        Unavailable("the folder cannot be selected"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_out_of_a_process_as_it_went_in(error: CrmSyncError) -> None:
    error.report = Report(streams=[StreamReport(name="a", error="no", error_type="Unavailable")])
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
