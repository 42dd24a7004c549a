"""Messages as programs submit them, and what arrives of them."""

import email
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.policy import default as READER

from accounts.tests.factories import make_project
from delivery import claim
from delivery.pipeline import compose
from delivery.submitted import Message, read
from emails.accept import accept
from emails.addresses import Address

ANN = Address("ann@example.org")
BOB = Address("bob@example.net")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
HTML = '<p>Grüße <a href="https://example.com/?a=1&amp;b=2">Link</a></p><img src="cid:logo">'
BASE = b"From: Shop <shop@example.com>\r\nTo: ann@example.org\r\nSubject: Hello\r\n"


def whole() -> EmailMessage:
    """Text, HTML with an inline image, and a file, each with letters beyond ASCII."""
    message = EmailMessage()
    message["From"] = "Müller Läden <shop@example.com>"
    message["To"] = "Ann <ann@example.org>, Bøb <bob@example.net>"
    message["Subject"] = "Ihre Bestellung € größer denn je"
    message["Message-ID"] = "<order-1@shop.example.com>"
    message["X-Campaign"] = "spring"
    message.set_content("Grüße\n")
    message.add_alternative(HTML, subtype="html")
    html = message.get_payload()[1]
    assert isinstance(html, MIMEPart)
    html.add_related(PNG, "image", "png", cid="<logo>", filename="logo.png")
    message.add_attachment(b"%PDF-1.4", "application", "pdf", filename="Rechnung Nr. 1 € ä.pdf")
    return message


def submitted(content: bytes | EmailMessage, recipients=(ANN,), mail_from="", project=None):
    """The Submission of a message."""
    raw = content.as_bytes(policy=SMTP) if isinstance(content, EmailMessage) else content
    return read(project or make_project(), Message(raw, mail_from, tuple(recipients)))


def sent(content: bytes | EmailMessage, recipients=(ANN,), **options) -> bytes:
    """The bytes that leave for the first recipient of a submitted message."""
    accept(submitted(content, recipients, **options))
    return compose(claim.claim(1, 60)[0]).content


def parsed(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=READER)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    """The text of a body, its line ends as \n."""
    body = message.get_body((kind,))
    assert isinstance(body, EmailMessage)
    return body.get_content().replace("\r\n", "\n")
