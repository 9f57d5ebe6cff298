"""What can be told of an address without asking anybody: a role, a throw-away provider, a slip."""

from __future__ import annotations

from difflib import get_close_matches

from disposable_email_domains import blocklist

from shared.addresses import AddressError, parse_address

#: Mailboxes of functions, not people (RFC 2142 and custom).
ROLES = frozenset((
    "abuse", "accounts", "admin", "administrator", "billing", "contact", "do-not-reply", "donotreply",
    "enquiries", "ftp", "hello", "help", "helpdesk", "hostmaster", "hr", "info", "investors", "jobs",
    "legal", "mailer-daemon", "marketing", "media", "news", "newsletter", "no-reply", "noc", "noreply",
    "notifications", "office", "operations", "orders", "postmaster", "press", "privacy", "recruiting",
    "root", "sales", "security", "service", "spam", "support", "team", "usenet", "uucp", "webmaster",
    "www",
))  # fmt: skip

#: Where most people have their mail: what a slip of the finger was probably meant to be.
PROVIDERS = (
    "gmail.com", "googlemail.com", "yahoo.com", "yahoo.co.uk", "yahoo.co.in", "yahoo.fr", "hotmail.com",
    "hotmail.co.uk", "hotmail.fr", "outlook.com", "live.com", "msn.com", "icloud.com", "me.com",
    "mac.com", "aol.com", "protonmail.com", "proton.me", "gmx.de", "gmx.net", "gmx.com", "web.de",
    "t-online.de", "mail.ru", "yandex.ru", "rediffmail.com", "zoho.com", "fastmail.com", "comcast.net",
    "verizon.net", "orange.fr", "free.fr", "libero.it", "qq.com", "163.com",
)  # fmt: skip

#: Providers in their own right that look like a slip of one above; and those with domains in many countries,
#: whose name is right whatever follows it.
_NO_SLIPS = frozenset((
    "126.com", "139.com", "email.com", "fastmail.fm", "fmail.com", "hey.com", "mail.com", "pm.me",
    "rocketmail.com", "ymail.com",
))  # fmt: skip
_IN_MANY_COUNTRIES = frozenset((
    "aol", "free", "gmx", "hotmail", "live", "mac", "mail", "me", "orange", "outlook", "qq", "web",
    "yahoo", "yandex", "zoho",
))  # fmt: skip

#: Endings that no registry has ever had, and what they were meant to be; and real ones taken for .com.
_NO_ENDINGS = {
    "con": "com", "cmo": "com", "ocm": "com", "comm": "com", "coom": "com", "vom": "com", "xom": "com",
    "cpm": "com", "ney": "net", "nte": "net", "nett": "net", "ogr": "org", "orgg": "org", "rog": "org",
}  # fmt: skip
_NEARLY_COM = ("co", "cm", "om")

#: How alike two domains must be (difflib's ratio): one letter of "gmail.com" wrong, doubled, gone or swapped.
_CLOSE_ENOUGH = 0.84


def is_role(local: str) -> bool:
    """Whether a local part names a function: `sales`, `sales+de`."""
    return local.partition("+")[0].lower() in ROLES


def is_disposable(domain: str) -> bool:
    """Whether a domain, or one above it, is on the list of throw-away providers."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


def suggestion(email: str) -> str | None:
    """The address that was probably meant, when the domain is nearly that of a big provider or ends oddly."""
    local, at, domain = email.strip().rpartition("@")
    domain = domain.lower()
    if not at or not local or domain in PROVIDERS or domain in _NO_SLIPS:
        return None
    meant = f"{local}@{_meant(domain)}"
    return meant if meant != f"{local}@{domain}" and _is_address(meant) else None


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except AddressError:
        return False
    return True


def _meant(domain: str) -> str:
    name, _, ending = domain.rpartition(".")
    if ending in _NEARLY_COM and f"{name}.com" in PROVIDERS:
        return f"{name}.com"
    if ending in _NO_ENDINGS:
        domain = f"{name}.{_NO_ENDINGS[ending]}"
    elif domain.partition(".")[0] in _IN_MANY_COUNTRIES:
        return domain
    close = get_close_matches(domain, PROVIDERS, n=1, cutoff=_CLOSE_ENOUGH)
    return close[0] if close else domain
