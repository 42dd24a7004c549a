"""Makes a copy trackable: links and pixel of one recipient's own."""

from functools import cache

from django.conf import settings

from tracking.rewriting import Rewritten, rewrite
from tracking.tokens import Keyring


@cache
def keyring() -> Keyring:
    """Return the keys of the settings, newest first."""
    return Keyring(settings.TRACKING_KEYS)


def click_prefix() -> str:
    """Return what every tracked link begins with."""
    return f"{settings.PUBLIC_URL}/t/c/"


def open_prefix() -> str:
    """Return what every pixel's address begins with."""
    return f"{settings.PUBLIC_URL}/t/o/"


def track(html: str, *, email_id: int, recipient_id: int, opens: bool, clicks: bool) -> Rewritten:
    """Return `html` with what was asked for, and warnings for what could not be tracked."""
    if not html or not (opens or clicks):
        return Rewritten(html, 0, ())
    keys = keyring()
    pixel = f"{open_prefix()}{keys.open_token(email_id, recipient_id)}.gif" if opens else None

    prefix = click_prefix()

    def click_url(target: str) -> str:
        return prefix + keys.click_token(email_id, recipient_id, target)

    return rewrite(
        html,
        click_url if clicks else None,
        pixel,
        own_prefixes=(f"{settings.PUBLIC_URL}/t/",),
    )
