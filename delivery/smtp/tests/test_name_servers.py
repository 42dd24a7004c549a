"""Name servers that are silent, that lie, that come back, or that have a lot to say."""

import socket
import threading
from contextlib import suppress

import dns.message
import dns.rcode
import dns.rrset
import pytest

from delivery.smtp.dns import DnsUnreachable, Resolver
from tests.dns_server import DnsServer
from tests.servers import free_port


@pytest.fixture
def server():
    with DnsServer() as running:
        running.zone.add("a.example", "A", "192.0.2.1")
        yield running


@pytest.fixture
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock


def at(sock):
    return f"127.0.0.1:{sock.getsockname()[1]}"


def addresses(*servers, seconds=3.0):
    return Resolver(servers, seconds=seconds).addresses("a.example", ["A"])


def serve(udp, answer):
    """Send what `answer` makes of each question."""

    def run():
        with suppress(OSError):  # until it is closed
            while True:
                wire, asker = udp.recvfrom(4096)
                for each in answer(dns.message.from_wire(wire)):
                    udp.sendto(each, asker)

    threading.Thread(target=run, daemon=True).start()


def test_silent_server_leaves_the_question_to_the_next(server, udp):
    assert addresses(at(udp), server.address) == ["192.0.2.1"]


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_server_that_fails_leaves_the_question_to_the_next_and_is_asked_once(server, udp, rcode):
    asked = []

    def refuse(query):
        asked.append(query)
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.from_text(rcode))
        return [reply.to_wire()]

    serve(udp, refuse)
    assert addresses(at(udp), server.address) == ["192.0.2.1"]
    with pytest.raises(DnsUnreachable, match=rcode):
        addresses(at(udp))
    assert len(asked) == 2


def test_lost_question_is_asked_again(server):
    server.zone.silence("a.example")
    mending = threading.Timer(0.2, server.zone.mend, ["a.example"])
    mending.start()
    assert addresses(server.address) == ["192.0.2.1"]
    assert len(server.zone.asked) == 2


def test_server_that_is_being_restarted_is_waited_for():
    port, found = free_port(), []
    asking = threading.Thread(
        target=lambda: found.extend(addresses(f"127.0.0.1:{port}", seconds=15.0))
    )
    late = DnsServer(port=port)
    late.zone.add("a.example", "A", "192.0.2.1")
    asking.start()
    with late:
        asking.join()
    assert found == ["192.0.2.1"]


def test_nobody_there_is_said():
    with pytest.raises(DnsUnreachable, match=r"127\.0\.0\.1@1 .*refused"):
        addresses("127.0.0.1:1", seconds=0.3)


def test_what_is_no_answer_to_the_question_is_passed_over(udp):
    def answer(query):
        other = dns.message.make_query("b.example", "A")
        other.id = query.id
        forged = dns.message.make_response(query)
        forged.id ^= 1
        true = dns.message.make_response(query)
        true.answer.append(dns.rrset.from_text("a.example.", 60, "IN", "A", "192.0.2.7"))
        wires = [each.to_wire() for each in (dns.message.make_response(other), forged, true)]
        return [b"", b"x", b"\xff" * 40, *wires]

    serve(udp, answer)
    assert addresses(at(udp)) == ["192.0.2.7"]


def test_what_is_too_long_for_udp_comes_by_tcp(server, monkeypatch):
    asked, resolve = [], server.zone.resolve

    def shortened(request, handler):
        asked.append(handler.protocol)
        reply = resolve(request, handler)
        if handler.protocol == "udp":
            reply.header.tc = 1
            reply.rr.clear()
        return reply

    monkeypatch.setattr(server.zone, "resolve", shortened)
    assert addresses(server.address) == ["192.0.2.1"]
    assert asked == ["udp", "tcp"]
