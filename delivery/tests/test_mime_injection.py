"""Whatever reached a draft by a mistake of ours does not reach the wire."""

from datetime import datetime

import pytest

from delivery.mime import Part, assemble
from delivery.tests.messages import draft
from emails.addresses import Address
from emails.headers import UnsafeHeader
from uploads.filenames import UnsafeFilename

UNSAFE = ["\r", "\n", "\r\n", "\0", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029", "\ud800"]


@pytest.mark.parametrize("character", UNSAFE)
@pytest.mark.parametrize(
    "injected",
    [
        lambda text: {"subject": text},
        lambda text: {"from_": Address("ann@example.org", text)},
        lambda text: {"to": (Address("ann@example.org", text),)},
        lambda text: {"cc": (Address(f"ann{text}@example.org"),)},
        lambda text: {"reply_to": (Address(f"ann@example.org{text}"),)},
        lambda text: {"headers": (("X-Tag", text),)},
        lambda text: {"headers": ((f"X-{text}", "a"),)},
        lambda text: {"message_id": f"<1@example.org{text}>"},
        lambda text: {"message_id": f"<1@example.org>{text}"},
        lambda text: {"attachments": (Part(text, "image/png", b""),)},
        lambda text: {"attachments": (Part("a", f"image/png{text}", b""),)},
        lambda text: {"attachments": (Part("a", "image/png", b"", text),)},
    ],
)
def test_header_injection_is_refused(character, injected):
    for text in (f"a{character}Bcc: eve@example.org", f"a{character}"):
        with pytest.raises((UnsafeHeader, UnsafeFilename)):
            assemble(draft(**injected(text)))


@pytest.mark.parametrize(
    "fields",
    [
        {"headers": (("Bcc", "eve@example.org"),)},
        {"headers": (("Message-ID", "<2@example.org>"),)},
        {"headers": (("Content-Type", "text/html"),)},
        {"message_id": "1@example.org"},
        {"message_id": "<1@example.org> <2@example.org>"},
        {"message_id": "<" + "a" * 400 + "@example.org>"},
        {"to": (Address("ann@example.org, eve@example.org"),)},
        {"to": (Address("ann@example.org>"),)},
        {"to": (Address("ann"),)},
        {"to": (Address("ann@☃.example"),)},
        {"to": (Address("jörg lee@example.org"),)},
        {"date": datetime(2025, 3, 1)},  # noqa: DTZ001
        {"attachments": (Part("../a", "image/png", b""),)},
        {"attachments": (Part("a", "multipart/mixed", b""),)},
    ],
)
def test_what_only_a_mistake_of_ours_could_pass_is_refused_again(fields):
    with pytest.raises((UnsafeHeader, UnsafeFilename)):
        assemble(draft(**fields))
