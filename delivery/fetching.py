"""Fetches by HTTPS what others name, and is not led into networks that are not for everybody."""

from __future__ import annotations

import time
from functools import cached_property
from ssl import SSLContext
from urllib.parse import urlsplit

from delivery.https import Fetched, FetchError, Site, trusting
from delivery.smtp.dns import DnsError, Resolver
from delivery.smtp.reach import Reach

MOST_ADDRESSES = 4


class Fetcher:
    """Looks a name up once, with `resolver`, and connects to what it found and to nothing else.

    Addresses beyond its `reach` are refused. No proxy, redirect, cookie or cache. `ca_file`: trust
    these roots. For many threads.
    """

    def __init__(
        self,
        resolver: Resolver,
        reach: Reach,
        *,
        port: int = 443,
        ca_file: str | None = None,
    ) -> None:
        self._resolver, self._reach, self._port = resolver, reach, port
        self._ca_file = ca_file

    @cached_property
    def _trust(self) -> SSLContext:
        return trusting(self._ca_file)

    def get(self, url: str, *, most_bytes: int, seconds: float) -> Fetched:
        """Return the answer to a GET; its host must prove its name by a certificate.

        Raises FetchError for all else, also where it is longer than `most_bytes`, and about
        `seconds` after its begin, or the resolver's patience if that is longer.
        """
        parts = urlsplit(url)
        host = parts.hostname
        if parts.scheme != "https" or not host or host != parts.netloc.lower():
            raise FetchError(f"{url} is no plain https URL")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        ends = time.monotonic() + seconds
        addresses = self._addresses(host)
        trouble = FetchError(f"{host} gave no answer in {seconds:g} s")
        for left in range(len(addresses), 0, -1):
            share = (ends - time.monotonic()) / left
            if share <= 0:
                break
            site = Site(host, addresses[-left], self._port)
            try:
                return site.get(target, most_bytes=most_bytes, seconds=share, trust=self._trust)
            except FetchError as error:
                trouble = FetchError(f"{host}[{site.address}]: {error}")
        raise trouble

    def _addresses(self, host: str) -> list[str]:
        try:
            found = self._resolver.addresses(host)
        except DnsError as error:
            raise FetchError(str(error)) from None
        if not found:
            raise FetchError(f"{host} has no address")
        fit = [address for address in found if self._reach.includes(address)]
        if not fit:
            raise FetchError(f"{host} is at {found[0]}, where nothing is fetched from")
        return fit[:MOST_ADDRESSES]
