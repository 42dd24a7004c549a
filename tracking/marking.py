"""Makes a copy trackable: links and pixel of one recipient's own."""

from functools import cache, lru_cache
from urllib.parse import urlsplit

from django.conf import settings

from tracking.rewriting import Rewritten, rewrite
from tracking.tokens import Keyring


@cache
def keyring() -> Keyring:
    """Return the keys of the settings, newest first."""
    return Keyring(settings.TRACKING_KEYS)


def click_prefix(base: str = "") -> str:
    """Return what every tracked link begins with."""
    return f"{base or settings.PUBLIC_URL}/t/c/"


def open_prefix(base: str = "") -> str:
    """Return what every pixel's address begins with."""
    return f"{base or settings.PUBLIC_URL}/t/o/"


@lru_cache(maxsize=1000)
def base_at(public_url: str, host: str | None) -> str:
    """Return our public address under another name that leads to us."""
    if not host:
        return public_url
    parts = urlsplit(public_url)
    return parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host).geturl()


def track(
    html: str,
    *,
    email_id: int,
    recipient_id: int,
    opens: bool,
    clicks: bool,
    host: str | None = None,
) -> Rewritten:
    """Return `html` with what was asked for, and warnings for what could not be tracked.

    `host` is a name of the sender's that leads to us, to be used in place of our own.
    """
    if not html or not (opens or clicks):
        return Rewritten(html, 0, ())
    keys = keyring()
    base = base_at(settings.PUBLIC_URL, host)
    pixel = f"{open_prefix(base)}{keys.open_token(email_id, recipient_id)}.gif" if opens else None

    prefix = click_prefix(base)

    def click_url(target: str) -> str:
        return prefix + keys.click_token(email_id, recipient_id, target)

    return rewrite(
        html,
        click_url if clicks else None,
        pixel,
        own_prefixes=tuple({f"{settings.PUBLIC_URL}/t/", f"{base}/t/"}),
    )
