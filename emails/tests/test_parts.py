"""What may describe an attached file."""

import pytest

from emails.headers import UnsafeHeader
from emails.parts import check_content_id, check_content_type


@pytest.mark.parametrize(
    "value",
    ["image/png", "text/csv; charset=utf-8", 'text/calendar;method="REQUEST"', "message/rfc822"],
)
def test_media_types_pass(value):
    check_content_type(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "image",
        "image/",
        "image/png\r\nBcc: eve@example.org",
        "image/png\n",
        "image/png; ",
        "image/pñg",
        "image/png; name=x.exe",
        "image/png; a=b; NAME=x.exe",
        "multipart/mixed; charset=x",
        "Multipart/Mixed",
        "a/" + "b" * 200,
    ],
)
def test_what_is_no_media_type_of_one_part_is_refused(value):
    with pytest.raises(UnsafeHeader):
        check_content_type(value)


@pytest.mark.parametrize("value", ["logo", "logo@example.org", "part1.0%20"])
def test_content_ids_pass(value):
    check_content_id(value)


@pytest.mark.parametrize("value", ["", "<logo>", "lo go", "logo\r\n", "lögo", "a" * 201])
def test_malformed_content_ids_are_refused(value):
    with pytest.raises(UnsafeHeader):
        check_content_id(value)
