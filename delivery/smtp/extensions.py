"""What a server offers in its answer to EHLO (RFC 5321 §4.1.1.1)."""

from __future__ import annotations

from dataclasses import dataclass

from .replies import Reply


@dataclass(frozen=True, slots=True)
class Extensions:
    """The extensions we use; nothing offered is what HELO leaves.

    `size` is the largest message in bytes, None without a limit (RFC 1870 §4), and `sizes`
    whether the SIZE parameter may be given at all. `auth` holds mechanisms in upper case.
    """

    pipelining: bool = False
    chunking: bool = False
    eight_bit_mime: bool = False
    smtputf8: bool = False
    starttls: bool = False
    enhanced_status_codes: bool = False
    sizes: bool = False
    size: int | None = None
    auth: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, reply: Reply) -> Extensions:
        """Read the reply to EHLO; its first line is the server's greeting. Never raises."""
        offered = _keywords(reply)
        return cls(
            pipelining="PIPELINING" in offered,
            chunking="CHUNKING" in offered,
            eight_bit_mime="8BITMIME" in offered,
            smtputf8="SMTPUTF8" in offered,
            starttls="STARTTLS" in offered,
            enhanced_status_codes="ENHANCEDSTATUSCODES" in offered,
            sizes="SIZE" in offered,
            size=_limit(offered.get("SIZE", [])),
            auth=frozenset(offered.get("AUTH", [])),
        )


def _keywords(reply: Reply) -> dict[str, list[str]]:
    offered: dict[str, list[str]] = {}
    for line in reply.text.upper().split("\n")[1:]:
        # "AUTH=LOGIN" is what servers said before RFC 2554, and some still do.
        keyword, *parameters = line.replace("AUTH=", "AUTH ", 1).split() or [""]
        offered.setdefault(keyword, []).extend(parameters)
    return offered


def _limit(parameters: list[str]) -> int | None:
    """Zero and no number at all mean that there is no fixed limit (RFC 1870 §4)."""
    digits = parameters[0] if parameters else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
        return None
    return int(digits) or None
