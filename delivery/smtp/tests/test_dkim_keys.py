"""What can be signed with, and the sentence where something can't."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)

from delivery.smtp.dkim import Signer, sign
from delivery.smtp.tests.dkim_verifier import DOMAIN, ED25519, NOW, RSA, SELECTOR, pem, verifies

MESSAGE = b"From: ann@example.com\r\n\r\nHello\r\n"
PASSWORD = BestAvailableEncryption(b"secret")
PUBLIC = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("rsa", pem(RSA, PrivateFormat.TraditionalOpenSSL)),
        ("rsa", pem(RSA, PrivateFormat.PKCS8)),
        ("rsa", pem(RSA).replace(b"\n", b"\r\n")),
        ("rsa", b"A comment\n" + pem(RSA) + PUBLIC),
        ("ed25519", pem(ED25519)),
    ],
)
def test_private_key_is_read_in_every_usual_form(kind, key):
    assert verifies(sign(MESSAGE, [Signer(DOMAIN, SELECTOR, key)], NOW), kind)


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (b"", "no private key in PEM form"),
        (b"dkim.pem", "no private key in PEM form"),
        (pem(RSA)[:400], "no private key in PEM form"),
        (PUBLIC, "no private key in PEM form"),
        (pem(RSA, PrivateFormat.PKCS8, PASSWORD), "without a password"),
        (pem(RSA, PrivateFormat.TraditionalOpenSSL, PASSWORD), "without a password"),
        (pem(rsa.generate_private_key(65537, 1024)), "has 1024 bits; receivers want 2048 to 4096"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
    ],
)
def test_key_that_can_not_sign_is_refused_with_a_sentence(key, sentence):
    with pytest.raises(ValueError, match=sentence) as refusal:
        Signer(DOMAIN, SELECTOR, key)
    assert str(refusal.value).endswith(".")
    assert b"PRIVATE" not in str(refusal.value).encode()


@pytest.mark.parametrize(
    "domain",
    [
        *("", ".", "example..com", "example.com.", "a b.com", "exa;mple.com", "[192.0.2.1]"),
        *("example.com\r\nX: y", "a" * 64 + ".com", "@example.com", "\ud800.com"),
    ],
)
def test_domain_that_is_none_is_refused(domain):
    with pytest.raises(ValueError, match="is no domain"):
        Signer(domain, SELECTOR, pem(ED25519))


@pytest.mark.parametrize("selector", ["", "a b", "a;b", "ä", "a.", "a\r\n", "-a", "a" * 64])
def test_selector_that_can_not_stand_in_the_dns_is_refused(selector):
    with pytest.raises(ValueError, match="selector"):
        Signer(DOMAIN, selector, pem(ED25519))


def test_selector_and_domain_share_the_length_of_a_name():
    domain = ".".join(["a" * 60] * 4)
    with pytest.raises(ValueError, match="too long"):
        Signer(domain, SELECTOR, pem(ED25519))


def test_domain_is_written_in_a_labels():
    signed = sign(MESSAGE, [Signer("bücher.example", "a.b", pem(ED25519))], NOW)
    assert b" d=xn--bcher-kva.example;\r\n s=a.b;" in signed
