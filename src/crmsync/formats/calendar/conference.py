"""Where to join online: the links of the well-known services, found in free text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_URL = re.compile(r"https?://[^\s<>\"'\\`{}|^\x00-\x1f]+", re.IGNORECASE)

# A path is given where the service's other pages are linked too.
_JOIN_PAGES = {
    "meet.google.com": "/",
    "hangouts.google.com": "/",
    "g.co": "/meet/",
    "zoom.us": "",
    "zoomgov.com": "",
    "zoom.com": "/j/",
    "zoom.com.cn": "",
    "teams.microsoft.com": "/",
    "teams.microsoft.us": "/",
    "teams.live.com": "/",
    "meet.lync.com": "/",
    "join.skype.com": "/",
    "webex.com": "",
    "whereby.com": "/",
    "gotomeeting.com": "",
    "gotomeet.me": "/",
    "meet.goto.com": "/",
    "gotowebinar.com": "",
    "bluejeans.com": "/",
    "chime.aws": "/",
    "meet.jit.si": "/",
    "8x8.vc": "/",
    "facetime.apple.com": "/",
    "meet.ringcentral.com": "/",
    "v.ringcentral.com": "/",
    "video.ibm.com": "/",
    "around.co": "/",
    "meeting.zoho.com": "/",
    "meeting.zoho.eu": "/",
    "meet.starleaf.com": "/",
    "call.lifesizecloud.com": "/",
    "livestorm.co": "/",
    "demio.com": "/",
    "streamyard.com": "/",
    "discord.gg": "/",
    "huddle.slack.com": "/",
    "app.slack.com": "/huddle/",
    "vc.feishu.cn": "/",
    "meeting.tencent.com": "/",
    "join.me": "/",
    "pexip.me": "/",
    "daily.co": "/",
    "app.gather.town": "/",
    "riverside.fm": "/",
}


def web_url(value: str | None) -> str | None:
    """Return the value if it is one web address (http or https), else None."""
    value = (value or "").strip()
    return value if _URL.fullmatch(value) else None


def find_join_url(texts: Iterable[str | None]) -> str | None:
    """Return the first link in these texts that a known service's meeting is joined by.

    Links of other sites are never taken, whatever the text around them says.
    """
    for text in texts:
        if text and "://" in text:
            for match in _URL.finditer(text):
                url = html.unescape(match[0]).rstrip(".,;:!?)]*_>")
                if _is_join_page(url):
                    return url
    return None


def _is_join_page(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    labels = host.split(".")
    for length in (2, 3):
        path = _JOIN_PAGES.get(".".join(labels[-length:]))
        if path is not None and parts.path.startswith(path) and len(parts.path) > 1:
            return True
    return False
