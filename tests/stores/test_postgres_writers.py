"""Workers that are killed and cut off write one database: it ends as if one alone had written it."""

from __future__ import annotations

from typing import Any

import pytest
from postgres import database
from writers_world import content, differences, nth_batch, struggle, write, write_alone

from crmsync.errors import StaleCursor
from crmsync.stores.sql import SqlStorage


def test_whoever_is_killed_or_cut_off_the_end_is_that_of_one_writer_alone() -> None:
    # `python tests/stores/writers_world.py` does it for a minute.
    with database() as many, database() as one:
        came = struggle(many, seconds=6, pause=0.3)
        write_alone(one, came.cursors)

        assert differences(content(many), content(one)) == []
    assert came.kills >= 5
    assert came.cuts >= 3
    assert came.applied >= 10


def test_a_batch_that_is_lost_is_seen(postgres_url: str) -> None:
    with database() as other, SqlStorage(postgres_url) as store:
        for number in range(5):
            write(store, "own-0", number)
        with pytest.raises(StaleCursor):
            store.apply(nth_batch("own-0", 4))
        write_alone(other, {"own-0": 4})
        whole: dict[str, Any] = content(other)
        assert differences(content(postgres_url), whole) == []

        store.delete_person("p1@b.example")

        assert {"people", "names"} <= set(differences(content(postgres_url), whole))
