"""Fetches by HTTPS what others name, and is not led into networks that are not for everybody."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import SplitResult, urlsplit

from delivery.smtp.dns import DnsError, Resolver
from delivery.smtp.reach import Reach

MOST_ADDRESSES = 4
AGENT = "Mailer"


class FetchError(Exception):
    """Nothing was fetched; `str()` says why, for a person."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server answered; redirects are answers like others."""

    status: int
    media_type: str  # type/subtype in lower case
    content: bytes


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

    def get(self, url: str, *, most_bytes: int, seconds: float) -> Fetched:
        """Return the answer to a GET; its host must prove its name by a certificate.

        Raises FetchError for all else, also where it is longer than `most_bytes`, and about
        `seconds` after its begin, or the resolver's patience if that is longer.
        """
        parts = urlsplit(url)
        host = parts.hostname
        if parts.scheme != "https" or not host or host != parts.netloc.lower():
            raise FetchError(f"{url} is no plain https URL")
        ends = time.monotonic() + seconds
        addresses = self._addresses(host)
        trouble = FetchError(f"{host} gave no answer in {seconds:g} s")
        for left in range(len(addresses), 0, -1):
            share = (ends - time.monotonic()) / left
            if share <= 0:
                break
            try:
                return self._ask(addresses[-left], parts, most_bytes, share)
            except (OSError, HTTPException, ValueError) as error:
                trouble = FetchError(f"{host}[{addresses[-left]}]: {_said(error)}")
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

    def _ask(self, address: str, parts: SplitResult, most_bytes: int, seconds: float) -> Fetched:
        with socket.create_connection((address, self._port), timeout=seconds) as plain:
            secured = _context(self._ca_file).wrap_socket(
                plain,
                server_hostname=parts.hostname,
                do_handshake_on_connect=False,
                suppress_ragged_eofs=False,  # an end that TLS does not vouch for is no end
            )
        with secured, _cut_after(secured, seconds):
            secured.do_handshake()
            return _exchange(secured, parts, most_bytes)


@lru_cache(maxsize=4)  # loading the system's roots costs milliseconds
def _context(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # RFC 8461 §3.3, RFC 9525 §2
    context.set_alpn_protocols(["http/1.1"])
    return context


@contextmanager
def _cut_after(secured: ssl.SSLSocket, seconds: float) -> Iterator[None]:
    """End what goes on over a socket once the time is over: its own timeout is for one packet."""
    over = threading.Event()

    def cut() -> None:
        over.set()
        with suppress(OSError):  # not SSLSocket's own, which pulls TLS from under the reader
            socket.socket.shutdown(secured, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, HTTPException, ValueError):
        if over.is_set():
            raise TimeoutError(f"no whole answer in {seconds:.1f} s") from None
        raise
    finally:
        timer.cancel()


def _exchange(secured: ssl.SSLSocket, parts: SplitResult, most_bytes: int) -> Fetched:
    http = HTTPConnection(str(parts.hostname))
    http.sock = secured
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    http.request("GET", target, headers={"User-Agent": AGENT, "Connection": "close"})
    with http.getresponse() as response:
        content = _read(response, most_bytes)
        return Fetched(response.status, response.headers.get_content_type(), content)


def _read(response: HTTPResponse, most_bytes: int) -> bytes:
    content = response.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"it is longer than {most_bytes} bytes")
    if response.length:  # it named a length that did not come
        raise ValueError("it broke off")
    return content


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
