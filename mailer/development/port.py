"""Whether the port is free, asked before anything is started."""

import errno
import socket
from contextlib import suppress

from django.core.exceptions import ImproperlyConfigured

LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
NO_IPV6 = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


def free_port(value: str, name: str = "PORT") -> int:
    """Return `value` as a number; raises ImproperlyConfigured when it is none or is taken.

    Both loopback addresses are asked: browsers try either for "localhost". `name` is the variable
    that said it.
    """
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65535):
        raise ImproperlyConfigured(f"{name} is {value!r}. Give a number from 1 to 65535.")
    port = int(value)
    for family, address in LOOPBACK:
        _try(family, address, port, name)
    return port


def first_free(ports: range, name: str) -> int:
    """Return the first of `ports` that is free; raises ImproperlyConfigured where none is."""
    for port in ports:
        with suppress(ImproperlyConfigured):
            return free_port(str(port), name)
    raise ImproperlyConfigured(
        f"The ports {ports[0]} to {ports[-1]} are all taken. Choose one: make run {name}=3025"
    )


def _try(family: socket.AddressFamily, address: str, port: int, name: str) -> None:
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past a TIME_WAIT
            probe.bind((address, port))
    except OSError as error:
        if error.errno not in NO_IPV6:
            raise ImproperlyConfigured(_sentence(error, port, name)) from None


def _sentence(error: OSError, port: int, name: str) -> str:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else 8000
        return (
            f"Port {port} is taken by another program. Choose another one: make run {name}={other}"
        )
    return f"Port {port} can't be used ({error.strerror}). Choose another one: make run {name}=8001"
