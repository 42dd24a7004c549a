"""How large a message will be on the wire: what is rendered, as it will be encoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from emails.encoding import LINE, encode_text
from emails.models import Email
from emails.rendering import Rendered, render_to_send
from emails.submission import AttachedFile

WIDEST: Final = 6  # bytes of a character: four of UTF-8, in base64
TEXT_GROWS: Final = 10  # a text made of HTML: each line may begin with the marks of five lists


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes of a message by its parts, encoded.

    Not counted is what we write around them and what each recipient gets of its own: addresses,
    boundaries, tracked links, signatures.
    """

    fields: int = 0
    html: int = 0
    text: int = 0
    files: int = 0

    @property
    def total(self) -> int:
        """Bytes of all of it."""
        return self.fields + self.html + self.text + self.files

    def __str__(self) -> str:
        parts = {
            "HTML": self.html,
            "text": self.text,
            "attachments": self.files,
            "subject and headers": self.fields,
        }
        return ", ".join(f"{name} {size}" for name, size in parts.items() if size)


def measure(
    email: Email, content: Rendered, files: Sequence[AttachedFile], most: int
) -> Measured | None:
    """Return how large the message is, or None where a glance shows that it has at most `most`.

    `content` is the email as `render_without_text` gives it. What delivery makes of that, styles
    in the elements and a text where none was written, costs more than accepting an email: so it is
    made here only where it may matter.
    """
    if body := next((file for file in files if file.is_body), None):
        return Measured(files=body.size)
    fields = sum(len(line.encode()) for line in _fields(email, content.subject))
    attached = sum(_in_base64(file.size) for file in files)
    if fields + attached + _most_of(content) <= most:
        return None
    known = Measured(fields, _encoded(content.html), _encoded(content.text), attached)
    if known.total > most:  # whatever is added
        return known
    sent = render_to_send(email)
    return Measured(fields, _encoded(sent.html), _encoded(sent.text), attached)


def _fields(email: Email, subject: str) -> Iterator[str]:
    yield subject
    for name, written in email.headers.items():
        for value in [written] if isinstance(written, str) else written:
            yield f"{name}: {value}\r\n"


def _most_of(content: Rendered) -> int:
    """Return no less than the bodies will have."""
    text = len(content.text) or TEXT_GROWS * len(content.html)
    rounded = 2 * WIDEST  # a line end and the last of base64, for each body
    return WIDEST * (len(content.html) + text) + 2 * _most_of_styles(content.html) + rounded


def _most_of_styles(html: str) -> int:
    """Return what inlining adds where every rule is for every element."""
    lower = html.lower()
    first, last = lower.find("<style"), lower.rfind("</style")
    return html.count("<") * ((last if last > first else len(html)) - first) if first >= 0 else 0


def _encoded(body: str) -> int:
    return len(encode_text(body)[1]) if body else 0


def _in_base64(size: int) -> int:
    """Four bytes of three, in lines with a line end of two."""
    whole = -(-size // 3) * 4
    return whole + 2 * -(-whole // LINE)
