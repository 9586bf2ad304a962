"""The CRM's pages: people, companies, the timeline, the ledger and everybody's channels."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import Count, Max, Min, OuterRef, QuerySet, Subquery, Value
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .models import Channel, Company, Decision, Domain, EmailAddress, Link, Person
from .running import run
from .show import line, page, sentence
from .visibility import LinkQuerySet

admin.site.site_header = admin.site.site_title = "Acme CRM"
admin.site.index_title = "Customers"
admin.site.enable_nav_sidebar = False
admin.site.site_url = None

NEWEST = 25


class ForEverybody:
    """What every user of the admin may do."""

    changes = True

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show it."""
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let them look."""
        return True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let them change what users change."""
        return self.changes

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let them add what users add."""
        return self.changes

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let them delete what users delete."""
        return self.changes


class Page(ForEverybody, admin.ModelAdmin):
    """A page of its own, under a plain name."""

    heading = ""
    lookups: frozenset[str] = frozenset()
    """Which parameters of an address may filter a list: those of its filters, and no others."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse `?text__icontains=`: Django lets every field of a list be asked for, hidden text letter by letter."""
        return lookup in self.lookups

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list."""
        title = self.heading or str(self.opts.verbose_name_plural).capitalize()
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one of it."""
        title = {"title": str(self.get_object(request, object_id) or ""), "subtitle": None}
        return super().change_view(request, object_id, form_url, {**title, **(extra_context or {})})


# -- people and companies, with what the viewer sees of each


class WithTimeline(Page):
    """A page with a timeline on it."""

    addresses: str
    """The way from an email address to the one whose page it is."""
    readonly_fields = ("timeline",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count what the viewer sees, and find the first and the last of it."""
        seen = self._seen(OuterRef(OuterRef("pk")), request.user.pk).annotate(one=Value(1)).values("one")
        rows: QuerySet[Any] = (
            super()
            .get_queryset(request)
            .annotate(
                records=Subquery(seen.annotate(n=Count("pk", distinct=True)).values("n")),
                first=Subquery(seen.annotate(n=Min("at")).values("n")),
                last=Subquery(seen.annotate(n=Max("at")).values("n")),
                viewer=Value(request.user.pk),
            )
        )
        return rows

    def _seen(self, whose: Any, viewer: int | None) -> LinkQuerySet:
        theirs = EmailAddress.objects.filter(**{self.addresses: whose}).values("address")
        return Link.objects.visible_to(viewer).with_anybody_of(theirs)

    @admin.display(description="records", ordering="records")
    def seen_records(self, row: Any) -> int:
        """Say how many."""
        return row.records or 0

    @admin.display(description="first contact", ordering="first")
    def first_contact(self, row: Any) -> str:
        """Say when."""
        return f"{row.first:%d %b %Y}" if row.first else "–"

    @admin.display(description="last contact", ordering="last")
    def last_contact(self, row: Any) -> str:
        """Say when."""
        return f"{row.last:%d %b %Y}" if row.last else "–"

    @admin.display(description="timeline")
    def timeline(self, row: Any) -> SafeString | str:
        """Show the newest, as the viewer sees it."""
        if row.pk is None:
            return "–"
        links = self._seen(row.pk, row.viewer).order_by("-at", "-pk").distinct()
        lines = [shown for link in links[: NEWEST + 1] if (shown := line(link))]
        return render_to_string("crm/timeline.html", {"lines": lines[:NEWEST], "more": len(lines) > NEWEST})


class AddressForm(forms.ModelForm):
    """An address as somebody types it."""

    def clean_address(self) -> str:
        """Let the address of a deleted person be somebody's again, when a user says so."""
        address: str = self.cleaned_data["address"].strip().lower()
        EmailAddress.objects.filter(address=address, person=None).delete()
        return address


class AddressInline(ForEverybody, admin.TabularInline):
    """A person's addresses."""

    model = EmailAddress
    form = AddressForm
    extra = 0


class DomainInline(ForEverybody, admin.TabularInline):
    """A company's domains."""

    model = Domain
    extra = 0


@admin.register(Person)
class PersonAdmin(WithTimeline):
    """Everybody."""

    addresses = "person"
    list_display = ("__str__", "company", "address", "seen_records", "first_contact", "last_contact")
    list_filter = (("company", admin.RelatedOnlyFieldListFilter),)
    lookups = frozenset({"company__id__exact", "company__isnull"})
    list_select_related = ("company",)
    search_fields = ("first_name", "last_name", "addresses__address", "company__name")
    autocomplete_fields = ("company",)
    fields = (("first_name", "last_name"), "company", "timeline")
    inlines = (AddressInline,)

    @admin.display(description="address")
    def address(self, person: Person) -> str:
        """Show the first."""
        return str(person.addresses.first() or "")


@admin.register(Company)
class CompanyAdmin(WithTimeline):
    """Every company."""

    addresses = "person__company"
    list_display = ("name", "domain", "staff", "seen_records", "first_contact", "last_contact")
    search_fields = ("name", "domains__domain")
    fields = ("name", "timeline")
    inlines = (DomainInline,)

    @admin.display(description="domain")
    def domain(self, company: Company) -> str:
        """Show the first."""
        return str(company.domains.first() or "")

    @admin.display(description="people")
    def staff(self, company: Company) -> int:
        """Count them."""
        return company.people.count()


# -- the timeline


class KindFilter(admin.SimpleListFilter):
    """Mail or meetings."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Name the two."""
        return [("message", "Mail"), ("event", "Meetings")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep one of them."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Link)
class TimelineAdmin(Page):
    """Everything that the viewer may see, as much of it as they may see."""

    heading = "Timeline"
    changes = False
    list_display = ("day", "what", "shared")
    list_display_links = ("what",)
    list_filter = (KindFilter, ("stream__channel__owner", admin.RelatedOnlyFieldListFilter))
    lookups = frozenset({"kind", "stream__channel__owner__id__exact"})
    list_per_page = 30
    search_fields = ("pk",)  # the search itself is in get_search_results
    search_help_text = "In the addresses, and in the subjects and texts that you may see."
    ordering = ("-at", "-pk")
    actions = None
    change_form_template = "crm/record.html"

    def get_queryset(self, request: HttpRequest) -> LinkQuerySet:
        """Leave out what the viewer may not know of, before anything else is done."""
        return Link.objects.visible_to(request.user.pk).order_by(*self.ordering)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search in what the viewer sees only."""
        assert isinstance(queryset, LinkQuerySet)  # noqa: S101 - for the type checker
        return queryset.search(search_term), False

    @admin.display(description="day", ordering="at")
    def day(self, link: Link) -> str:
        """Say which."""
        return f"{link.at:%a %d %b %Y}"

    @admin.display(description="what")
    def what(self, link: Link) -> SafeString:
        """Show as much of it as the viewer sees."""
        return render_to_string("crm/line.html", {"line": line(link)})

    @admin.display(description="shared")
    def shared(self, link: Link) -> SafeString:
        """Say why they see that much."""
        shown = line(link)
        return format_html('<span class="why">{}</span>', shown["why"] if shown else "")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a record."""
        link = self.get_object(request, object_id)
        shown = page(link) if isinstance(link, Link) else None
        return super().change_view(request, object_id, form_url, {"shown": shown})


# -- why, and whose


@admin.register(Decision)
class LedgerAdmin(Page):
    """Why each item of the viewer's own mail and calendars is here, or is not."""

    heading = "Ledger"
    changes = False
    list_display = ("item", "decided", "why", "place")
    list_display_links = None
    list_filter = (
        ("outcome", admin.AllValuesFieldListFilter),
        ("reason", admin.AllValuesFieldListFilter),
        ("stream__channel", admin.RelatedOnlyFieldListFilter),
    )
    lookups = frozenset({"outcome", "reason", "stream__channel__id__exact"})
    search_fields = ("item_id",)
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Decision]:
        """Keep to their own."""
        mine = super().get_queryset(request).filter(stream__channel__owner=request.user)
        return mine.select_related("stream__channel").order_by("outcome", "reason", "item_id")

    @admin.display(description="item", ordering="item_id")
    def item(self, decision: Decision) -> SafeString:
        """Show its id, and lead to its record where there is one."""
        link = decision.stream.links.filter(item_id=decision.item_id).first()
        seen = link and Link.objects.visible_to(decision.stream.channel.owner_id).filter(key=link.key).first()
        if not seen:
            return format_html("<code>{}</code>", decision.item_id)
        return format_html('<a href="/crm/link/{}/change/"><code>{}</code></a>', seen.pk, decision.item_id)

    @admin.display(description="decision", ordering="outcome")
    def decided(self, decision: Decision) -> SafeString:
        """Show it as a badge."""
        said = decision.outcome
        if decision.reason not in ("accepted", "unreadable"):
            said = f"{said}: {decision.get_reason_display()}"
        return format_html('<span class="badge {}">{}</span>', decision.outcome, said)

    @admin.display(description="why", ordering="reason")
    def why(self, decision: Decision) -> str:
        """Say it in a sentence."""
        return sentence(decision)

    @admin.display(description="where")
    def place(self, decision: Decision) -> str:
        """Name the folder or calendar."""
        return decision.stream.name


@admin.register(Channel)
class ChannelAdmin(Page):
    """Everybody's own mailboxes and calendars."""

    list_display = ("key", "visibility", "contacts", "meeting_contacts", "stored", "left_out")
    actions = ("sync_now",)
    readonly_fields = ("key", "addresses", "source")
    formfield_overrides = {models.TextField: {"widget": forms.Textarea(attrs={"rows": 3, "cols": 50})}}
    fieldsets = (
        ("The account", {"fields": ("key", "addresses", "source")}),
        ("Who sees it", {"fields": ("visibility",)}),
        ("What comes in", {"fields": ("selection", "collections", "start", "blocked", "group_mail")}),
        ("Whom it makes a contact", {"fields": ("contacts", "meeting_contacts")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Channel]:
        """Keep to their own."""
        return super().get_queryset(request).filter(owner=request.user)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A channel is made where an account is connected, which files need not be: see `load_sample`."""
        return False

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        """Say from when on it holds."""
        super().save_model(request, obj, form, change)
        messages.info(request, "Visibility holds at once. The rest applies to past mail too, with the next sync.")

    @admin.display(description="stored")
    def stored(self, channel: Channel) -> int:
        """Count what came in."""
        return Decision.objects.filter(stream__channel=channel, outcome="stored").count()

    @admin.display(description="left out")
    def left_out(self, channel: Channel) -> int:
        """Count what did not."""
        return Decision.objects.filter(stream__channel=channel, outcome="excluded").count()

    @admin.action(description="Sync now")
    def sync_now(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        """Bring the chosen ones up to date."""
        for ran in run(queryset):
            tell = messages.error if ran.error else messages.success
            tell(request, f"{ran.channel.key}: {ran.error or ran.report}")
