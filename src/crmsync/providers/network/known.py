"""The mail providers that many people use: servers, and what one has to know to log in.

Servers and ports are those of the providers' help pages; where a page offers both, TLS from the first octet is taken
(RFC 8314 section 3).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from .access import Security, Server

Service = Literal["imap", "smtp", "caldav"]
Login = Literal["account", "app", "never"]
"""Which password a program logs in with: the account's own, one made for it, or none, because it takes OAuth."""


class Known(NamedTuple):
    """A provider."""

    name: str
    domains: str
    """Of its addresses."""
    imap: str
    """`host`, or `host:port`; a leading `+` for STARTTLS. Empty where there is none."""
    smtp: str
    caldav: str = ""
    """`host/path`."""
    mx: str = ""
    """What its mail exchangers' names end in, by which the domains of its customers are known."""
    login: Login = "account"
    advice: str = ""
    """What to do before the first login."""
    user: str = "{address}"
    """The name to log in with; where several are to be tried, with a space between them."""
    saves_sent: bool = False
    """Whether the server keeps a copy of what is sent through it."""


_APP = "Make an app password in the account's security settings"
_GOOGLE = (
    "Turn on two-step verification, then make an app password at myaccount.google.com/apppasswords; an administrator "
    "can have switched that off"
)
_SWITCH_ON = "Allow access by IMAP in the settings of the web mail first"

PROVIDERS = (
    Known(
        "Gmail", "gmail.com googlemail.com", "imap.gmail.com", "smtp.gmail.com",
        mx="google.com googlemail.com smtp.goog", login="app", advice=_GOOGLE, saves_sent=True,
    ),
    Known(
        "Microsoft 365", "", "outlook.office365.com", "+smtp.office365.com:587",
        mx="mail.protection.outlook.com mx.microsoft", login="never",
        advice="Microsoft takes no passwords for IMAP; connect with Microsoft", saves_sent=True,
    ),
    Known(
        "Outlook.com",
        "outlook.com hotmail.com live.com msn.com passport.com windowslive.com outlook.de outlook.fr outlook.es "
        "outlook.it outlook.jp outlook.com.br hotmail.co.uk hotmail.de hotmail.es hotmail.fr hotmail.it hotmail.nl "
        "live.co.uk live.de live.fr live.it live.nl live.se live.no live.dk live.be live.ca live.com.au live.com.mx",
        "outlook.office365.com", "+smtp-mail.outlook.com:587", mx="olc.protection.outlook.com", login="never",
        advice="Microsoft takes no passwords for IMAP; connect with Microsoft", saves_sent=True,
    ),
    Known(
        "Yahoo",
        "yahoo.com yahoo.co.uk yahoo.de yahoo.es yahoo.fr yahoo.it yahoo.ca yahoo.in yahoo.co.in yahoo.com.br "
        "yahoo.com.au yahoo.com.mx yahoo.com.ar yahoo.gr yahoo.ie yahoo.no yahoo.pl yahoo.ro yahoo.se ymail.com "
        "rocketmail.com myyahoo.com",
        "imap.mail.yahoo.com", "smtp.mail.yahoo.com", "caldav.calendar.yahoo.com", "yahoodns.net", "app", _APP,
    ),
    Known("AOL", "aol.com aol.de aol.fr aol.co.uk aim.com", "imap.aol.com", "smtp.aol.com", "caldav.calendar.aol.com",
        login="app", advice=_APP),
    Known("AT&T", "att.net sbcglobal.net bellsouth.net pacbell.net", "imap.mail.att.net", "smtp.mail.att.net",
        login="app", advice="Make a secure mail key in the AT&T profile"),
    Known(
        "iCloud", "icloud.com me.com mac.com", "imap.mail.me.com", "+smtp.mail.me.com:587", "caldav.icloud.com",
        "mail.icloud.com", "app", "Make an app-specific password at account.apple.com", "{local} {address}",
    ),
    Known(
        "Fastmail", "fastmail.com fastmail.fm fastmail.net fastmail.org sent.com messagingengine.com",
        "imap.fastmail.com", "smtp.fastmail.com", "caldav.fastmail.com/dav/", "messagingengine.com", "app",
        "Make an app password under Settings, Privacy & Security",
    ),
    Known("GMX", "gmx.de gmx.net gmx.at gmx.ch gmx.li gmx.org", "imap.gmx.net", "mail.gmx.net", "caldav.gmx.net",
        "gmx.net", advice=_SWITCH_ON),
    Known("GMX", "gmx.com gmx.us gmx.co.uk gmx.fr gmx.es mail.com email.com", "imap.gmx.com", "mail.gmx.com",
        advice=_SWITCH_ON),
    Known("WEB.DE", "web.de email.de", "imap.web.de", "smtp.web.de", "caldav.web.de", advice=_SWITCH_ON),
    Known("Telekom", "t-online.de magenta.de", "secureimap.t-online.de", "securesmtp.t-online.de",
        advice="Set a password for e-mail programs in the customer centre; the login's own does not work"),
    Known("freenet", "freenet.de", "mx.freenet.de", "+mx.freenet.de:587"),
    Known("Posteo", "posteo.de posteo.net posteo.org posteo.eu", "posteo.de", "posteo.de", "posteo.de:8443",
        "posteo.de"),
    Known("mailbox.org", "mailbox.org", "imap.mailbox.org", "smtp.mailbox.org", "dav.mailbox.org/caldav/",
        "mailbox.org"),
    Known("IONOS", "online.de", "imap.ionos.de", "smtp.ionos.de", mx="kundenserver.de ionos.de"),
    Known("IONOS", "", "imap.ionos.com", "smtp.ionos.com", mx="ionos.com 1and1.com"),
    Known("STRATO", "", "imap.strato.de", "smtp.strato.de", mx="rzone.de"),
    Known(
        "Zoho", "zoho.com zohomail.com", "imap.zoho.com", "smtp.zoho.com", "calendar.zoho.com/caldav",
        login="app", advice=f"{_SWITCH_ON}. {_APP}",
    ),
    Known("Zoho", "zoho.eu zohomail.eu", "imap.zoho.eu", "smtp.zoho.eu", "calendar.zoho.eu/caldav", login="app",
        advice=f"{_SWITCH_ON}. {_APP}"),
    Known("Zoho", "", "imappro.zoho.eu", "smtppro.zoho.eu", "calendar.zoho.eu/caldav", "zoho.eu", "app",
        f"{_SWITCH_ON}. {_APP}"),
    Known("Zoho", "", "imappro.zoho.in", "smtppro.zoho.in", "calendar.zoho.in/caldav", "zoho.in", "app",
        f"{_SWITCH_ON}. {_APP}"),
    Known("Zoho", "", "imappro.zoho.com", "smtppro.zoho.com", "calendar.zoho.com/caldav", "zoho.com", "app",
        f"{_SWITCH_ON}. {_APP}"),
    Known(
        "Yandex", "yandex.com yandex.ru yandex.by yandex.kz yandex.ua ya.ru narod.ru", "imap.yandex.com",
        "smtp.yandex.com", "caldav.yandex.ru", "mx.yandex.net mx.yandex.ru", "app", f"{_SWITCH_ON}. {_APP}",
    ),
    Known("Mail.ru", "mail.ru inbox.ru list.ru bk.ru internet.ru", "imap.mail.ru", "smtp.mail.ru", "calendar.mail.ru",
        "mail.ru", "app", _APP),
    Known("Orange", "orange.fr wanadoo.fr", "imap.orange.fr", "smtp.orange.fr"),
    Known("Free", "free.fr", "imap.free.fr", "smtp.free.fr"),
    Known("La Poste", "laposte.net", "imap.laposte.net", "smtp.laposte.net"),
    Known("Libero", "libero.it inwind.it iol.it blu.it", "imapmail.libero.it", "smtp.libero.it"),
    Known("WP", "wp.pl", "imap.wp.pl", "smtp.wp.pl", advice=_SWITCH_ON),
    Known("o2", "o2.pl tlen.pl go2.pl", "poczta.o2.pl", "poczta.o2.pl", advice=_SWITCH_ON),
    Known("Seznam", "seznam.cz email.cz post.cz", "imap.seznam.cz", "smtp.seznam.cz", mx="seznam.cz"),
    Known("Bluewin", "bluewin.ch", "imaps.bluewin.ch", "smtpauths.bluewin.ch"),
    Known("Infomaniak", "ik.me", "mail.infomaniak.com", "mail.infomaniak.com", "sync.infomaniak.com",
        "infomaniak.ch infomaniak.com"),
    Known("QQ Mail", "qq.com foxmail.com", "imap.qq.com", "smtp.qq.com", login="app",
        advice="Switch IMAP on in the settings of the web mail; it shows a code that serves as the password"),
    Known("NetEase", "163.com", "imap.163.com", "smtp.163.com", login="app",
        advice="Switch IMAP on in the settings of the web mail; it shows a code that serves as the password"),
    Known("NetEase", "126.com", "imap.126.com", "smtp.126.com", login="app",
        advice="Switch IMAP on in the settings of the web mail; it shows a code that serves as the password"),
    Known("Naver", "naver.com", "imap.naver.com", "smtp.naver.com", advice=_SWITCH_ON, user="{local}"),
    Known("Daum", "daum.net hanmail.net", "imap.daum.net", "smtp.daum.net", advice=_SWITCH_ON),
    Known("Comcast", "comcast.net xfinity.com", "imap.comcast.net", "smtp.comcast.net",
        advice="Allow third-party access in the Xfinity mail settings first"),
    Known("Rackspace", "", "secure.emailsrvr.com", "secure.emailsrvr.com", mx="emailsrvr.com"),
    Known("GoDaddy", "", "imap.secureserver.net", "smtpout.secureserver.net", mx="secureserver.net"),
    Known("Hostinger", "", "imap.hostinger.com", "smtp.hostinger.com", mx="hostinger.com"),
    Known("OVH", "", "ssl0.ovh.net", "ssl0.ovh.net", mx="ovh.net"),
    Known("Gandi", "", "mail.gandi.net", "mail.gandi.net", mx="gandi.net"),
    Known("Migadu", "", "imap.migadu.com", "smtp.migadu.com", "cdav.migadu.com", "migadu.com"),
    Known("Purelymail", "purelymail.com", "imap.purelymail.com", "smtp.purelymail.com", "purelymail.com",
        "purelymail.com"),
    Known("Proton Mail", "proton.me protonmail.com protonmail.ch pm.me", "", "", mx="protonmail.ch",
        login="never", advice="Proton Mail is read through its Bridge, a program on one's own computer"),
    Known("Tuta", "tuta.com tutanota.com tutanota.de tutamail.com tuta.io keemail.me", "", "", mx="tutanota.de",
        login="never", advice="Tuta offers no access by IMAP"),
)  # fmt: skip
"""A special case stands before the general one: the first that fits is taken."""

_PORTS = {"imap": 993, "smtp": 465, "caldav": 443}
_BY_DOMAIN = {domain: known for known in PROVIDERS for domain in known.domains.split()}
_SAVING = frozenset(server.host for known in PROVIDERS if known.saves_sent for server in [
    Server(host=known.smtp.removeprefix("+").partition(":")[0], port=465, username="x")
])  # fmt: skip


def provider_of(domain: str) -> Known | None:
    """Return the provider of an address's domain."""
    return _BY_DOMAIN.get(domain.lower())


def provider_by_mx(exchangers: list[str]) -> Known | None:
    """Return the provider to whose mail exchangers a domain's mail goes: the domain is a customer's of it."""
    for name in exchangers:
        host = name.lower().rstrip(".")
        fits = [k for k in PROVIDERS if any(host == end or host.endswith(f".{end}") for end in k.mx.split())]
        if fits:
            return max(fits, key=lambda k: max(len(end) for end in k.mx.split() if host.endswith(end)))
    return None


def saves_sent(host: str) -> bool:
    """Tell whether an SMTP server is known to keep a copy of what is sent through it."""
    return host.lower() in _SAVING


def servers_of(known: Known, service: Service, address: str) -> list[Server]:
    """Return how to reach one service of a provider, once for each name to log in with, the likelier first."""
    told = {"imap": known.imap, "smtp": known.smtp, "caldav": known.caldav}[service]
    if not told:
        return []
    place, slash, path = told.removeprefix("+").partition("/")
    host, _, port = place.partition(":")
    return [
        Server(
            host=host,
            port=int(port or _PORTS[service]),
            security=Security.STARTTLS if told.startswith("+") else Security.TLS,
            username=user.format(address=address, local=address.rpartition("@")[0]),
            path=slash + path,
        )
        # Apple's mail server wants the name only, its others the whole address.
        for user in (known.user.split() if service == "imap" or " " not in known.user else [known.user.split()[-1]])
    ]
