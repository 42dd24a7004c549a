"""What a domain says of its MX hosts and their TLS: MTA-STS (RFC 8461), read and applied."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MOST_BYTES = 64 * 1024  # RFC 8461 §3.3 suggests it
LONGEST = 31_557_600  # seconds; a year, the most that max_age may be (§3.2)
REFRESHED_AFTER = timedelta(days=1)
RECORD_START = "v=STSv1"

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_RECORD_FIELD = re.compile(rf"({_NAME})=([\x21-\x3a\x3c\x3e-\x7e]+)")
_POLICY_FIELD = re.compile(rf"({_NAME}):[ \t]*(\S(?:.*\S)?)[ \t]*")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_MX = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_MAX_AGE = re.compile(r"[0-9]{1,10}")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class StsMode(StrEnum):
    """What is to be done where an MX host does not hold what the policy promises (§5)."""

    ENFORCE = "enforce"  # do not deliver to it
    TESTING = "testing"  # deliver all the same
    NONE = "none"  # there is no policy any more


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """A policy as it was fetched; `max_age` is in seconds, `id` that of the TXT record.

    `mx` are names in lower case, whose first label may be `*`.
    """

    mode: StsMode
    mx: tuple[str, ...]
    max_age: int
    id: str

    @property
    def enforced(self) -> bool:
        """Whether mail may go only to listed hosts, over verified TLS."""
        return self.mode is StsMode.ENFORCE

    def allows(self, mx_host: str) -> bool:
        """Tell whether the policy lists a host; `*` stands for one whole label (§4.1)."""
        host = mx_host.rstrip(".").lower()
        label, _, parent = host.partition(".")
        return host in self.mx or (bool(label) and f"*.{parent}" in self.mx)


@dataclass(frozen=True, slots=True)
class HeldPolicy:
    """A policy and when it was fetched. It holds until its end, whatever DNS says (§5.1)."""

    policy: StsPolicy
    fetched_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When it ends, unless it is fetched again."""
        return self.fetched_at + timedelta(seconds=self.policy.max_age)

    @property
    def aged_at(self) -> datetime:
        """When it is to be fetched again though its id is the same, so that it never ends."""
        return self.fetched_at + min(timedelta(seconds=self.policy.max_age / 2), REFRESHED_AFTER)


def record_name(domain: str) -> str:
    """Return where the TXT record of a domain is."""
    return f"_mta-sts.{domain}"


def policy_host(domain: str) -> str:
    """Return the host that serves the policy of a domain, for which its certificate must be."""
    return f"mta-sts.{domain}"


def policy_url(domain: str) -> str:
    """Return where the policy of a domain is."""
    return f"https://{policy_host(domain)}/.well-known/mta-sts.txt"


def policy_id(texts: Sequence[str]) -> str | None:
    """Return the id that the TXT records tell, or None where they announce no policy (§3.1).

    Records of other kinds do not count; of this kind there must be exactly one.
    """
    records = [text for text in texts if re.match(rf"{RECORD_START}[ \t]*;", text)]
    return _id_of(records[0]) if len(records) == 1 else None


def _id_of(record: str) -> str | None:
    parts = [part.strip(" \t") for part in record.split(";")]
    fields = [_RECORD_FIELD.fullmatch(part) for part in (parts if parts[-1] else parts[:-1])]
    found = _first_of_each([(field[1], field[2]) for field in fields if field])
    if not all(fields) or not _ID.fullmatch(found.get("id", "")):
        return None
    return found["id"]


def parse_policy(content: bytes, id: str) -> StsPolicy:
    """Read a policy as it was served (§3.2). Unknown fields are passed over.

    Raises ValueError with what is wrong. Empty lines at the end are forgiven; a `max_age` over a
    year is a year.
    """
    pairs = _fields_of(content)
    fields = _first_of_each(pairs)
    if fields.get("version") != "STSv1":
        raise ValueError("its version is not STSv1")
    try:
        mode = StsMode(fields.get("mode", ""))
    except ValueError:
        raise ValueError("its mode is none of enforce, testing and none") from None
    if not _MAX_AGE.fullmatch(fields.get("max_age", "")):
        raise ValueError("its max_age is not a number of seconds")
    mx = tuple(value.lower() for name, value in pairs if name == "mx")
    if wrong := [name for name in mx if not _MX.fullmatch(name)]:
        raise ValueError(f"its mx {wrong[0]!r} is no host name")
    if not mx and mode is not StsMode.NONE:
        raise ValueError("it lists no mx")
    return StsPolicy(mode, mx, min(int(fields["max_age"]), LONGEST), id)


def _fields_of(content: bytes) -> list[tuple[str, str]]:
    if len(content) > MOST_BYTES:
        raise ValueError(f"it is longer than {MOST_BYTES} bytes")
    try:
        text = content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    return [_field_of(line.removesuffix("\r")) for line in text.split("\n")]


def _field_of(line: str) -> tuple[str, str]:
    field = None if _CONTROL.search(line) else _POLICY_FIELD.fullmatch(line)
    if not field:
        raise ValueError(f"its line {line[:80]!r} is not a name, a colon and a value")
    return field[1], field[2]


def _first_of_each(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """All but the first of a name is ignored (§3.1, §3.2)."""
    return dict(reversed(pairs))
