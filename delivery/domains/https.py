"""Asks a name over https at an address that DNS gave, as a reader's browser would."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass

MOST_BYTES = 1000


class NotServed(Exception):
    """Nobody answers by https in this name; `str()` says why, for a person."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A status, and how its body begins."""

    status: int
    body: bytes


def get(host: str, path: str, address: str, *, port: int = 443, seconds: float = 5.0) -> Answered:
    """GET a path; the certificate has to hold for `host`, and no redirect is followed.

    Raises NotServed.
    """
    try:
        plain = socket.create_connection((address, port), timeout=seconds)
        with plain, ssl.create_default_context().wrap_socket(plain, server_hostname=host) as sock:
            connection = http.client.HTTPConnection(host, port)
            connection.sock = sock
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            return Answered(answer.status, answer.read(MOST_BYTES))
    except (OSError, http.client.HTTPException) as error:
        raise NotServed(str(error) or type(error).__name__) from None
