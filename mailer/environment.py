"""Reads settings from the environment and stops the start with a sentence when one is wrong."""

import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError

env = Env()
T = TypeVar("T")
LEAST_SQLITE = (3, 35)
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})+")


def load_generated_settings(var: Path) -> None:
    """Take what `make run` keeps in `var/settings.env`; real variables win over it."""
    env.read_env(var / "settings.env", override=False, recurse=False)


def read(name: str, kind: str, hint: str, **options: Any) -> Any:
    """Return the variable `name` as `kind` ("str", "int", "float", "bool", "list").

    An empty variable counts as not set, as compose files pass it on. Raises ImproperlyConfigured:
    one sentence with the variable's name, its fault and `hint`.
    """
    if "default" in options and not env.str(name, "").strip():
        return options["default"]
    try:
        value = getattr(env, kind)(name, **options)
    except EnvError as error:
        fault = "is not set" if not os.environ.get(name) else f"is wrong ({_reason(error)})"
        raise ImproperlyConfigured(f"{name} {fault}. {hint}") from None
    return value


def _reason(error: EnvError) -> str:
    """Return what environs says after `Environment variable "NAME" invalid: `."""
    said = str(error)
    return (said.partition(" invalid: ")[2] or said).strip("[]'\".")


@contextmanager
def one_sentence() -> Iterator[None]:
    """End the process with the sentence of an ImproperlyConfigured, without a traceback."""
    try:
        yield
    except ImproperlyConfigured as error:
        sys.exit(f"error: {error}")


def text(name: str, hint: str, **options: Any) -> str:
    """Return a string; without a `default` it must be set and not be empty."""
    value = str(read(name, "str", hint, **options)).strip()
    if not value and "default" not in options:
        raise ImproperlyConfigured(f"{name} is not set. {hint}")
    return value


def number(name: str, default: float, *, least: float = 1, most: float = 2**53) -> Any:
    """Return a number of the type of `default`, between `least` and `most` inclusive."""
    hint = f"Give a number from {least:g} to {most:g} (default {default:g})."
    kind = "int" if isinstance(default, int) else "float"
    value = read(name, kind, hint, default=default)
    if not least <= value <= most:
        raise ImproperlyConfigured(f"{name} is {value:g}, which is out of range. {hint}")
    return value


def switch(name: str, default: bool) -> bool:
    """Return a boolean."""
    return bool(read(name, "bool", "Give true or false.", default=default))


def words(name: str, default: list[str], hint: str = "Give a comma-separated list.") -> list[str]:
    """Return a list of non-empty strings; one that is set names at least one of them."""
    values = read(name, "list", hint, default=default)
    found = [word for value in values if (word := str(value).strip())]
    if not found and values:
        raise ImproperlyConfigured(f"{name} lists nothing. {hint}")
    return found


def choice(name: str, options: tuple[str, ...], **kwargs: Any) -> str:
    """Return one of `options`."""
    hint = f"Choose one of: {', '.join(options)}."
    value = text(name, hint, **kwargs)
    if value not in options:
        raise ImproperlyConfigured(f"{name} is {value!r}. {hint}")
    return value


def url(name: str, schemes: tuple[str, ...], hint: str, **options: Any) -> str:
    """Return an absolute URL without a trailing slash, or "" when the default says so."""
    value = text(name, hint, **options)
    return _url(name, value, schemes, hint) if value else ""


def urls(name: str, schemes: tuple[str, ...], hint: str, **options: Any) -> list[str]:
    """Return absolute URLs from a list with commas between, or [] when the default is ""."""
    value = text(name, hint, **options)
    found = [_url(name, part, schemes, hint) for item in value.split(",") if (part := item.strip())]
    if value and not found:
        raise ImproperlyConfigured(f"{name} lists nothing. {hint}")
    return found


def _url(name: str, value: str, schemes: tuple[str, ...], hint: str) -> str:
    value = value.rstrip("/")
    parts = checked(name, hint, lambda: _split(value))
    is_base = parts.scheme in ("http", "https")  # paths are put behind it
    if parts.scheme not in schemes or not parts.hostname or (is_base and parts.query):
        raise ImproperlyConfigured(f"{name} is not a URL that can be used. {hint}")
    return value


def _split(value: str) -> SplitResult:
    """Return the parts of a URL; ValueError where its port is no port, or with a fragment."""
    parts = urlsplit(value)
    if parts.port == 0 or parts.fragment:
        raise ValueError(value)
    return parts


def database(name: str, default: str) -> dict[str, Any]:
    """Return Django's description of the database at the URL in `name`."""
    hint = "Give a URL like postgres://user:password@host:5432/name or sqlite:////path/to/file."
    value = text(name, hint, default=default)
    parsed = checked(name, hint, lambda: dj_database_url.parse(value))
    if "sqlite" not in parsed["ENGINE"] and "postgresql" not in parsed["ENGINE"]:
        raise ImproperlyConfigured(f"{name} names an unsupported kind of database. {hint}")
    if "sqlite" in parsed["ENGINE"] and sqlite3.sqlite_version_info < LEAST_SQLITE:
        raise ImproperlyConfigured(
            f"Python's SQLite is {sqlite3.sqlite_version}, but 3.35 or newer is needed (for "
            f"UPDATE … RETURNING). Use another build of Python, or PostgreSQL by {name}."
        )
    return dict(parsed)


def addresses(name: str) -> list[tuple[str, int]]:
    """Return where to listen, as addresses and ports; [] where it is not set."""
    hint = "Give an address and a port like 0.0.0.0:25, or several with commas between: [::]:25."
    return checked(name, hint, lambda: [_listening(word) for word in words(name, [], hint)])


def _listening(word: str) -> tuple[str, int]:
    """Return the address and the port of `192.0.2.1:25` or `[::1]:25`; ValueError for others."""
    host, _, port = word.rpartition(":")
    address = ip_address(host[1:-1] if host[:1] == "[" and host[-1:] == "]" else host)
    if (address.version == 6) != (host[:1] == "[") or not 0 < int(port) < 65_536:
        raise ValueError(word)
    return str(address), int(port)


def domain(name: str) -> str:
    """Return a domain name in lower case, or "" where it is not set."""
    value = text(name, "", default="").lower().rstrip(".")
    if value and not _DOMAIN.fullmatch(value):
        raise ImproperlyConfigured(
            f"{name} is {value!r}, which is no domain name. Give one like bounces.example.com."
        )
    return value


def networks(name: str, default: list[str]) -> list[IPv4Network | IPv6Network]:
    """Return a list of IP networks."""
    hint = "Give addresses or networks like 10.0.0.0/8,192.0.2.1."
    return checked(name, hint, lambda: [ip_network(word) for word in words(name, default, hint)])


def checked(name: str, hint: str, parse: Callable[[], T]) -> T:
    """Return what `parse` makes of the value; its ValueError becomes a sentence."""
    try:
        return parse()
    except (ValueError, KeyError):
        raise ImproperlyConfigured(f"{name} can't be understood. {hint}") from None


def origin(parts: SplitResult) -> str:
    """Return scheme and host of a URL, as browsers send it in Origin."""
    return f"{parts.scheme}://{parts.netloc}"
