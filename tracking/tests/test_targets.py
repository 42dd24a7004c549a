"""Where a redirect may lead to, and where never."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.targets import is_safe_target


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "HTTPS://Example.COM/",
        "https://example.com:8443/a/b;c?d=e&f=g#h",
        "https://example.com?q=user@example.com",
        "https://example.com/@handle",
        "https://example.com/a b.pdf",
        "https://example.com/100%",
        "https://xn--bcher-kva.example/",
        "https://bücher.example/straße?ü=ß",
        "https://пример.испытание/",
        "https://my_shop.example/",
        "http://localhost/",
        "http://127.0.0.1:8000/",
        "http://[2001:db8::1]:8080/",
    ],
)
def test_ordinary_web_address_is_safe(url: str) -> None:
    assert is_safe_target(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "/path",
        "//example.com/",
        "#anchor",
        "mailto:a@example.com",
        "javascript:alert(1)//http://a.b",
        "data:text/html,x",
        "ftp://example.com/",
        "http:",
        "https://",
        "https:example.com",
        "https:/example.com",
        "https:///example.com",
        "https://?q",
        "https://#f",
        "https://:80/",
        "https://good@evil.example/",
        "https://good:password@evil.example/",
        "https://@evil.example/",
        r"https:\\evil.example/",
        r"https:/\evil.example/",
        r"https://evil.example\@good.example/",
        r"https://good.example\.evil.example/",
        r"https://good.example/a\b",
        "https://evil.example%2f.good.example/",
        "https://good%40evil.example/",
        "https://evil.example\uff0f.good.example/",
        "https://good\uff20evil.example/",
        "https://good.example\u2100.evil.example/",
        "https://a b/",
        " https://example.com/",
        "https://example.com/ ",
        "https://example.com/\r\nSet-Cookie: a=b",
        "https://example.com/\n",
        "https://example.com/\t",
        "https://example.com/\x00",
        "https://example.com/\x7f",
        "https://example.com/\x85",
        "https://example.com/\u2028",
        "https://example.com/\u2029",
        "https://exam\nple.com/",
        "https://example.com/\ud800",
        "https://example.com:port/",
        "https://example.com:/",
        "https://[::1/",
        "https://[example.com]/",
        "https://{{host}}/",
        "https://*|HOST|*/",
        "https://<host>/",
        "http\u017f://example.com/",
    ],
)
def test_anything_else_is_not_safe(url: str) -> None:
    assert not is_safe_target(url)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "http://",
                "https:",
                "//",
                "/",
                "\\",
                "@",
                ":",
                "?",
                "#",
                "a",
                "evil.example",
                "good",
                "[",
                "]",
                "%",
                "\n",
                "\t",
                " ",
                "\uff20",
                "\uff0f",
                "80",
                ".",
            ]
        ),
        max_size=12,
    ).map("".join)
)
def test_safe_url_has_the_host_that_another_parser_sees(text: str) -> None:
    url = "https://" + text
    if is_safe_target(url):
        parts = urlsplit(url)
        host = url[len("https://") :].replace("?", "/").replace("#", "/").split("/")[0]
        assert parts.netloc == host
        assert parts.hostname
        assert parts.username is None
        assert "\\" not in url
