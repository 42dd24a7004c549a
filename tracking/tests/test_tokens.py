"""Tokens: exact, unforgeable, and readable for as long as their key is kept."""

import base64
import hashlib
import hmac
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.targets import is_safe_target
from tracking.tokens import MAX_TOKEN_LENGTH, BadToken, Clicked, Keyring, Opened

ALPHABET = string.ascii_letters + string.digits + "-_"
KEYS = Keyring(["newest key", "older key"])
URL = "https://example.com/a%20b?x=1&y=%C3%A9#z"

ids = st.integers(1, 2**63 - 1)
urls = st.builds(
    lambda scheme, host, rest: f"{scheme}://{host}{rest}",
    st.sampled_from(["http", "https", "HTTPS"]),
    st.sampled_from(["example.com", "bücher.example:8080", "[::1]", "127.0.0.1"]),
    st.text(max_size=80).map(lambda rest: "/" + rest),
).filter(is_safe_target)


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def signed(data: bytes, purpose: bytes, key: bytes = b"newest key") -> str:
    """Sign anything at all, with the standard library's HMAC and no check."""
    derived = hmac.digest(key, b"tracking/1/" + purpose, "sha256")
    return encode(data + hmac.new(derived, data, hashlib.sha256).digest()[:16])


@settings(deadline=None)
@given(ids, ids, urls)
def test_click_token_carries_ids_and_the_exact_url(email: int, recipient: int, url: str) -> None:
    token = KEYS.click_token(email, recipient, url)
    assert KEYS.read(token) == Clicked(email, recipient, url)
    assert set(token) <= set(ALPHABET)


@settings(deadline=None)
@given(ids, ids)
def test_open_token_carries_both_ids(email: int, recipient: int) -> None:
    token = KEYS.open_token(email, recipient)
    assert KEYS.read(token) == Opened(email, recipient)
    assert set(token) <= set(ALPHABET)


def test_signature_is_hmac_sha256_of_a_key_for_that_purpose() -> None:
    ids_300_and_1 = b"\xac\x02\x01"
    assert KEYS.open_token(300, 1) == signed(b"\x01\x01" + ids_300_and_1, b"open")
    assert KEYS.click_token(300, 1, URL) == signed(
        b"\x01\x02" + ids_300_and_1 + URL.encode(), b"click"
    )


@settings(deadline=None)
@given(st.data(), ids, ids, urls)
def test_any_changed_character_makes_a_token_bad(
    data: st.DataObject, email: int, recipient: int, url: str
) -> None:
    make = data.draw(st.sampled_from([KEYS.open_token, lambda e, r: KEYS.click_token(e, r, url)]))
    token = make(email, recipient)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.one_of(st.sampled_from(ALPHABET + "+/=. "), st.characters()))
    if other != token[at]:
        with pytest.raises(BadToken):
            KEYS.read(token[:at] + other + token[at + 1 :])


@pytest.mark.parametrize("url", [URL, URL + "1", URL + "12"])
def test_last_character_has_one_spelling_only(url: str) -> None:
    token = KEYS.click_token(1, 2, url)
    for other in set(ALPHABET) - {token[-1]}:
        with pytest.raises(BadToken):
            KEYS.read(token[:-1] + other)


def test_truncated_and_extended_tokens_are_bad() -> None:
    token = KEYS.click_token(1, 2, URL)
    for length in range(len(token)):
        with pytest.raises(BadToken):
            KEYS.read(token[:length])
    for ending in ["A", "AA", "AAAA", "=", "==", "\n", " ", "é", "\ud800"]:
        with pytest.raises(BadToken):
            KEYS.read(token + ending)


@settings(deadline=None)
@given(st.text())
def test_any_other_text_is_a_bad_token(text: str) -> None:
    with pytest.raises(BadToken):
        KEYS.read(text)


def test_old_key_verifies_after_rotation_until_it_is_removed() -> None:
    before = Keyring(["first"])
    token = before.click_token(1, 2, URL)
    rotated = Keyring(["third", "second", "first"])
    assert rotated.read(token) == Clicked(1, 2, URL)
    with pytest.raises(BadToken):
        Keyring(["third", "second"]).read(token)


def test_newest_key_signs() -> None:
    token = Keyring(["new", "old"]).open_token(1, 2)
    assert Keyring(["new"]).read(token) == Opened(1, 2)
    with pytest.raises(BadToken):
        Keyring(["old"]).read(token)


def test_signature_of_one_kind_is_no_signature_of_the_other() -> None:
    pixel = decode(KEYS.open_token(1, 2))
    with pytest.raises(BadToken):
        KEYS.read(encode(b"\x01\x02" + pixel[2:]))
    with pytest.raises(BadToken):
        KEYS.read(signed(b"\x01\x02\x01\x02" + URL.encode(), b"open"))


@pytest.mark.parametrize(
    ("data", "purpose"),
    [
        (b"\x02\x02\x01\x01" + URL.encode(), b"click"),
        (b"\x01\x03\x01\x01", b"open"),
        (b"\x01\x01\x01\x01\x01", b"open"),
        (b"\x01\x01\x01", b"open"),
        (b"\x01\x01\x01\x81", b"open"),
        (b"\x01\x01\x00\x01", b"open"),
        (b"\x01\x01\x81\x00\x01", b"open"),
        (b"\x01\x01" + b"\xff" * 9 + b"\x01\x01", b"open"),
        (b"\x01\x02\x01\x01", b"click"),
        (b"\x01\x02\x01\x01http://a.b/\xff", b"click"),
        (b"\x01\x02\x01\x01javascript:alert(1)", b"click"),
        (b"\x01\x02\x01\x01https://good@evil", b"click"),
        (b"\x01\x02\x01\x01https://a.b/\r\nSet-Cookie: c", b"click"),
    ],
)
def test_signed_nonsense_is_refused_all_the_same(data: bytes, purpose: bytes) -> None:
    with pytest.raises(BadToken):
        KEYS.read(signed(data, purpose))


@pytest.mark.parametrize("number", [0, -1, 2**63])
def test_ids_outside_of_the_column_are_refused(number: int) -> None:
    for ids_of_it in [(number, 1), (1, number)]:
        with pytest.raises(ValueError, match="Not a positive 64-bit id"):
            KEYS.open_token(*ids_of_it)


def test_unsafe_target_is_never_signed() -> None:
    with pytest.raises(ValueError, match="Not a safe target"):
        KEYS.click_token(1, 2, "javascript:alert(1)")


def test_longest_token_is_read_and_a_longer_one_refused() -> None:
    every_url_of_2000 = "https://" + "\U0001f600" * 1992
    assert KEYS.read(KEYS.click_token(1, 2, every_url_of_2000)) == Clicked(1, 2, every_url_of_2000)
    too_long = "https://a/" + "b" * MAX_TOKEN_LENGTH
    with pytest.raises(ValueError, match="too long"):
        KEYS.click_token(1, 2, too_long)
    with pytest.raises(BadToken, match="too long"):
        KEYS.read(signed(b"\x01\x02\x01\x02" + too_long.encode(), b"click"))


@pytest.mark.parametrize("keys", [[], [""], ["good", ""], "not a list"])
def test_keyring_wants_a_list_of_keys(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="list of keys"):
        Keyring(keys)
