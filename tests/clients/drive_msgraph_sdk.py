"""Microsoft's own SDK on the loopback Microsoft. It runs in an environment of its own: `make microsoft-clients`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kiota_abstractions.authentication import (
    AccessTokenProvider,
    AllowedHostsValidator,
    BaseBearerTokenAuthenticationProvider,
)
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.headers_collection import HeadersCollection
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.file_attachment import FileAttachment
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.message import Message
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.recipient import Recipient
from msgraph.generated.models.subscription import Subscription
from msgraph.generated.users.item.calendar_view.delta.delta_request_builder import (
    DeltaRequestBuilder as ViewDelta,
)
from msgraph.generated.users.item.events.item.event_item_request_builder import EventItemRequestBuilder
from msgraph.generated.users.item.mail_folders.item.messages.delta.delta_request_builder import DeltaRequestBuilder
from msgraph.generated.users.item.messages.item.message_item_request_builder import MessageItemRequestBuilder
from msgraph.generated.users.item.send_mail.send_mail_post_request_body import SendMailPostRequestBody

from crmsync.testing.microsoft import EVERY_PERMISSION, Fault, File, MicrosoftServer, repeats

DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
ME = "me@acme.com"


class Tokens(AccessTokenProvider):
    def __init__(self, server: MicrosoftServer) -> None:
        self._server = server
        self._hosts = AllowedHostsValidator([])

    async def get_authorization_token(self, uri: str, additional_authentication_context: dict[str, Any] = {}) -> str:  # noqa: B006 - as the SDK declares it
        return self._server.token(ME, EVERY_PERMISSION)

    def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
        return self._hosts


@pytest.fixture
def microsoft() -> Iterator[MicrosoftServer]:
    with MicrosoftServer() as server:
        me = server.account(ME)
        for number in range(25):
            me.mailbox.deliver(subject=f"Offer {number}", html="<p>Hello</p>", text="Hello")
        yield server


def run(microsoft: MicrosoftServer, work: Any) -> Any:
    """Let a client do something; the SDK is asynchronous, and each loop has its own."""

    async def whole() -> Any:
        adapter = GraphRequestAdapter(BaseBearerTokenAuthenticationProvider(Tokens(microsoft)))
        adapter.base_url = f"{microsoft.url}/v1.0"
        return await work(GraphServiceClient(request_adapter=adapter))

    return asyncio.run(whole())


def asking(prefer: str = 'IdType="ImmutableId"', query: Any = None) -> RequestConfiguration[Any]:
    headers = HeadersCollection()
    headers.try_add("Prefer", prefer)
    return RequestConfiguration(headers=headers, query_parameters=query)


def test_it_reads_who_it_is_and_its_folders(microsoft: MicrosoftServer) -> None:
    async def work(client: GraphServiceClient) -> Any:
        me = await client.me.get()
        folders = await client.me.mail_folders.get()
        inbox = await client.me.mail_folders.by_mail_folder_id("inbox").get()
        groups = await client.me.calendar_groups.get()
        where = await client.organization.get()
        settings = await client.me.mailbox_settings.get()
        return me, folders, inbox, groups, where, settings

    me, folders, inbox, groups, where, settings = run(microsoft, work)
    assert (ME, 25, 3) == (me.mail, inbox.total_item_count, len(groups.value))
    assert "Sent Items" in {folder.display_name for folder in folders.value}
    assert ("Acme", "user") == (where.value[0].display_name, settings.user_purpose.value)


def test_it_walks_a_delta_and_merges_what_changes(microsoft: MicrosoftServer) -> None:
    mailbox = microsoft.account(ME).mailbox
    prefer = asking('odata.maxpagesize=10,IdType="ImmutableId"')

    async def work(client: GraphServiceClient) -> Any:
        delta = client.me.mail_folders.by_mail_folder_id("inbox").messages.delta
        query = DeltaRequestBuilder.DeltaRequestBuilderGetQueryParameters(select=["subject", "isRead"])
        page = await delta.get(asking('odata.maxpagesize=10,IdType="ImmutableId"', query))
        found, pages = list(page.value), 1
        while page.odata_next_link:
            page = await delta.with_url(page.odata_next_link).get(prefer)
            found, pages = [*found, *page.value], pages + 1
        mailbox.mark(found[3].id, read=True)
        mailbox.remove(found[4].id)
        changed = await delta.with_url(page.odata_delta_link).get(prefer)
        return found, pages, changed.value

    found, pages, changed = run(microsoft, work)
    assert (25, 3, 25) == (len(found), pages, len({one.id for one in found}))
    assert (found[3].id, True, None) == (changed[0].id, changed[0].is_read, changed[0].subject)
    assert {"reason": "deleted"} == changed[1].additional_data["@removed"]


def test_it_reads_a_message_whole_with_its_files(microsoft: MicrosoftServer) -> None:
    id_ = microsoft.account(ME).mailbox.deliver(subject="Plan", files=[File("plan.pdf", b"%PDF", "application/pdf")])

    async def work(client: GraphServiceClient) -> Any:
        query = MessageItemRequestBuilder.MessageItemRequestBuilderGetQueryParameters(
            select=["subject", "uniqueBody", "internetMessageHeaders", "from"], expand=["attachments"]
        )
        item = client.me.messages.by_message_id(id_)
        files = await item.attachments.get()
        return await item.get(asking(query=query)), await item.content.get(), files.value

    message, raw, files = run(microsoft, work)
    assert ("Plan", BodyType.Text) == (message.subject, message.unique_body.content_type)
    assert "Message-ID" in {header.name for header in message.internet_message_headers}
    assert isinstance(files[0], FileAttachment)
    assert b"%PDF" == files[0].content_bytes == message.attachments[0].content_bytes
    assert b"Subject: Plan" in raw


def test_it_drafts_changes_and_sends(microsoft: MicrosoftServer) -> None:
    def message(subject: str) -> Message:
        return Message(
            subject=subject,
            body=ItemBody(content_type=BodyType.Html, content="<p>Dear Ann</p>"),
            to_recipients=[Recipient(email_address=EmailAddress(address="ann@client.example"))],
        )

    async def work(client: GraphServiceClient) -> Any:
        draft = await client.me.messages.post(message("Offer"), asking())
        item = client.me.messages.by_message_id(draft.id)
        await item.patch(Message(subject="Better offer"), asking())
        await item.send.post(asking())
        await client.me.send_mail.post(SendMailPostRequestBody(message=message("Other"), save_to_sent_items=True))
        return draft, await item.get(asking())

    draft, sent = run(microsoft, work)
    subjects = {str(mail.parsed["Subject"]) for mail in microsoft.account(ME).mailbox.messages("sentitems")}
    assert (True, False, "Better offer", draft.id) == (draft.is_draft, sent.is_draft, sent.subject, sent.id)
    assert {"Better offer", "Other"} == subjects


def test_it_reads_a_calendar_with_its_series(microsoft: MicrosoftServer) -> None:
    calendar = microsoft.account(ME).calendar
    series = calendar.put(subject="Weekly", start=DAY, recurrence=repeats("weekly", start=DAY.date(), count=4))
    calendar.change_occurrence(series, DAY + timedelta(days=7), subject="Moved")
    calendar.cancel_occurrence(series, DAY + timedelta(days=14))

    async def work(client: GraphServiceClient) -> Any:
        window = ViewDelta.DeltaRequestBuilderGetQueryParameters(
            start_date_time="2026-01-01T00:00:00Z", end_date_time="2026-12-31T00:00:00Z"
        )
        page = await client.me.calendar_view.delta.get(asking('IdType="ImmutableId", odata.maxpagesize=50', window))
        query = EventItemRequestBuilder.EventItemRequestBuilderGetQueryParameters(
            select=["subject", "recurrence", "cancelledOccurrences"], expand=["exceptionOccurrences"]
        )
        return page, await client.me.events.by_event_id(series).get(asking(query=query))

    page, master = run(microsoft, work)
    assert ["seriesMaster", "occurrence", "exception", "occurrence"] == [event.type.value for event in page.value]
    assert ["Moved"] == [event.subject for event in master.exception_occurrences]
    assert (4, 1) == (master.recurrence.range.number_of_occurrences, len(master.cancelled_occurrences))
    assert page.odata_delta_link


def test_it_repeats_what_is_throttled_and_tells_what_is_refused(microsoft: MicrosoftServer) -> None:
    microsoft.faults.add(Fault("users.get", reason="ApplicationThrottled", retry_after=0, count=1))

    async def work(client: GraphServiceClient) -> Any:
        me = await client.me.get()
        with pytest.raises(ODataError) as wrong:
            await client.me.messages.by_message_id("AAkALgAAAAAAHYQDEapmEc2byAC").get()
        return me, wrong.value

    me, wrong = run(microsoft, work)
    assert ME == me.mail
    assert ("ErrorItemNotFound", 404) == (wrong.error.code, wrong.response_status_code)
    assert wrong.error.inner_error.request_id


def test_it_subscribes(microsoft: MicrosoftServer) -> None:
    from urllib.parse import unquote

    microsoft.subscriptions.post = lambda url, _body, _type: (200, unquote(url.partition("Token=")[2]).encode())
    until = datetime.now(UTC) + timedelta(hours=2)

    async def work(client: GraphServiceClient) -> Any:
        made = await client.subscriptions.post(
            Subscription(
                change_type="created", notification_url="https://crm.example", resource="me/messages",
                expiration_date_time=until, client_state="secret",
            )
        )  # fmt: skip
        item = client.subscriptions.by_subscription_id(made.id)
        longer = await item.patch(Subscription(expiration_date_time=until + timedelta(hours=1)))
        await item.delete()
        return made, longer

    made, longer = run(microsoft, work)
    assert timedelta(hours=1) == longer.expiration_date_time - made.expiration_date_time
    assert {} == microsoft.subscriptions.all
