"""The guarded fetcher: right servers answer, and nobody leads it where it must not go."""

import os
import socket
import threading
from functools import partial
from ipaddress import ip_network

import pytest

from delivery.fetching import Fetcher
from delivery.https import Fetched, FetchError
from delivery.smtp.dns import Resolver
from delivery.smtp.reach import Reach, is_public
from delivery.smtp.tests.certificates import make_certificate
from delivery.tests.https_server import HttpsServer, reply
from tests.dns_server import DnsServer
from tests.servers import free_port

LOOPBACK = (ip_network("127.0.0.0/8"),)
URL = "https://files.a.example/there.txt"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"), names=["files.a.example"])


@pytest.fixture
def dns():
    with DnsServer() as server:
        server.zone.add("files.a.example", "A", "127.0.0.1")
        yield server


@pytest.fixture
def server(certificate):
    with HttpsServer(certificate) as server:
        server.answer = reply(b"hello")
        yield server


@pytest.fixture
def fetcher(dns, server, certificate):
    return fetcher_of(dns, server.port, certificate)


def fetcher_of(dns, port, certificate, allowed=LOOPBACK):
    resolver = Resolver([dns.address], seconds=2)
    return Fetcher(resolver, Reach(allowed), port=port, ca_file=certificate.chain)


def fault_of(fetcher, url=URL, most_bytes=1000, seconds=5.0):
    with pytest.raises(FetchError) as caught:
        fetcher.get(url, most_bytes=most_bytes, seconds=seconds)
    return str(caught.value)


def test_answer_comes_as_it_was_sent(fetcher, server):
    server.answer = reply(b"gr\xc3\xbc\xc3\x9fe", content_type="Text/Plain; charset=utf-8")
    got = fetcher.get(URL + "?x=1", most_bytes=1000, seconds=5)
    assert got == Fetched(200, "text/plain", b"gr\xc3\xbc\xc3\x9fe")
    assert server.requests == [("files.a.example", "/there.txt?x=1")]


def test_redirect_is_an_answer_like_others(fetcher, server):
    server.answer = reply(b"", 302, location="https://127.0.0.1/secret")
    assert fetcher.get(URL, most_bytes=1000, seconds=5).status == 302
    assert len(server.requests) == 1


def test_certificate_must_be_for_the_name(fetcher, dns):
    dns.zone.add("other.example", "A", "127.0.0.1")
    assert "certificate verify failed" in fault_of(fetcher, "https://other.example/")


def test_certificate_must_hold(dns, tmp_path):
    expired = make_certificate(tmp_path, names=["files.a.example"], days=-1)
    with HttpsServer(expired) as server:
        assert "expired" in fault_of(fetcher_of(dns, server.port, expired))
    assert server.requests == []


def test_certificate_must_be_trusted(dns, server):
    fetcher = Fetcher(Resolver([dns.address]), Reach(LOOPBACK), port=server.port)
    assert "certificate verify failed" in fault_of(fetcher)


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
@pytest.mark.parametrize("headers", [{}, {"content_length": None}])
def test_length_has_a_limit(fetcher, server, size, fits, headers):
    whole = reply(b"x" * size)
    server.answer = whole if not headers else lambda handler: chunked(handler, b"x" * size)
    if fits:
        assert len(fetcher.get(URL, most_bytes=1000, seconds=5).content) == size
    else:
        assert "longer than 1000 bytes" in fault_of(fetcher)


def chunked(handler, body):
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))


@pytest.mark.parametrize("headers", [{}, {"content_length": "999"}])
def test_answer_that_breaks_off_is_none(fetcher, server, headers):
    def cut(handler):
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.wfile.flush()
        os.close(handler.connection.detach())  # no goodbye of TLS: somebody cut the line

    server.answer = cut
    assert fault_of(fetcher)


@pytest.mark.parametrize("how", ["stall", "drip"])
def test_slow_answer_is_cut(fetcher, server, how):
    server.answer = getattr(server, how)
    assert "no whole answer in 0.3 s" in fault_of(fetcher, seconds=0.3, most_bytes=10**6)


def test_packet_that_does_not_come_is_told_in_the_same_words(fetcher, server, monkeypatch):
    late = partial(threading.Timer, 30)  # what cuts all of it comes after the socket's own timeout
    monkeypatch.setattr("delivery.https.threading.Timer", lambda _, cut: late(cut))
    server.answer = server.stall
    assert "no whole answer in 0.3 s" in fault_of(fetcher, seconds=0.3)


def test_silent_server_is_cut(dns, certificate):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        fetcher = fetcher_of(dns, silent.getsockname()[1], certificate)
        assert "no whole answer" in fault_of(fetcher, seconds=0.3)


def test_headers_without_end_are_cut(fetcher, server):
    def endless(handler):
        while not server.released.wait(0.001):
            handler.wfile.write(b"X: y\r\n")

    server.answer = endless
    assert fault_of(fetcher)


def test_next_address_is_tried(dns, server, certificate):
    dns.zone.remove("files.a.example", "A")
    dns.zone.add("files.a.example", "AAAA", "::1").add("files.a.example", "A", "127.0.0.1")
    fetcher = fetcher_of(dns, server.port, certificate, (*LOOPBACK, ip_network("::1/128")))
    assert fetcher.get(URL, most_bytes=1000, seconds=5).content == b"hello"


def test_name_is_looked_up_once(fetcher, dns):
    fetcher.get(URL, most_bytes=1000, seconds=5)
    assert dns.zone.asked.count(("files.a.example", "A")) == 1


def test_no_proxy_is_asked(fetcher, monkeypatch):
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port()}")
    assert fetcher.get(URL, most_bytes=1000, seconds=5).content == b"hello"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254"])
def test_name_that_leads_inside_is_refused_without_a_connection(dns, server, certificate, address):
    dns.zone.remove("files.a.example", "A")
    dns.zone.add("files.a.example", "A", address)
    fetcher = fetcher_of(dns, server.port, certificate, allowed=())
    assert fault_of(fetcher) == f"files.a.example is at {address}, where nothing is fetched from"
    assert server.requests == []


def test_mapped_loopback_is_refused_even_where_loopback_is_allowed(dns, server, certificate):
    dns.zone.remove("files.a.example", "A")
    dns.zone.add("files.a.example", "AAAA", "::ffff:7f00:1")
    assert "where nothing is fetched" in fault_of(fetcher_of(dns, server.port, certificate))


@pytest.mark.parametrize(
    "url",
    [
        "http://files.a.example/",
        "file:///etc/passwd",
        "https://files.a.example:22/",
        "https://user:pass@files.a.example/",
        "https://files.a.example:x/",
        "https:///there",
        "//files.a.example/",
    ],
)
def test_other_urls_are_refused_unasked(fetcher, dns, url):
    assert "no plain https URL" in fault_of(fetcher, url)
    assert dns.zone.asked == []


def test_path_can_not_add_headers(fetcher, server):
    assert fault_of(fetcher, "https://files.a.example/\x20HTTP/1.1")
    assert server.requests == []


def test_unknown_name_and_dead_server_are_told(fetcher, dns, certificate):
    assert "does not exist" in fault_of(fetcher, "https://nowhere.example/")
    dns.zone.fail("broken.example")
    assert "no answer" in fault_of(fetcher, "https://broken.example/")
    assert "refused" in fault_of(fetcher_of(dns, free_port(), certificate))


def test_many_threads_fetch_at_once(fetcher):
    got = []

    def fetch():
        got.append(fetcher.get(URL, most_bytes=1000, seconds=10).content)

    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [b"hello"] * 8


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4001::1", "2606:4700::1111"])
def test_public_addresses(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "127.0.0.1", "127.255.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1"),
        *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
        *(
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
        ),
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"),
        *("2002:7f00:1::1", "2001:0:1::1", "fec0::1"),
    ],
)
def test_addresses_that_are_not(address):
    assert not is_public(address)
