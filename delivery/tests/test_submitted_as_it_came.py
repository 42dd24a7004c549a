"""What our model does not hold exactly goes out as it came, byte for byte where it is sealed."""

import email
from email import message_from_bytes

import pytest

from accounts.errors import ApiError
from delivery.mime.entity import MalformedMime, parse_entity
from delivery.mime.splicing import has_overlong_line
from delivery.smtp.tests.dkim_verifier import signed_by, verifies
from delivery.tests.submitting import BASE, parsed, sent, submitted

pytestmark = pytest.mark.django_db(transaction=True)

SIGNED = (
    b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n'
    b'  micalg=sha-256; boundary="sig"\r\n\r\n'
    b"This is an S/MIME signed message\r\n--sig\r\n"
    b"Content-Type:   text/html;charset=us-ascii\r\nX-Odd :  spaces \r\n\r\n"
    b'<a href="https://example.com/">signed</a>  \r\n\r\n--sig\r\n'
    b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--sig--\r\nepilogue\r\n"
)
ENCRYPTED = (
    b'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"\r\n'
    b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=smime.p7m\r\n"
    b"\r\nTUlNRQ==\r\n"
)
PGP = (
    b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n\r\n'
    b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\n"
    b"Content-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--b--\r\n"
)
LISTED = (  # a signed message with a footer below, as mailing lists send it
    b"Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n"
    + SIGNED
    + b"--out\r\nContent-Type: text/plain\r\n\r\nfooter\r\n--out--\r\n"
)


def body_of(source: bytes) -> bytes:
    return source.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("sealed", [SIGNED, ENCRYPTED, PGP, LISTED])
def test_sealed_message_keeps_every_byte_and_is_not_tracked(sealed):
    content = sent(BASE + sealed)
    assert body_of(content) == body_of(sealed)
    described = sealed.partition(b"\r\n\r\n")[0]
    assert content.partition(b"\r\n\r\n")[0].endswith(described)
    submission = submitted(BASE + sealed)
    assert (submission.track_opens, submission.track_clicks) == (False, False)


def test_real_signature_still_verifies(tmp_path):
    """By OpenSSL: S/MIME, made by the cryptography package."""
    import subprocess
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.serialization import pkcs7

    from delivery.smtp.tests.certificates import make_certificate

    files = make_certificate(tmp_path)
    certificate = x509.load_pem_x509_certificate(Path(files.chain).read_bytes())
    key = serialization.load_pem_private_key(Path(files.key).read_bytes(), None)
    signed = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(b"Content-Type: text/plain\r\n\r\nSigned\r\n")
        .add_signer(certificate, key, hashes.SHA256())
        .sign(serialization.Encoding.SMIME, [pkcs7.PKCS7Options.DetachedSignature])
    ).replace(b"MIME-Version: 1.0\n", b"")
    content = sent(BASE + b"\r\n".join(signed.splitlines()) + b"\r\n")
    (tmp_path / "mail").write_bytes(content)
    done = subprocess.run(
        ["openssl", "smime", "-verify", "-noverify", "-in", tmp_path / "mail"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Signed" in done.stdout


INVITE = (
    b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nCome\r\n"
    b"--b\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Language: en\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    b'<p>Gr=FC=DFe</p><a href=3D"https://example.com/">Come</a>\r\n'
    b"--b\r\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\r\n"
    b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n--b--\r\n"
)


def test_invitation_keeps_its_parts_and_its_html_is_tracked():
    content = sent(BASE + INVITE)
    arrived = parsed(content)
    assert [part.get_content_type() for part in arrived.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
    ]
    html = arrived.get_body(("html",))
    assert html.get_content().startswith("<p>Grüße</p><a href=")
    assert "/t/c/" in html.get_content()
    assert "/t/o/" in html.get_content()
    assert html["Content-Language"] == "en"
    calendar = b"--b\r\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\r\n"
    assert calendar + b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n--b--\r\n" in content


def test_untracked_invitation_keeps_every_byte():
    content = sent(BASE + b"X-Mailer-Track: off\r\n" + INVITE)
    assert body_of(content) == body_of(INVITE)


UNTRACKED = b"X-Mailer-Track: off\r\n"
FORWARDED = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee below\r\n--b\r\n"
    b"Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n"
    b"From: x@example.net\r\nDKIM-Signature: v=1\r\nContent-Type: text/html\r\n\r\n"
    b'<a href="https://example.com/">x</a>\r\n--b--\r\n'
)
FLOWED = b"Content-Type: text/plain; format=flowed\r\n\r\nOne \r\nparagraph\r\n"
ODD_CID = (
    b"Content-Type: multipart/related; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
    b"--b\r\nContent-Type: image/png\r\nContent-ID: <a picture>\r\n\r\nx\r\n--b--\r\n"
)
NAMELESS = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nOne\r\n"
    b"--b\r\nContent-Type: image/png\r\nContent-Disposition: inline\r\n\r\nx\r\n"
    b"--b\r\n\r\nTwo\r\n--b--\r\n"
)
EMPTY_FILE = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nOne\r\n"
    b"--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=a.csv\r\n\r\n"
    b"\r\n--b--\r\n"
)
UNKNOWN_ENCODING = b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\r\n"
ROOT_BELOW = (
    b'Content-Type: multipart/related; boundary=b; start="<root>"\r\n\r\n'
    b"--b\r\nContent-Type: text/html\r\nContent-ID: <part>\r\n\r\n<p>Part</p>\r\n"
    b"--b\r\nContent-Type: text/plain\r\nContent-ID: <root>\r\n\r\nRoot\r\n--b--\r\n"
)
PATH_NAME = EMPTY_FILE.replace(b"filename=a.csv\r\n\r\n", b'filename="a/b.csv"\r\n\r\nx')


@pytest.mark.parametrize(
    "source",
    [FORWARDED, FLOWED, ODD_CID, NAMELESS, EMPTY_FILE, PATH_NAME, UNKNOWN_ENCODING, ROOT_BELOW],
)
def test_unusual_structure_keeps_every_byte(source):
    assert body_of(sent(BASE + UNTRACKED + source)) == body_of(source)


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
@pytest.mark.parametrize("source", [SIGNED, ENCRYPTED, PGP, LISTED, INVITE, FORWARDED, FLOWED])
def test_our_signature_over_what_came_verifies(source, kind):
    content = signed_by(kind, sent(BASE + source))
    assert verifies(content, kind)


def test_octets_beyond_ascii_and_long_lines_are_encoded():
    source = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain; charset=iso-8859-1; format=flowed\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n\r\nGr\xfc\xdfe \r\nfrom far\r\n"
        b"--b\r\nContent-Type: application/octet-stream\r\n\r\n" + b"x" * 1500 + b"\r\n--b--\r\n"
    )
    content = sent(BASE + source)
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) < 999
    text, file = message_from_bytes(content).get_payload()
    assert text.get_payload(decode=True) == b"Gr\xfc\xdfe \r\nfrom far"
    assert text.get_param("format") == "flowed"
    assert file.get_payload(decode=True) == b"x" * 1500


@pytest.mark.parametrize("body", [b"a\0b\r\n", b"x" * 1200 + b"\r\n"], ids=["NUL", "a long line"])
def test_sealed_message_that_no_server_takes_is_refused(body):
    with pytest.raises(ApiError) as refused:
        submitted(BASE + SIGNED.replace(b"epilogue\r\n", body))
    assert list(refused.value.fields) == ["message"]


def test_white_space_where_base64_should_be_is_read_once():
    """Shared out in every way between digits and padding, it is read a million times."""
    part = b"Content-Transfer-Encoding: base64\r\n\r\n" + b"\r\n" * 1_000_000 + b"!"
    with pytest.raises(MalformedMime, match="base64"):
        _ = parse_entity(part).decoded


@pytest.mark.parametrize("name", ["Content-Type: text/plain", "Content-Disposition: attachment"])
def test_field_of_very_many_parameters_is_refused(name):
    field = name.encode() + b'; x="' + b";" * 1_000_000
    with pytest.raises(MalformedMime, match="parameters"):
        parse_entity(field + b"\r\n\r\nx")


@pytest.mark.parametrize(("length", "is_long"), [(998, False), (999, True)])
@pytest.mark.parametrize("before", [b"", b"a\r\n"])
def test_line_is_too_long_from_999_octets_on(before, length, is_long):
    assert has_overlong_line(before + b"x" * length + b"\r\nb\r\n") is is_long


def test_parts_are_those_that_the_standard_library_finds():
    """Over the messages of CPython's own tests."""
    from pathlib import Path

    from test import test_email

    folder = Path(test_email.__file__).parent / "data"
    compared = 0
    for file in sorted(folder.glob("*.txt")):
        source = b"\r\n".join(file.read_bytes().splitlines()) + b"\r\n"
        ours, theirs = leaves(source), stdlib_leaves(email.message_from_bytes(source))
        if ours is not None and not any(
            part.defects for part in email.message_from_bytes(source).walk()
        ):
            assert ours == theirs, file.name
            compared += 1
    assert compared > 20


def leaves(source):
    try:
        return [
            (part.media_type, part.body)
            for part in parse_entity(source).walk()
            if not part.children and not part.media_type.startswith("message/")
        ]
    except ValueError:
        return None


def stdlib_leaves(message):
    found = []
    if message.get_content_maintype() == "message":
        return found
    if message.is_multipart():
        return [leaf for part in message.get_payload() for leaf in stdlib_leaves(part)]
    body = message.get_payload().encode("ascii", "surrogateescape")
    return [(message.get_content_type(), body)]
