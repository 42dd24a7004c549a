"""Return paths that only we can write."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.smtp.addresses import EnvelopeAddress
from delivery.smtp.verp import ReturnPaths

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
OLD, NEW = "an-old-key-0123456789abcdef0123456789", "a-new-key-0123456789abcdef0123456789"
PATHS = ReturnPaths([NEW, OLD], days=30)
IDS = st.integers(1, 2**63 - 1)


@given(IDS, st.integers(0, 30))
def test_own_return_path_is_read_in_any_case_for_thirty_days(number, days) -> None:
    local_part = PATHS.local_part(number, NOW)
    later = NOW + timedelta(days=days)
    assert len(local_part) <= 64
    assert local_part == local_part.lower()
    assert str(EnvelopeAddress.parse(f"{local_part}@example.com"))
    assert PATHS.read(local_part, later) == number
    assert PATHS.read(local_part.upper(), later) == number
    assert PATHS.read(local_part.title(), later) == number


def test_return_path_expires() -> None:
    local_part = PATHS.local_part(7, NOW)
    assert PATHS.read(local_part, NOW + timedelta(days=30)) == 7
    assert PATHS.read(local_part, NOW + timedelta(days=31)) is None
    assert PATHS.read(local_part, NOW - timedelta(days=1)) == 7
    assert PATHS.read(local_part, NOW - timedelta(days=2)) is None


def test_older_keys_still_read_and_removed_ones_do_not() -> None:
    before = ReturnPaths([OLD], days=30).local_part(7, NOW)
    assert PATHS.read(before, NOW) == 7
    assert ReturnPaths([NEW], days=30).read(before, NOW) is None
    assert PATHS.local_part(7, NOW) == ReturnPaths([NEW], days=30).local_part(7, NOW)


@given(IDS, st.data())
def test_return_path_with_one_character_changed_is_nobodys(number, data) -> None:
    local_part = PATHS.local_part(number, NOW)
    at = data.draw(st.integers(0, len(local_part) - 1))
    other = data.draw(
        st.sampled_from("abcdefghijklmnopqrstuvwxyz234567+=-").filter(
            lambda char: char != local_part[at]
        )
    )
    assert PATHS.read(local_part[:at] + other + local_part[at + 1 :], NOW) is None


@given(IDS, st.data())
def test_truncated_or_lengthened_return_path_is_nobodys(number, data) -> None:
    local_part = PATHS.local_part(number, NOW)
    assert PATHS.read(local_part[: data.draw(st.integers(0, len(local_part) - 1))], NOW) is None
    assert PATHS.read(local_part + data.draw(st.sampled_from("a2+")), NOW) is None


@given(st.text(max_size=80))
def test_any_other_text_is_nobodys(text) -> None:
    assert PATHS.read(text, NOW) is None
    assert PATHS.read("b+" + text, NOW) is None


@pytest.mark.parametrize("keys", [[], [""], "a string"])
def test_keys_are_needed(keys) -> None:
    with pytest.raises(ValueError, match="keys"):
        ReturnPaths(keys, days=30)


@pytest.mark.parametrize("number", [0, -1, 2**63])
def test_only_ids_of_rows_are_signed(number) -> None:
    with pytest.raises(ValueError, match="id"):
        PATHS.local_part(number, NOW)
