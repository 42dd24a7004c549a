"""Words of servers, and what they mean."""

import re

import pytest

from delivery.smtp.classification import Reason, classify_refusal, table
from delivery.smtp.replies import parse_reply


def said(line: str) -> Reason:
    """Classify a reply as it stands on the wire, or other words."""
    if re.match(r"[245]\d\d[ -]", line):
        reply = parse_reply(line.encode().splitlines())
        return classify_refusal(reply.code, reply.enhanced, reply.text)
    return classify_refusal(None, None, line)


# Replies at RCPT about the recipient that have words in them as those about the sender have
OF_THE_ADDRESS = [
    "550 5.1.1 <x@y>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 5.1.1 The email account that you tried to reach does not exist. Reply to the sender.",
    "550 The email account that you tried to reach does not exist; returned to sender",
    "550 Message returned to sender: user unknown",
    "550 Return to sender, address unknown, no such user",
    "550 your message was not delivered: the recipient does not exist",
    "550 <ann@example.org>: Recipient address rejected: unverified address: user unknown",
    "550-Callout verification failed:\n550 550 5.1.1 No such user",
    "550 Recipient verification failed for <ann@example.org>: no such user",
    "550 Unrouteable address",
    "550 Mail from shop@example.com to ann@example.org refused: unknown user",
    "550 5.1.1 User unknown, says host mx.example.org (in reply to RCPT TO command)",
    "550 user unknown (HELO mail.example.com, ip 192.0.2.1)",
]

# What is told about the sender, its server or its greeting, at RCPT as well
OF_THE_SENDER = [
    "550-Verification failed for <b+x@bounces.example>\n550-Unrouteable address\n"
    "550 Sender verify failed",
    "550-Verification failed for <b+x@bounces.example>\n550-No Such User Here\n"
    "550 Sender verify failed",
    "550-Verification failed for <b+x@bounces.example>\n550-Called:   192.0.2.1\n"
    "550-Sent:     RCPT TO:<b+x@bounces.example>\n550-Response: 550 5.1.1 User unknown\n"
    "550 Sender verify failed",
    "550-Callback setup failed while verifying <b+x@bounces.example>\n550 user unknown",
    "550-Postmaster verification failed while checking <b+x@bounces.example>\n"
    "550 unknown user postmaster",
    "550 <x@y>: Sender address rejected: User unknown",
    "550 5.1.0 <x@y>: Sender address rejected: User unknown in virtual mailbox table",
    "550 5.1.1 <x@y>: Sender address rejected: User unknown",
    "550 5.1.7 <x@y>: Sender address rejected: undeliverable address: User unknown",
    "550 5.1.8 <x@y>: Sender address rejected: Domain not found",
    "554 5.7.1 <x@y>: Sender address rejected: Domain not found",
    "550 5.7.1 <mail.example>: Helo command rejected: Host not found",
    "504 5.5.2 <mail>: Helo command rejected: Host unknown, need fully-qualified hostname",
    "550 Access denied - Invalid HELO name, host does not exist",
    "550 5.7.1 your IP address has an invalid HELO",
    "550 IP address 192.0.2.1 is unknown, no such host",
    "554 5.7.1 <mail.example[192.0.2.1]>: Client host rejected: cannot find your hostname, "
    "host not found",
    "554 5.7.1 Sender domain not found in DNS",
    "550 5.1.2 Sender domain does not exist",
    "550 The domain of the sender does not exist",
    "550 Domain of sender address x@y does not exist",
    "550 No such domain: no MX record for the sender",
    "550 Unroutable sender address",
    "550 The sender's address is unknown",
    "550 Unknown sender, no such user",
    "550 could not verify sender: no such user",
    "553 sorry, your envelope sender domain must exist; no such domain",
    "550 From: domain is invalid. Please provide a valid From:",
    "550 Return path domain does not exist",
    "550 Your domain has no MX record",
    "550 Refused. Your domain name example.com has no MX record",
    "550 Your host name was not found",
    "550 The sending domain does not exist",
    "550 Your account has been suspended",
    "550 Your address shop@example.com is unknown",
    "host mx.y said: 550 5.1.1 <x@y>: User unknown (in reply to MAIL FROM command)",
    "SMTP error from remote mail server after MAIL FROM:<x@y> SIZE=1234: 550 user unknown",
]


@pytest.mark.parametrize("pattern", table().patterns, ids=lambda pattern: pattern.example[:40])
def test_every_pattern_is_found_in_its_example(pattern) -> None:
    assert pattern.regex.search(" ".join(pattern.example.split()))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("550 5.1.1 <ann@example.org>: Recipient address rejected: User unknown", "bad_mailbox"),
        ("550 5.1.1 The email account that you tried to reach does not exist.", "bad_mailbox"),
        ("550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", "bad_mailbox"),
        ("550 No such user here", "bad_mailbox"),
        ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", "bad_mailbox"),
        ("554 delivery error: dd This user doesn't have a yahoo.com account", "bad_mailbox"),
        ("550 5.1.10 this domain takes no mail", "bad_domain"),
        ("550 5.1.2 no such domain", "bad_domain"),
        ("550 5.2.1 The email account that you tried to reach is disabled.", "inactive"),
        ("550 Account inactive for more than 180 days: mailbox is suspended", "inactive"),
        ("552 5.2.2 The recipient's inbox is out of storage space.", "full"),
        ("452 4.2.2 The recipient's inbox is out of storage space.", "full"),
        ("552 Mailbox is full", "full"),
        ("550 5.7.1 Our system has detected that this message is likely spam", "spam"),
        ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using Spamhaus", "spam"),
        ("550 5.7.1 Message rejected due to local policy", "policy"),
        ("550 5.7.0 go away", "policy"),
        ("554 5.7.1 <ann@example.org>: Relay access denied", "policy"),
        ("550 5.7.26 This mail has been blocked because the sender is unauthenticated.", "auth"),
        ("550 SPF check failed for example.com", "auth"),
        ("535 5.7.8 bad credentials", "auth"),
        ("421 4.7.28 unusual rate of mail", "rate"),
        ("421 4.7.0 [TSS04] temporarily deferred due to unexpected volume", "rate"),
        ("450 4.2.1 The user is receiving mail too quickly", "rate"),
        ("452 4.5.3 too many recipients", "rate"),
        ("552 5.3.4 message too big", "too_large"),
        ("552 message size exceeds fixed maximum message size", "too_large"),
        ("550 5.6.7 address needs SMTPUTF8", "content"),
        ("450 4.2.0 <ann@example.org>: Greylisted", "temporary"),
        ("451 4.3.0 <ann@example.org>: user unknown in the directory, which is away", "temporary"),
        ("421 closing", "temporary"),
        ("550 no", "unknown"),
        ("554 5.0.0 no", "unknown"),
        ("Sorry, no mailbox here by that name. (#5.1.1)", "bad_mailbox"),
        *((line, "bad_mailbox") for line in OF_THE_ADDRESS),
    ],
)
def test_reply_has_its_reason(line, reason) -> None:
    assert said(line) is Reason(reason)


@pytest.mark.parametrize(
    "line",
    [
        "550 5.7.1 blocked: mail from unknown users of your network is listed at rbl.example",
        "550 5.7.1 message rejected due to SPF failure for user unknown@example.com",
        "554 5.7.1 spam: see https://example.org/user-unknown",
        "450 4.1.1 <ann@example.org>: unverified address: user unknown",
        "550 5.7.26 sender domain does not exist in DMARC",
        *OF_THE_SENDER,
    ],
)
def test_what_is_no_fault_of_the_address_does_not_blame_it(line) -> None:
    assert not said(line).is_of_address


def test_long_replies_cost_no_more_than_their_beginning() -> None:
    assert classify_refusal(550, None, "x" * 5_000_000 + " user unknown") is Reason.UNKNOWN


def test_patterns_have_no_repetition_within_a_repetition() -> None:
    for pattern in table().patterns:
        bare = pattern.regex.pattern
        assert not re.search(r"\)[*+{]", bare), bare
        assert not re.search(r"\.[*+]", bare), bare
