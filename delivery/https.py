"""GET by HTTPS from a server at a known address, within a time and a size."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse

AGENT = "Mailer"


class FetchError(Exception):
    """Nothing was fetched; `str()` says why, for a person."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server answered; redirects are answers like others."""

    status: int
    media_type: str  # type/subtype in lower case
    content: bytes


@dataclass(frozen=True, slots=True)
class Site:
    """A host, which must prove its name by a certificate, and where it is."""

    host: str
    address: str
    port: int = 443

    def get(
        self, target: str, *, most_bytes: int, seconds: float, trust: ssl.SSLContext | None = None
    ) -> Fetched:
        """Return the answer to a GET for a path; of no redirect, cookie or cache.

        Raises FetchError for all else, also where it is longer than `most_bytes`, and about
        `seconds` after its begin. `trust` is what `trusting` returns.
        """
        try:
            with socket.create_connection((self.address, self.port), timeout=seconds) as plain:
                secured = (trust or trusting()).wrap_socket(
                    plain,
                    server_hostname=self.host,
                    do_handshake_on_connect=False,
                    suppress_ragged_eofs=False,  # an end that TLS does not vouch for is no end
                )
            with secured, _cut_after(secured, seconds):
                secured.do_handshake()
                return _exchange(secured, self.host, target, most_bytes)
        except (OSError, HTTPException, ValueError) as error:
            raise FetchError(str(error) or type(error).__name__) from None


def trusting(ca_file: str | None = None) -> ssl.SSLContext:
    """Return a context with these roots or the system's; loading them costs milliseconds."""
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
    except (OSError, HTTPException, ValueError) as error:
        if over.is_set() or isinstance(error, TimeoutError):
            raise TimeoutError(f"no whole answer in {seconds:.1f} s") from None
        raise
    finally:
        timer.cancel()


def _exchange(secured: ssl.SSLSocket, host: str, target: str, most_bytes: int) -> Fetched:
    http = HTTPConnection(host)
    http.sock = secured
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
