"""Mails of every kind that we can be asked to send, as values of a Submission."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path
from typing import Any

from emails.addresses import Address
from emails.submission import AttachedFile

SENDER = Address("shop@example.com", "The Corner Shop")
PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d49484452")
LOGO = AttachedFile("logo.png", "image/png", "logo", content=PIXEL)
FILE = AttachedFile("order.pdf", "application/pdf", content=b"%PDF-1.7\r\n.\r\n\xff\x00")
LONG_URL = "https://example.com/" + "unsubscribe/" * 60
ONE_CLICK = {
    "List-Unsubscribe": "<https://example.com/u/1>, <mailto:u@example.com>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}
PYTHONS_OWN = Path(sysconfig.get_path("stdlib")) / "test" / "test_email" / "data"
"""Messages of CPython's tests, which Debian keeps in a package of their own."""
FROM = re.compile(rb"(?mi)^from:.*@")
NO_FIELD = re.compile(rb"(?m)^(?![ \t]|[!-9;-~]+:)")


def people(count: int, name: str = "Person") -> tuple[Address, ...]:
    return tuple(Address(f"p{n}@example.org", f"{name} {n}") for n in range(count))


def attached(name: str, content: bytes, kind: str = "") -> AttachedFile:
    return AttachedFile(name, kind, content=content)


MAILS: dict[str, dict[str, Any]] = {
    # Bodies in ASCII
    "html alone": {},
    "html and text": {"text_body": "It is on its way.\n"},
    "no line end at the end": {"text_body": "Hello"},
    "one character": {"html_body": "x", "text_body": "x"},
    "empty html": {"html_body": "", "text_body": "Hello\n"},
    "empty text": {"text_body": ""},
    "nothing at all": {"html_body": "", "text_body": ""},
    "only empty lines": {"text_body": "\n\n\n\n"},
    "only spaces": {"text_body": "     "},
    "only white space": {"text_body": " \n\t\n  \t \n"},
    "empty lines at the end": {"text_body": "Hello\n\n\n\n\n"},
    "empty lines at the beginning": {"text_body": "\n\n\nHello\n"},
    "white space at the end of lines": {"text_body": "Hello \nyou\t\n\t \nthere   \n"},
    "white space at the very end": {"text_body": "Hello\n \t "},
    "runs of white space": {"text_body": "a  b\tc \t d\n  e\n"},
    "dots": {"text_body": ".\n..\n...\n.Hello\n. \n.\n"},
    "lines that begin like mailboxes": {"text_body": "From me\n>From you\nFrom: a\n"},
    "lines that look like boundaries": {"text_body": "--=_mixed_0\n--\n--=_\n"},
    "lines of 998": {"text_body": "x" * 998 + "\n" + "y" * 998 + "\n"},
    "lines of 999": {"text_body": "x" * 999 + "\n" + "y" * 2_000 + "\n"},
    "one line of 100 kB": {"text_body": "word " * 20_000},
    "html of 300 kB": {"html_body": "<p>word</p>\n" * 25_000},
    "carriage returns": {"text_body": "a\rb\r\nc\n\rd\r"},
    "tabs": {"text_body": "\ta\tb\t\n"},
    "equals signs": {"text_body": "=3D =\n==\n=20\n"},
    "control characters": {"text_body": "a\x01b\x1bc\x7f\n"},
    "form feed": {"text_body": "a\fb\vc\n"},
    "looks like a header": {"text_body": "Subject: no\nDKIM-Signature: v=1\n\nx\n"},
    # Bodies beyond ASCII
    "8 bit in few places": {"text_body": "Grüße aus Köln\n"},
    "8 bit everywhere": {"text_body": "日本語のメール\n" * 20},
    "emoji": {"html_body": "<p>👩‍👩‍👧‍👦🏳️‍🌈</p>", "text_body": "🙂\n"},
    "right to left": {"html_body": "<p dir='rtl'>שלום عليكم</p>"},
    "no-break space at the end": {"text_body": "Hello\u00a0\n\u00a0\n"},
    "line separators": {"text_body": "a\u2028b\u2029c\u0085d\n"},
    "byte order mark": {"text_body": "\ufeffHello\n"},
    # Subjects
    "subject of one character": {"subject": "x"},
    "long subject": {"subject": "word " * 180 + "end"},
    "long subject without a space": {"subject": "x" * 900},
    "subject beyond ASCII": {"subject": "Grüße, 日本 " * 12},
    "subject of emoji": {"subject": "🙂" * 60},
    "subject that looks encoded": {"subject": "=?utf-8?q?a?= =?utf-8?b?YQ==?="},
    "subject with white space inside": {"subject": "a  b\tc   d"},
    "subject that looks like a field": {"subject": "To: eve@example.org"},
    "subject with colons": {"subject": ": : b=; bh=; :"},
    # Addresses
    "name beyond ASCII": {"sender": Address(SENDER.email, "Jörg Müller, Köln")},
    "name to be quoted": {"sender": Address(SENDER.email, '"Ann" (x) <y>; @[\\]')},
    "no name": {"sender": Address(SENDER.email)},
    "long name": {"sender": Address(SENDER.email, "Name " * 40 + "end")},
    "sender below the domain": {"sender": Address("shop@news.example.com", "News")},
    "SMTPUTF8": {"sender": Address("jörg@example.com", "Jörg")},
    "recipient in SMTPUTF8": {"to": (Address("用户@例え.jp", "用户"),)},
    "recipient in an IDN": {"to": (Address("ann@bücher.example", "Ünal"),)},
    "50 recipients": {"to": people(10), "cc": people(20, "Grüße")},
    "only bcc": {"to": (), "bcc": people(1)},
    "reply-to": {"reply_to": (Address("help@example.com", "Help"),)},
    "many reply-to": {"reply_to": people(20)},
    "cc": {"cc": (Address("bob@example.net", "Bob"),)},
    # Headers
    "one-click unsubscribe": {"headers": ONE_CLICK},
    "unsubscribe of 750 characters": {"headers": {"List-Unsubscribe": f"<{LONG_URL}>"}},
    "long references": {
        "headers": {
            "References": " ".join(f"<{n}@example.org>" for n in range(90)),
            "In-Reply-To": "<0@example.org>",
        }
    },
    "every list field": {
        "headers": {
            f"List-{name}": f"<https://example.com/{name}>"
            for name in ("Id", "Help", "Subscribe", "Unsubscribe", "Post", "Owner", "Archive")
        }
    },
    "feedback id": {"headers": {"Feedback-ID": "1:2:3:shop", "Precedence": "bulk"}},
    "the same header in two cases": {"headers": {"X-Same": "1", "x-same": "2", "X-SAME": "3"}},
    "header beyond ASCII": {"headers": {"X-Entity": "Grüße 日本 " * 9 + "."}},
    "long header": {"headers": {"X-Long": "words and  more words " * 40 + "end"}},
    "header with tabs": {"headers": {"X-Tab": "a\tb \t c"}},
    "50 headers": {"headers": {f"X-Number-{n}": f"value {n}" for n in range(50)}},
    "header without letters": {"headers": {"!#$%&'*+": "odd", "~9": "odd"}},
    # Files
    "attachment": {"attachments": (FILE,)},
    "inline image": {"html_body": '<img src="cid:logo">', "attachments": (LOGO,)},
    "image and attachment": {
        "html_body": '<p>Hello <img src="cid:logo"></p>',
        "text_body": "Hello\n",
        "attachments": (LOGO, FILE),
    },
    "empty line as a file": {"attachments": (attached("a.txt", b"\r\n"),)},
    "file of every byte": {"attachments": (attached("a.bin", bytes(range(256)) * 40),)},
    "large file": {"attachments": (attached("a.bin", bytes(300_000)),)},
    "message as a file": {
        "attachments": (attached("m.eml", b"From: a@b.example\r\n\r\nx\r\n", "message/rfc822"),)
    },
    "file name beyond ASCII": {"attachments": (attached("Größe 日本.txt", b"x" * 100),)},
    "long file name": {"attachments": (attached("n" * 200 + ".txt", b"x"),)},
    "20 files": {"attachments": tuple(attached(f"{n}.txt", b"x" * n) for n in range(1, 21))},
    # Links
    "links with every character": {
        "html_body": '<a href="https://example.net/?a=1&amp;b=%20&amp;ü=ö#x">x</a>' * 20
    },
    "style": {"html_body": "<style>p { color: red }</style><p>Hello</p>"},
}


# What we never write, and a program that submits by SMTP may. Not here: white space before a colon
# (RFC 5322 §4.5), which OpenDKIM, other than RFC 6376 §3.4.2, takes for a part of the name.
WHOLE: dict[str, bytes] = {
    "fields twice": b"From: a@example.com\r\nSubject: 1\r\nSubject: 2\r\nTo: b@example.org\r\n"
    b"To: c@example.org\r\nReply-To: d@example.org\r\nReply-To: e@example.org\r\n\r\nHello\r\n",
    "names in other cases": b"FROM: a@example.com\r\nsubject: 1\r\ntO: b@example.org\r\n\r\nx\r\n",
    "no space behind the colon": b"From:a@example.com\r\nSubject:1\r\n\r\nHello\r\n",
    "folded anyhow": b"From: a\r\n <a@example.com>\r\nSubject:\r\n\t1\r\n  2\r\n \r\n 3\r\n"
    b"\r\nHello\r\n",
    "header alone": b"From: a@example.com\r\n",
    "no body": b"From: a@example.com\r\n\r\n",
    "8 bits": "From: a@example.com\r\nSubject: Grüße\r\n\r\n日本 Grüße\r\n".encode(),
    "8 bits in Latin-1": "From: a@example.com\r\nSubject: Grüße\r\n\r\nGrüße\r\n".encode("latin-1"),
    "white space in the body": b"From: a@example.com\r\n\r\n \t a  b \t\r\n\r\n\t\r\n\r\n",
    "dots": b"From: a@example.com\r\n\r\n.\r\n..\r\n.a\r\n",
    "lines of 998": b"From: a@example.com\r\nX: " + b"x" * 995 + b"\r\n\r\n" + b"y" * 998 + b"\r\n",
    "signed before": b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=From; bh=; b=\r\n"
    b"From: a@example.com\r\n\r\nHello\r\n",
}


def pythons_own() -> dict[str, bytes]:
    """Whole messages, with CRLF, as far as they have a From with an address and only fields."""
    found = {}
    for file in sorted(PYTHONS_OWN.glob("msg_*.txt")):
        message = b"\r\n".join(file.read_bytes().splitlines()) + b"\r\n"
        header = message.partition(b"\r\n\r\n")[0]
        if FROM.search(header) and not NO_FIELD.search(header):
            found[file.stem] = message
    return found
