"""Mails that come back, as mail servers, mailbox providers and absent people send them."""

from __future__ import annotations

DSN = """\
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-ID: {message_id}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.net.

--b1
Content-Type: {kind}

Reporting-MTA: dns; mx.example.net
Arrival-Date: Tue, 24 Nov 2026 12:00:00 +0000

{recipients}
--b1
Content-Type: text/rfc822-headers

{original}
--b1--
"""
RECIPIENT = """\
Final-Recipient: rfc822; {address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {text}

"""
ARF = """\
From: feedback@isp.example
To: fbl@example.com
Subject: FW: Your order
Message-ID: <arf-1@isp.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b1"

--b1
Content-Type: text/plain

This is an email abuse report.

--b1
Content-Type: message/feedback-report

Feedback-Type: {feedback}
User-Agent: SomeGenerator/1.0
Version: 1
{fields}
--b1
Content-Type: {enclosed}

{original}

--b1--
"""
ORIGINAL = """\
From: shop@example.com
To: ann@example.org
Subject: Your order
Message-ID: <msg_abc@example.com>
"""
AWAY = """\
From: Ann <ann@example.org>
To: {to}
Subject: {subject}
Message-ID: {message_id}
{fields}
I am away until Monday.
"""


def _wire(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def of_recipient(
    address: str = "ann@example.org",
    action: str = "failed",
    status: str = "5.1.1",
    text: str = "550 5.1.1 User unknown",
) -> str:
    return RECIPIENT.format(address=address, action=action, status=status, text=text)


def dsn(
    *recipients: str,
    to: str = "x@example.com",
    message_id: str = "<dsn-1@mx.example.net>",
    kind: str = "message/delivery-status",
    original: str = ORIGINAL,
) -> bytes:
    groups = "".join(recipients or [of_recipient()])
    given = {"to": to, "message_id": message_id, "kind": kind, "original": original}
    return _wire(DSN.format(recipients=groups, **given))


def arf(
    feedback: str = "abuse",
    fields: str = "",
    original: str = ORIGINAL,
    enclosed: str = "message/rfc822",
) -> bytes:
    given = {"original": original, "enclosed": enclosed}
    return _wire(ARF.format(feedback=feedback, fields=fields, **given))


def away(
    fields: str = "Auto-Submitted: auto-replied\n",
    subject: str = "Re: Your order",
    to: str = "x@example.com",
    message_id: str = "<away-1@example.org>",
) -> bytes:
    given = {"to": to, "message_id": message_id, "subject": subject}
    return _wire(AWAY.format(fields=fields, **given))
