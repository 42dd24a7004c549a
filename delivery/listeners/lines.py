"""The lines of commands, strictly."""

from __future__ import annotations

import asyncio
from typing import Any


class WrongLineEnd(Exception):
    """A command that does not end in CRLF, or has a CR, LF or NUL within."""


class TooLong(Exception):
    """A command of more than any command can have; it was read to its end."""


class Lines(asyncio.StreamReader):
    """Command lines end in CRLF (RFC 5321 §2.3.8); aiosmtpd would take a bare LF too."""

    async def readuntil(self, separator: Any = b"\n") -> bytes:
        try:
            line = await super().readuntil(separator)
        except asyncio.LimitOverrunError as error:
            await self._skip(error.consumed)
            raise TooLong from None
        if line[-2:] != b"\r\n" or b"\r" in line[:-2] or b"\0" in line:
            raise WrongLineEnd
        return line

    async def _skip(self, consumed: int) -> None:
        """Read the rest of a line that is too long."""
        while True:
            await self.read(consumed)
            try:
                await super().readuntil()
                return
            except asyncio.LimitOverrunError as error:
                consumed = error.consumed
