"""What the connections to one relay learn from the outcomes of mails."""

import threading

import pytest

from delivery.condition import Condition
from delivery.smtp import OutcomeKind
from delivery.smtp.tests.scripted import ScriptedServer, drop, say, stall
from delivery.tests.relays import url_of
from delivery.tests.waiting import wait_until
from delivery.transports.base import Envelope
from delivery.transports.breaker import Breaker
from delivery.transports.limiter import Limiter
from delivery.transports.pool import SURPLUS, Pool
from delivery.transports.url import endpoint_of


@pytest.fixture
def server():
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def pool(server):
    lock = threading.Lock()
    endpoint = endpoint_of(url_of(server), "me.example")
    return Pool(endpoint, Limiter(4, 4), Breaker(), lock, Condition(lock))


def mail(may_send=lambda: True):
    return Envelope(
        "msg_1", 1, 1, 1, "a@example.com", "b@example.org", b"X: y\r\n\r\nz\r\n", may_send
    )


def places(pool):
    """Take all places that there are."""
    return list(iter(pool.take, None))


def send_and_release(place):
    outcome = place.send(mail())
    place.pool.release(place)
    return outcome


def test_place_that_can_not_be_made_is_not_counted(pool, monkeypatch):
    """As where the file of the roots is gone."""

    def gone(endpoint):
        raise FileNotFoundError

    with monkeypatch.context() as short:
        short.setattr("delivery.transports.pool.Session", gone)
        for _ in range(5):
            with pytest.raises(FileNotFoundError):
                pool.take()
    assert len(places(pool)) == 4


@pytest.mark.parametrize(
    ("step", "action"),
    [
        ("mail", say("421 4.3.2 too many")),
        ("rcpt", say("421 4.3.2 too many")),
        ("dot", say("421 4.3.2 too many")),
        ("rcpt", drop),
        ("dot", drop),
    ],
)
def test_sign_of_overload_halves_the_places_once(server, pool, step, action):
    server.on(step, action)
    held = places(pool)
    assert len(held) == 4
    for place in held:
        assert send_and_release(place).kind is OutcomeKind.DEFERRED
    assert len(places(pool)) == 2
    assert pool.allows(0)


@pytest.mark.parametrize("reply", ["451 4.7.1 later", "550 5.1.1 no such user"])
def test_refused_recipient_says_nothing_against_the_relay(server, pool, reply):
    server.on("rcpt", say(reply))
    for place in places(pool):
        send_and_release(place)
    assert len(places(pool)) == 4
    assert server.connections == 4


def test_shrinking_closes_the_connections_that_are_too_many(server, pool):
    held = places(pool)
    for place in held:
        place.send(mail())
    server.on("mail", say("421 4.3.2 too many"))
    [place, *rest] = held
    assert place.send(mail()).reply.code == 421
    for each in held:
        pool.release(each)
    assert len(rest) == 3
    assert server.saw("QUIT")


def test_relay_that_has_room_for_few_keeps_those_that_it_serves(server):
    """Many more are being opened when the first of them is refused, and the served are released."""
    lock, breaker = threading.Lock(), Breaker()
    endpoint = endpoint_of(url_of(server), "me.example")
    pool = Pool(endpoint, Limiter(10, 10), breaker, lock, Condition(lock))
    held = places(pool)
    served, refused = held[:2], held[2:]
    for place in served:
        assert place.send(mail()).kind is OutcomeKind.DELIVERED
    server.on("greeting", say("421 4.7.0 too many of yours"))
    assert send_and_release(refused.pop()).reply.code == 421
    for place in served:
        pool.release(place)
    for place in refused:
        send_and_release(place)
        assert place.is_one_too_many
    assert not breaker.is_open
    assert pool.connections() == 2
    assert send_and_release(pool.take()).kind is OutcomeKind.DELIVERED


def test_connection_that_was_used_last_goes_first(server, pool):
    one, two = pool.take(), pool.take()
    for place in (one, two):
        place.send(mail())
    pool.release(two)
    pool.release(one)
    assert pool.take().session is one.session


def test_relay_that_cannot_be_reached_is_left_alone_and_its_probe_finds_a_place(server, pool):
    server.on("greeting", say("421 4.3.2 not now"))
    held = [place for place in places(pool) for _ in [send_and_release(place)]]
    assert len(held) == 4
    assert not pool.allows(0)
    assert "421" in pool.absent().detail
    assert pool.take().probe
    assert not pool.allows(1e12)


def test_mail_that_breaks_off_gives_its_place_back(server, pool):
    def broken():
        raise ZeroDivisionError

    for _ in range(10):
        place = pool.take()
        with pytest.raises(ZeroDivisionError):
            place.send(mail(broken))
        pool.release(place)
    assert len(places(pool)) == 4


def sent_in_a_thread(place, **values):
    """Begin to send, and return the list into which the outcome comes."""
    outcomes = []
    threading.Thread(target=lambda: outcomes.append(place.send(mail(**values)))).start()
    return outcomes


@pytest.mark.parametrize("step", ["greeting", "ehlo", "mail", "rcpt", "data"])
def test_mail_that_is_cut_is_deferred_and_its_connection_not_used_again(server, pool, step):
    server.on(step, stall)
    place = pool.take()
    outcomes = sent_in_a_thread(place)
    server.wait_for(step)
    place.cut()
    wait_until(lambda: outcomes)
    assert (outcomes[0].kind, outcomes[0].detail) == (OutcomeKind.DEFERRED, SURPLUS)
    assert not outcomes[0].ambiguous
    pool.release(place)
    assert pool.take().session is not place.session


def test_mail_that_is_cut_as_it_is_about_to_be_ended_is_not_sent(server, pool):
    place = pool.take()
    server.on("data", lambda peer: (place.cut(), peer.say("354 go on")))
    assert place.send(mail()).kind in (OutcomeKind.ABANDONED, OutcomeKind.DEFERRED)
    assert server.messages == []


def test_mail_that_its_host_may_have_taken_is_not_cut(server, pool):
    server.on("dot", stall)
    place = pool.take()
    outcomes = sent_in_a_thread(place)
    server.wait_for("dot")
    place.cut()
    server.released.set()
    wait_until(lambda: outcomes)
    assert not place.is_cut


def test_cut_that_comes_too_late_hurts_no_other_mail(server, pool):
    server.on("rcpt", say("550 5.1.1 no such user"), nth=1)
    place = pool.take()
    send_and_release(place)
    again = pool.take()
    place.cut()
    assert again.session is place.session
    assert again.send(mail()).kind is OutcomeKind.DELIVERED


def test_connections_are_given_up_without_waiting_for_a_server_that_is_silent(server, pool):
    server.on("quit", stall)
    held = places(pool)
    for place in held:
        assert place.send(mail()).kind is OutcomeKind.DELIVERED
    for place in held:
        pool.release(place)
    closing = threading.Thread(target=pool.close)
    closing.start()
    closing.join(4)  # an answer would be waited for five seconds, four times
    assert not closing.is_alive()
    assert server.saw("QUIT", 4)
