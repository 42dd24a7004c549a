"""MTA-STS: what a policy and its record say (RFC 8461 §3), and which hosts it allows (§4.1)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.smtp.mta_sts import LONGEST, StsMode, StsPolicy, parse_policy, policy_id, policy_url

POLICY = (
    b"version: STSv1\r\nmode: enforce\r\nmx: mx.a.example\r\nmx: *.b.example\r\nmax_age: 604800\r\n"
)


def policy(*mx, mode=StsMode.ENFORCE):
    return StsPolicy(mode, mx, 86_400, "1")


def written(**fields):
    """The bytes of a policy; a list gives a field several times, None leaves it out."""
    said = {"version": "STSv1", "mode": "enforce", "mx": "mx.a.example", "max_age": "86400"}
    lines = []
    for name, value in (said | fields).items():
        values = value if isinstance(value, list) else [value]
        lines += [f"{name}: {each}\n" for each in values if each is not None]
    return "".join(lines).encode()


def test_policy_of_the_rfc_is_read():
    assert parse_policy(POLICY, "20160831085700Z") == StsPolicy(
        StsMode.ENFORCE, ("mx.a.example", "*.b.example"), 604_800, "20160831085700Z"
    )


@pytest.mark.parametrize(
    "content",
    [
        POLICY.replace(b"\r\n", b"\n"),
        POLICY.rstrip(),
        POLICY + b"\r\n\r\n",
        POLICY.replace(b"mode: enforce\r\n", b"mode:enforce \t\r\n"),
        POLICY + b"x-colour: gr\xc3\xbcn = a;b\r\n",
        POLICY + b"max_age: 1\r\nmode: none\r\nversion: STSv2\r\n",
        b"max_age: 604800\nmx: MX.A.example\nmx: *.b.EXAMPLE\nmode: enforce\nversion: STSv1",
    ],
    ids=["LF", "no end", "empty lines", "spaces", "unknown", "repeated", "any order"],
)
def test_other_ways_to_write_it_say_the_same(content):
    assert parse_policy(content, "1") == parse_policy(POLICY, "1")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "not a name"),
        (written(version=None), "version"),
        (written(version="STSv2"), "version"),
        (written(version="stsv1"), "version"),
        (written(mode=None), "mode"),
        (written(mode="Enforce"), "mode"),
        (written(mx=None), "no mx"),
        (written(mx="*"), "no host name"),
        (written(mx="mx.*.example"), "no host name"),
        (written(mx="*.*.example"), "no host name"),
        (written(mx=["mx.a.example", "-x.example"]), "no host name"),
        (written(mx="mx.bücher.example"), "no host name"),
        (written(mx="mx.a.example mx.b.example"), "no host name"),
        (written(max_age=None), "max_age"),
        (written(max_age="-1"), "max_age"),
        (written(max_age="1 day"), "max_age"),
        (written(max_age="12345678901"), "max_age"),
        (written(max_age="٣"), "max_age"),
        (POLICY.replace(b"\r\n", b"\r"), "not a name"),
        (POLICY.replace(b"mode", b"\r\nmode"), "not a name"),
        (POLICY + b"\0", "not a name"),
        (POLICY + b"no colon here", "not a name"),
        (POLICY + b"empty:", "not a name"),
        (POLICY + b"two words: x", "not a name"),
        (POLICY + b"x" * 33 + b": y", "not a name"),
        (POLICY + b"\xff", "UTF-8"),
        (b"<html><body>Not found</body></html>", "not a name"),
        (POLICY + b"x: y\n" * 14_000, "longer"),
    ],
)
def test_anything_else_is_no_policy(content, fault):
    with pytest.raises(ValueError, match=fault):
        parse_policy(content, "1")


def test_mode_none_needs_no_host():
    assert parse_policy(written(mode="none", mx=None), "1").mx == ()


def test_max_age_ends_at_a_year():
    assert parse_policy(written(max_age="9999999999"), "1").max_age == LONGEST


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        (["v=STSv1;id=1"], "1"),
        (["v=STSv1 \t; id=abc ;"], "abc"),
        (["v=STSv1; x=y; id=1; id=2;"], "1"),
        (["v=STSv1; id=1;", "v=spf1 -all", "v=STSv10; id=2;"], "1"),
        ([], None),
        (["v=STSv1; id=1;", "v=STSv1; id=1;"], None),
        (["v=STSv1"], None),
        (["v=STSv1;"], None),
        (["v=stsv1; id=1;"], None),
        ([" v=STSv1; id=1;"], None),
        (["id=1; v=STSv1;"], None),
        (["v=STSv1; id=;"], None),
        (["v=STSv1; id=1-2;"], None),
        (["v=STSv1; id=" + "1" * 33], None),
        (["v=STSv1; id=1; spoiled"], None),
        (["v=STSv1; id=1;; x=y"], None),
        (["v=STSv2; id=1;"], None),
    ],
)
def test_record_tells_the_id_or_there_is_no_policy(texts, found):
    assert policy_id(texts) == found


@pytest.mark.parametrize(
    ("mx", "host", "allowed"),
    [
        ("mx.a.example", "mx.a.example", True),
        ("mx.a.example", "MX.A.Example.", True),
        ("mx.a.example", "mx2.a.example", False),
        ("mx.a.example", "x.mx.a.example", False),
        ("*.a.example", "mx.a.example", True),
        ("*.a.example", "a.example", False),
        ("*.a.example", "x.mx.a.example", False),
        ("*.a.example", ".a.example", False),
        ("a.example", "a.example", True),
        ("example", "example", True),
        ("*.a.example", "", False),
    ],
)
def test_host_is_allowed_by_its_name_or_one_label_of_any(mx, host, allowed):
    assert policy("other.example", mx).allows(host) == allowed


@pytest.mark.parametrize("mode", StsMode)
def test_only_enforce_is_enforced(mode):
    assert policy("a.example", mode=mode).enforced == (mode == "enforce")


def test_policy_is_fetched_from_its_own_host():
    assert policy_url("a.example") == "https://mta-sts.a.example/.well-known/mta-sts.txt"


@given(st.binary() | st.text("versionmdxag_:*. \t\r\nSTSv1").map(str.encode))
def test_no_policy_stumbles(content):
    with suppress(ValueError):
        parse_policy(content, "1")


@given(st.lists(st.text() | st.text("v=STSv1; id").map("v=STSv1;".__add__)))
def test_no_record_stumbles(texts):
    policy_id(texts)
