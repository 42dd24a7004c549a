"""What we know of the big providers, from `profiles.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from delivery.destinations.budget import Limits

EVERY_HOST = "*"


@dataclass(frozen=True, slots=True)
class Profile:
    """A provider: its name, the names that cover its MX hosts, and what it gets."""

    name: str
    hosts: tuple[str, ...]
    limits: Limits


@cache
def built_in() -> tuple[Profile, ...]:
    """Return all, the default with the host `*` last."""
    known = tomllib.loads(Path(__file__).with_name("profiles.toml").read_text())
    default = Profile("All others", (EVERY_HOST,), _limits(known["default"]))
    return (*(_profile(entry) for entry in known["profile"]), default)


def _profile(entry: dict[str, Any]) -> Profile:
    return Profile(entry["name"], tuple(entry["hosts"]), _limits(entry))


def _limits(entry: dict[str, Any]) -> Limits:
    return Limits(
        entry["connections"], entry["mails_per_connection"], entry.get("mails_per_minute")
    )
