"""Two verifiers, dkimpy and OpenDKIM, take both signatures of every mail that we compose."""

import re

import dkim
import pytest

from accounts import key_pairs
from accounts.models import DkimKey
from accounts.tests.factories import make_domain, make_signing_key
from delivery import claim
from delivery.pipeline import compose
from delivery.smtp.data import to_wire
from delivery.smtp.dkim import Signer, sign
from delivery.smtp.tests.dkim_verifier import NOW
from delivery.tests.mail_corpus import FILE, LOGO, MAILS, ONE_CLICK, SENDER, WHOLE, pythons_own
from delivery.tests.opendkim import OpenDkim
from emails.addresses import Address
from emails.tests.factories import make_email

PAIRS = {name: make() for name, make in key_pairs.PAIRS.items()}
PASS = [("rsa-sha256", "pass"), ("ed25519-sha256", "pass")]
FAIL = [("rsa-sha256", "fail"), ("ed25519-sha256", "fail")]

program = pytest.mark.program("opendkim")


@pytest.fixture
def keys_at_hand(monkeypatch):
    for name, pair in PAIRS.items():
        monkeypatch.setitem(key_pairs.PAIRS, name, lambda pair=pair: pair)


@pytest.fixture
def domain(db, keys_at_hand):
    domain = make_domain()
    for algorithm in DkimKey.Algorithm:
        make_signing_key(domain, algorithm)
    return domain


@pytest.fixture
def records(domain):
    return dict(key.record for key in domain.dkim_keys.all())


@pytest.fixture
def opendkim(tmp_path, records):
    return OpenDkim(tmp_path, records)


def composed(domain, **values):
    """As a receiving server has it, after the wire."""
    make_email(domain.project, **({"sender": SENDER} | values))
    message = to_wire(compose(claim.claim(1, 60)[0]).content).data
    return re.sub(rb"(?m)^\.\.", b".", message)


def dkimpys(message, records):
    """Algorithm and verdict of both signatures."""
    return [
        (algorithm, "pass" if dkimpy_takes(message, index, records) else "fail")
        for index, algorithm in enumerate(["rsa-sha256", "ed25519-sha256"])
    ]


def dkimpy_takes(message, index, records):
    def published(name, timeout=0):
        return records.get(name.decode().rstrip("."), "").encode() or None

    try:
        return dkim.DKIM(message).verify(index, dnsfunc=published)
    except dkim.DKIMException:
        return False


def test_corpus_is_one():
    assert len(MAILS) >= 60


@program
@pytest.mark.parametrize("name", MAILS)
def test_both_verifiers_take_both_signatures(name, domain, records, opendkim):
    message = composed(domain, **MAILS[name])
    assert dkimpys(message, records) == PASS
    assert opendkim.verdicts(message) == PASS


TAMPERED = {
    "From": b"From: Eve <eve@example.org>",
    "Subject": b"Subject: Another",
    "To": b"To: eve@example.org",
    "Date": b"Date: Thu, 01 Jan 1970 00:00:00 +0000",
    "Reply-To": b"Reply-To: eve@example.org",
    "Cc": b"Cc: eve@example.org",
    "Message-ID": b"Message-ID: <eve@example.org>",
    "References": b"References: <eve@example.org>",
    "MIME-Version": b"MIME-Version: 2.0",
    "Content-Type": b"Content-Type: text/plain",
    "List-Unsubscribe": b"List-Unsubscribe: <https://example.org/eve>",
    "List-Unsubscribe-Post": b"List-Unsubscribe-Post: no",
}


@pytest.fixture
def whole(domain):
    return composed(
        domain,
        cc=(Address("bob@example.net"),),
        reply_to=(Address("help@example.com"),),
        headers=ONE_CLICK | {"References": "<1@example.org>"},
        attachments=(LOGO, FILE),
    )


@program
@pytest.mark.parametrize("way", ["changed", "removed", "added above", "added below"])
@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_with_a_field_breaks_both_signatures(name, way, whole, records, opendkim):
    header, _, body = whole.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", header)
    [place] = [n for n, field in enumerate(fields) if field.startswith(f"{name}:".encode())]
    forged = TAMPERED[name]
    tampered = {
        "changed": [*fields[:place], forged, *fields[place + 1 :]],
        "removed": [*fields[:place], *fields[place + 1 :]],
        "added above": [forged, *fields],
        "added below": [*fields, forged],
    }[way]
    message = b"\r\n".join(tampered) + b"\r\n\r\n" + body
    assert dkimpys(whole, records) == PASS
    assert dkimpys(message, records) == FAIL
    # OpenDKIM refuses to judge what RFC 5322 forbids, such as two of From
    assert "pass" not in {verdict for _, verdict in opendkim.verdicts(message)}


@program
def test_tampering_with_the_body_breaks_both_signatures(whole, opendkim):
    assert opendkim.verdicts(whole) == PASS
    assert opendkim.verdicts(whole.replace(b"on its way", b"on our way")) == FAIL
    assert opendkim.verdicts(whole + b"more\r\n") == FAIL


OTHERS = WHOLE | pythons_own()


@program
@pytest.mark.parametrize("name", OTHERS)
def test_both_verifiers_take_messages_that_others_wrote(name, tmp_path):
    """Among them are malformed ones, and some of 8 bits."""
    records = {
        f"{kind}._domainkey.example.com": f"v=DKIM1; k={kind}; p={pair.public}"
        for kind, pair in PAIRS.items()
    }
    signers = [Signer("example.com", kind, pair.private.encode()) for kind, pair in PAIRS.items()]
    message = sign(OTHERS[name], signers, NOW)
    assert message.endswith(OTHERS[name])
    assert dkimpys(message, records) == PASS
    assert OpenDkim(tmp_path, records).verdicts(message)[:2] == PASS
