"""Pushes: proved, coalesced, and never more than a reason to look."""

from __future__ import annotations

import json

import pytest
from sql_world import World

from crmsync import StorageError
from crmsync.providers.google.pushed import token_for
from crmsync.providers.microsoft.pushed import state_for
from crmsync.runtime.push import Intake, place_of

SECRET = b"0123456789abcdef"
ME = "me@acme.com"


@pytest.fixture
def intake(world: World) -> Intake:
    return Intake(world.workspaces, secret=SECRET)


def due_now(world: World, key: str, name: str = "acme") -> bool:
    status = world.workspace(name).channels.get(key)
    return status is not None and status.due is not None and status.due <= world.clock.now


def idle(world: World, name: str = "acme") -> tuple[int, str]:
    workspace = world.workspace(name)
    key = world.channel(workspace)
    world.run()
    world.clock.now += 10
    assert not due_now(world, key, name)
    return workspace.id, key


def calendar_push(place: str, *, secret: bytes = SECRET) -> dict[str, str]:
    return {
        "X-Goog-Channel-ID": "id", "X-Goog-Channel-Token": token_for("id", place, secret),
        "X-Goog-Resource-State": "exists",
    }  # fmt: skip


def graph_push(*places: str, secret: bytes = SECRET) -> bytes:
    said = [
        {"subscriptionId": f"s{n}", "clientState": state_for(place, secret), "changeType": "updated", "resource": "x"}
        for n, place in enumerate(places)
    ]
    return json.dumps({"value": said}).encode()


def test_a_push_that_is_proved_brings_its_channel_forward_and_no_other_workspaces(world: World, intake: Intake) -> None:
    first, second = idle(world), idle(world, "rival")
    assert 204 == intake.google_calendar(calendar_push(place_of(*first))).status
    assert (True, False) == (due_now(world, first[1]), due_now(world, second[1], "rival"))
    assert 202 == intake.microsoft("", graph_push(place_of(*second), place_of(*second))).status
    assert due_now(world, second[1], "rival")


def test_a_push_without_proof_moves_nothing(world: World, intake: Intake) -> None:
    place = idle(world)
    forged = b"another secret of the host's"
    assert 401 == intake.google_calendar(calendar_push(place_of(*place), secret=forged)).status
    intake.microsoft("", graph_push(place_of(*place), secret=forged))
    intake.microsoft("", b"nonsense")
    assert not due_now(world, place[1])


def test_graphs_question_whether_somebody_listens_is_answered(intake: Intake) -> None:
    assert (200, "hello") == intake.microsoft("validationToken=hello", b"")


@pytest.mark.parametrize("place", ["", "7", "x:mail", "999:mail:me@acme.com", ":", "1" * 30 + ":x", "-1:x"])
def test_a_hint_for_a_channel_that_is_not_there_is_forgotten(intake: Intake, place: str) -> None:
    assert not intake.hint(place)


def test_a_mailbox_is_looked_at_in_every_workspace_that_has_it(world: World) -> None:
    first, second = idle(world), idle(world, "rival")
    assert 2 == world.workspaces.hint_mailbox(ME)
    assert due_now(world, first[1])
    assert due_now(world, second[1], "rival")
    assert 0 == world.workspaces.hint_mailbox("nobody@acme.com")


def test_where_it_cannot_be_noted_the_vendor_is_asked_to_post_again(
    world: World, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = idle(world)

    def gone(*_: object) -> bool:
        raise StorageError("gone")

    monkeypatch.setattr(world.workspaces, "hint", gone)
    assert 503 == intake.google_calendar(calendar_push(place_of(*place))).status


def test_a_short_secret_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="16 octets"):
        Intake(world.workspaces, secret=b"short")
