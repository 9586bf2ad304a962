"""For the workspace's administrator: how every mailbox stands, who must act, and how much of each is decided."""

from __future__ import annotations

import time

from crmsync.runtime import views
from crmsync.runtime.health import health
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from member import Here, person
from web import show, storage_of, trouble, workspace_of, workspaces_of

router = APIRouter(prefix="/admin", default_response_class=HTMLResponse, include_in_schema=False)


@router.get("")
def overview(request: Request, here: Here) -> Response:
    """Show all mailboxes: counts and states, and nobody's mail."""
    if not person(request, here.member).admin:
        return trouble(request, here, 403, "For administrators", "Only the workspace's administrator sees this page.")
    found = views.attention(workspace_of(request).channels.load().values(), time.time())
    storage, covered = storage_of(request), request.app.state.coverage
    rows = []
    for card, owner in zip(found.cards, found.owners, strict=True):
        reasons = views.reasons_of(storage, card.channel)
        rows.append({
            "card": card, "owner": owner, "kept": reasons.get("stored/accepted", 0), "decided": sum(reasons.values()),
            "coverage": views.coverage_card(covered[card.channel], card.kind) if card.channel in covered else None,
        })  # fmt: skip
    return show(request, "overview", here, found=found, rows=rows, health=health(workspaces_of(request)))
