"""Where to join online: the links of the well-known services, found in free text."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

_URL = re.compile(r"https?://[^\s<>\"'\\`{}|^\x00-\x1f]+", re.IGNORECASE)

_ROOM = r"/[^/]+"
"""A page of a service that gives meetings its first level, and has other pages too."""

# What the path of a join link begins with, where it is, and its fragment: a service's other pages are linked as well.
_JOIN_PAGES: Mapping[str, str] = {
    "meet.google.com": r"/(?:[a-z]{3}-?[a-z]{4}-?[a-z]{3}\b|lookup/.|_meet/.)",
    "hangouts.google.com": r"/(?:call|hangouts/_)/.",
    "g.co": r"/meet/.",
    "zoom.us": r"/(?:j|w|s|my|wc)/.",
    "zoomgov.com": r"/(?:j|w|s|my|wc)/.",
    "zoom.com": r"/(?:j|w|s|my|wc)/.",
    "zoom.com.cn": r"/(?:j|w|s|my|wc)/.",
    "teams.microsoft.com": r".*?/(?:l/meetup-join|meet)/.",
    "teams.cloud.microsoft": r".*?/(?:l/meetup-join|meet)/.",
    "teams.microsoft.us": r".*?/(?:l/meetup-join|meet)/.",
    "teams.live.com": r".*?/(?:l/meetup-join|meet)/.",
    "meet.lync.com": r"/.+/.",
    "join.skype.com": r"/.",
    "webex.com": (
        r"/(?:[^/]+/)?(?:j\.php|e\.php|m|meet|join|onstage/g\.php)(?:/|$)"
        r"|/(?:wbxmjs|webappng)/.*(?:joinservice|/meeting/)"
    ),
    "whereby.com": _ROOM,
    "gotomeeting.com": r"/(?:join|meeting/join)/.",
    "gotomeet.me": _ROOM,
    "meet.goto.com": _ROOM,
    "app.goto.com": r"/meet(?:ing)?/.",
    "gotowebinar.com": r"/join/.",
    "bluejeans.com": r"/(?:meet/|a2m/live-event/)?[^/]*\d",
    "chime.aws": r"/(?:meetings/)?[\d ]+|/meetings/.",
    "meet.jit.si": _ROOM,
    "8x8.vc": r"/.",
    "facetime.apple.com": r"/join",
    "meet.ringcentral.com": r"/.",
    "meetings.ringcentral.com": r"/j/.",
    "v.ringcentral.com": r"/(?:join|teams)/.",
    "video.ibm.com": r"/.",
    "around.co": r"/.",
    "meeting.zoho.com": r"/.",
    "meeting.zoho.eu": r"/.",
    "meet.starleaf.com": r"/.",
    "call.lifesizecloud.com": r"/.",
    "livestorm.co": r"/.",
    "demio.com": r"/.",
    "streamyard.com": r"/.",
    "discord.gg": r"/.",
    "huddle.slack.com": r"/.",
    "app.slack.com": r"/huddle/.",
    "vc.feishu.cn": r"/.",
    "meeting.tencent.com": r"/.",
    "join.me": _ROOM,
    "pexip.me": r"/.",
    "daily.co": _ROOM,
    "app.gather.town": r"/.",
    "riverside.fm": r"/.",
}
_JOINS = {domain: re.compile(pattern, re.IGNORECASE) for domain, pattern in _JOIN_PAGES.items()}
_OTHER_PAGES = frozenset({
    "about", "account", "blog", "careers", "community", "contact", "developer", "developers", "dial-in", "dialin",
    "dialinnumbers", "docs", "download", "downloads", "explore", "faq", "features", "feedback", "help", "home",
    "images", "information", "install", "landing", "learn", "legal", "login", "marketplace", "meetingoptions", "news",
    "numbers", "options", "phone", "play", "pricing", "privacy", "product", "products", "rec", "recording",
    "recordings", "settings", "share", "signin", "signup", "solutions", "static", "status", "store", "support", "tel",
    "terms", "test", "user",
})  # fmt: skip
"""Names of hosts and of first levels where no service has its meetings."""


def _proofpoint(url: SplitResult) -> str | None:
    if url.path.startswith("/v3/"):
        return url.geturl().partition("__")[2].rpartition("__")[0] or None
    found = _parameter("u")(url)
    return found and unquote(found.replace("-", "%").replace("_", "/"))


def _parameter(name: str) -> Callable[[SplitResult], str | None]:
    return lambda url: next(iter(parse_qs(url.query).get(name, ())), None)


_WRAPPERS: Mapping[str, Callable[[SplitResult], str | None]] = {
    "safelinks.protection.outlook.com": _parameter("url"),
    "urldefense.com": _proofpoint,
    "urldefense.proofpoint.com": _proofpoint,
    "linkprotect.cudasvc.com": _parameter("a"),
    "google.com": _parameter("q"),
    "slack-redir.net": _parameter("url"),
    "l.facebook.com": _parameter("u"),
}
"""Who puts other people's links into their own, and where they lie there."""


def web_url(value: str | None) -> str | None:
    """Return the value if it is one web address (http or https), else None."""
    value = (value or "").strip()
    return value if _URL.fullmatch(value) else None


def find_join_url(texts: Iterable[str | None]) -> str | None:
    """Return the first link in these texts that a known service's meeting is joined by.

    Links of other sites are never taken, whatever the text around them says, nor a service's pages for help,
    recordings, phone numbers and the like. What mail filters and search engines wrap is unwrapped.
    """
    for text in texts:
        if text and "://" in text:
            for match in _URL.finditer(text):
                url = _unwrapped(_trimmed(html.unescape(match[0]), text[match.start() - 1 : match.start()]))
                if url and _is_join_page(url):
                    return url
    return None


def _trimmed(url: str, before: str) -> str:
    """Take off what belongs to the sentence around a link, or to the markup that it is written in."""
    url = url.rstrip(".,;:!?>]")
    while url.endswith(")") and url.count("(") < url.count(")"):
        url = url[:-1].rstrip(".,;:!?>]")
    return url.removesuffix(before) if before in ("*", "_") else url


def _unwrapped(url: str) -> str | None:
    for _ in range(3):  # a filter at each end wraps the link of the other
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").rstrip(".")
            wrapper = next((read for site, read in _WRAPPERS.items() if _is_at(host, site)), None)
            inner = wrapper(parts) if wrapper else None
        except ValueError:
            return None
        if not inner or not web_url(inner):
            break
        url = inner
    return url


def _is_at(host: str, site: str) -> bool:
    return host == site or host.endswith(f".{site}")


def _is_join_page(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    labels = host.split(".")
    first = parts.path.lower().split("/")[1:2]
    if labels[0] in _OTHER_PAGES or not _OTHER_PAGES.isdisjoint(name.partition(".")[0] for name in first):
        return False
    for length in (2, 3):
        page = _JOINS.get(".".join(labels[-length:]))
        if page is not None and page.match(parts.path + (f"#{parts.fragment}" if parts.fragment else "")):
            return True
    return False
