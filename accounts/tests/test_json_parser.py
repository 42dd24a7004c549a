"""JSON bodies: what is taken, and the sentence for what is not."""

import io
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from accounts.errors import ApiError, InvalidRequest
from accounts.parsers import MAX_DEPTH, LimitedJSONParser


def parse(raw: bytes):
    return LimitedJSONParser().parse(io.BytesIO(raw))


@pytest.mark.parametrize(
    ("raw", "document"),
    [
        (b"{}", {}),
        (b' \r\n{"a": [1, 2.5, true, null]}\n', {"a": [1, 2.5, True, None]}),
        ("\ufeff{}".encode(), {}),
        ('{"é": "漢👋"}'.encode(), {"é": "漢👋"}),
        (rb'{"a": "\ud83d\udc4b"}', {"a": "👋"}),
        (b"[]", []),
        (b"-0.0", -0.0),
        (b"1e308", 1e308),
        (b"9" * 300, int("9" * 300)),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)),
    ],
)
def test_json_is_read(raw, document):
    assert parse(raw) == document


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "line 1 column 1"),
        (b"{", "line 1 column 2"),
        (b"to_email=ann@example.org", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": Infinity}', "Infinity is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": 1e999}', "1e999 is too large"),
        (b'{"a": -1e999}', "-1e999 is too large"),
        (b"9" * 301, "too large a number"),
        (b"9" * 100_000, "too large a number"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' stands twice"),
        (rb'{"a\u0000": 1, "a\u0000": 3}', "stands twice"),
        (b'{"a": "\n"}', "control character"),
        (b'{"a": "\xe9"}', "UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (b"[" * 1_000_000, "nested deeper"),
        (b'{"a":' * 1_000_000, "nested deeper"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_programs_would_read_differently_is_refused(raw, said):
    with pytest.raises(ParseError) as refusal:
        parse(raw)
    assert said in str(refusal.value.detail)
    assert len(str(refusal.value.detail)) < 200


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (rb'"\u0000"', "request"),
        (rb'{"a": "\u0000"}', "a"),
        (rb'{"a": {"b": ["x", "\u0000"]}}', "a.b.1"),
        (rb'{"a": "\ud800"}', "a"),
        (rb'{"a": "\udc00\ud800"}', "a"),
        (rb'{"a": {"\ud800": 1}}', r"a.'\ud800'"),
        (rb'{"\u0000": 1}', r"'\x00'"),
        (rb'{"\ud800": {"b": "\u0000"}}', r"'\ud800'.b"),
    ],
)
def test_characters_that_nothing_can_hold_are_refused_by_their_path(raw, path):
    with pytest.raises(InvalidRequest) as refusal:
        parse(raw)
    assert path in refusal.value.fields
    for name in refusal.value.fields:
        name.encode()  # the answer can be written


def test_depth_is_refused_by_its_path():
    with pytest.raises(InvalidRequest, match=r"Correct 0\.0\.0"):
        parse(b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2))


def test_answer_is_short_however_many_faults_there_are():
    with pytest.raises(InvalidRequest) as refusal:
        parse(json.dumps(["\x00"] * 10_000).encode())
    assert len(refusal.value.fields) == 20
    with pytest.raises(InvalidRequest) as refusal:
        parse(json.dumps({"k" * 1_000_000: "\x00"}).encode())
    assert len(str(refusal.value.fields)) < 300


def test_long_name_over_many_items_costs_nothing_an_item():
    items = [0] * 300_000  # a path made for each of them would copy terabytes, until the time-out
    assert parse(json.dumps({"k" * 5_000_000: items}).encode())


@pytest.mark.parametrize("declared", ["", "abc", "-1", "²", "1e3"])
def test_meaningless_length_is_passed_over(rf, declared):
    request = rf.post("/", b"{}", content_type="application/json")
    request.META["CONTENT_LENGTH"] = declared
    document = LimitedJSONParser().parse(io.BytesIO(b"{}"), None, {"request": request})
    assert document == {}


def test_declared_length_is_refused_before_a_byte_is_read(rf, settings):
    settings.MAX_REQUEST_BYTES = 10
    request = rf.post("/", b"x" * 11, content_type="application/json")
    body = io.BytesIO(b"x" * 11)
    with pytest.raises(ApiError, match="MAX_MESSAGE_BYTES"):
        LimitedJSONParser().parse(body, None, {"request": request})
    assert body.tell() == 0


def test_longer_body_than_declared_is_refused_by_counting(settings):
    settings.MAX_REQUEST_BYTES = 10
    body = io.BytesIO(b"x" * 1000)
    with pytest.raises(ApiError, match="MAX_MESSAGE_BYTES"):
        LimitedJSONParser().parse(body)
    assert body.tell() == 11
    assert parse(b'{"a":1234}') == {"a": 1234}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
@example(b'{"\\ud800": "\\u0000"}')
def test_every_body_is_a_document_or_a_refusal_that_can_be_written(raw):
    try:
        said = parse(raw)
    except (ParseError, InvalidRequest) as refusal:
        said = [str(refusal.detail), dict(getattr(refusal, "fields", {}))]
    json.dumps(said, ensure_ascii=False, allow_nan=False).encode()
