"""Believes X-Forwarded-* from TRUSTED_PROXIES and from nobody else."""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

REMOVED = "mailer.forwarded_headers_removed"
LOOKED_AT = "mailer.forwarded_headers_looked_at"
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")

LONGEST_KEPT = 50  # characters; anybody may write a header of any length


class TrustedProxyMiddleware:
    """Sets REMOTE_ADDR to the reader's address, or removes what a stranger forged."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look at who connected before anything reads a forwarded header."""
        look_at_sender(request.META)
        return self.get_response(request)


def look_at_sender(meta: dict[str, Any]) -> None:
    """Do so in a WSGI environment: once, since it then names the reader as who connected."""
    if LOOKED_AT in meta:
        return
    meta[LOOKED_AT] = True
    if is_trusted(meta.get("REMOTE_ADDR", "")):
        hops = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
        meta["REMOTE_ADDR"] = last_untrusted(hops) or meta["REMOTE_ADDR"]
    else:
        forged = [meta.pop(header, None) for header in FORWARDED]
        meta[REMOVED] = any(header is not None for header in forged)


def came_through_a_stranger(request: HttpRequest) -> bool:
    """Tell whether a proxy that is not ours, or the sender, named somebody else as the sender."""
    return bool(request.META.get(REMOVED))


def is_trusted(address: str) -> bool:
    """Tell whether `address` is one of our own proxies."""
    if not settings.TRUSTED_PROXIES:
        return False
    parsed = parsed_address(address)
    return parsed is not None and any(parsed in network for network in settings.TRUSTED_PROXIES)


def last_untrusted(hops: list[str]) -> str | None:
    """Return the nearest hop that is not ours: what stands before it anybody may have written."""
    for hop in reversed(hops):
        if not is_trusted(hop):
            parsed = parsed_address(hop)
            return str(parsed) if parsed else None
    return None


def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address, as IPv4 where a socket for both families wrote it as ::ffff:192.0.2.1."""
    return _kept(text) if len(text) <= LONGEST_KEPT else _parsed(text)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


_kept = lru_cache(maxsize=1000)(_parsed)  # most requests come from the same few proxies
