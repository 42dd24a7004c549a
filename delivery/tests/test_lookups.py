"""Questions for the exchangers of a domain: one at a time, and answers that are kept a moment."""

import threading
import time

import pytest

from delivery.smtp import Outcome, OutcomeKind, Phase, TlsPolicy
from delivery.smtp.mx import MailExchanger
from delivery.tests.waiting import wait_until
from delivery.transports import lookups
from delivery.transports.lookups import Lookups
from delivery.transports.mx_plan import Plan

PLAN = Plan((MailExchanger(10, "mx.example", "192.0.2.1"),), TlsPolicy())
NEW_PLAN = Plan((MailExchanger(10, "mx.example", "192.0.2.2"),), TlsPolicy())
TROUBLE = Outcome(OutcomeKind.DEFERRED, Phase.LOOKUP, "a.example", "4.4.3 no answer")


class NameServer:
    """Answers when it is let go, and counts."""

    def __init__(self, answer):
        self.asked, self.answer = 0, answer
        self.let_go = threading.Event()

    def __call__(self, domain):
        self.asked += 1
        assert self.let_go.wait(10)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(lookups.time, "monotonic", lambda: now[0])
    return now


def answering(answer):
    server = NameServer(answer)
    server.let_go.set()
    return server


def test_plan_is_kept_for_a_moment(clock):
    server = answering(PLAN)
    asked = Lookups(server, 20)
    assert [asked.plan("a.example") for _ in range(5)] == [PLAN] * 5
    assert server.asked == 1
    clock[0] += lookups.FRESH_SECONDS
    assert asked.plan("a.example") is PLAN
    assert server.asked == 2


@pytest.fixture
def passed(monkeypatch):
    """Seconds by which the clock is ahead of the true one."""
    seconds, true = [0.0], time.monotonic
    monkeypatch.setattr(lookups.time, "monotonic", lambda: true() + seconds[0])
    return seconds


@pytest.fixture
def ended(passed):
    """A server that answers no more, and what has asked it: PLAN was the answer, and has ended."""
    server = answering(PLAN)
    asked = Lookups(server, 20)
    asked.plan("a.example")
    server.let_go.clear()
    passed[0] = lookups.FRESH_SECONDS
    yield server, asked
    server.let_go.set()


def test_mail_goes_by_the_last_plan_while_it_is_asked_for_again(ended):
    server, asked = ended
    server.answer = NEW_PLAN
    assert [asked.plan("a.example") for _ in range(20)] == [PLAN] * 20
    server.let_go.set()
    wait_until(lambda: asked.plan("a.example") is NEW_PLAN)
    assert server.asked == 2


def test_last_plan_serves_until_it_is_old(ended, passed, monkeypatch):
    monkeypatch.setattr(lookups, "PATIENCE", 0.0)
    _, asked = ended
    passed[0] = lookups.STALE_SECONDS - 5
    assert asked.plan("a.example") is PLAN
    passed[0] = lookups.STALE_SECONDS
    assert asked.plan("a.example").kind is OutcomeKind.ABANDONED


def test_new_plan_that_comes_at_once_is_everybodys(ended):
    server, asked = ended
    server.answer = NEW_PLAN
    server.let_go.set()
    assert asked.plan("a.example") is NEW_PLAN


def test_trouble_takes_the_place_of_the_last_plan(ended):
    server, asked = ended
    server.answer = TROUBLE
    server.let_go.set()
    assert asked.plan("a.example") is TROUBLE


def test_trouble_is_kept_longer_and_longer_until_there_is_an_answer(clock):
    server = answering(TROUBLE)
    asked = Lookups(server, 20)
    assert asked.plan("a.example") is TROUBLE
    for times, pause in enumerate((30, 60, 120, 240, 480, 600, 600), 1):
        clock[0] += pause - 1
        assert asked.plan("a.example") is TROUBLE
        assert server.asked == times
        clock[0] += 1
        assert asked.plan("a.example") is TROUBLE
        assert server.asked == times + 1
    server.answer = PLAN
    clock[0] += 600
    assert asked.plan("a.example") is PLAN


def test_who_finds_no_answer_in_time_is_sent_off_and_asked_is_once(monkeypatch):
    monkeypatch.setattr(lookups, "MOMENT", 0.01)
    monkeypatch.setattr(lookups, "PATIENCE", 0.02)
    server = NameServer(PLAN)
    asked = Lookups(server, 20)
    for _ in range(3):
        outcome = asked.plan("a.example")
        assert (outcome.kind, outcome.wait) == (OutcomeKind.ABANDONED, lookups.AGAIN_SECONDS)
    server.let_go.set()
    wait_until(lambda: asked.plan("a.example") is PLAN)
    assert server.asked == 1


def test_half_of_the_places_may_be_held_for_longer_than_a_moment(monkeypatch):
    monkeypatch.setattr(lookups, "MOMENT", 0.02)
    server = NameServer(PLAN)
    asked, plans = Lookups(server, 4), []
    threads = [
        threading.Thread(target=lambda n=number: plans.append(asked.plan(f"d{n}.example")))
        for number in range(5)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(plans) == 3)
    assert {plan.kind for plan in plans} == {OutcomeKind.ABANDONED}
    assert server.asked == 5
    server.let_go.set()
    for thread in threads:
        thread.join()
    assert plans[3:] == [PLAN] * 2


def test_who_waits_at_the_end_is_sent_off():
    server, plans = NameServer(PLAN), []
    asked = Lookups(server, 20)
    waiting = threading.Thread(target=lambda: plans.append(asked.plan("a.example")))
    waiting.start()
    wait_until(lambda: server.asked == 1)
    asked.admit_no_more()
    waiting.join()
    assert [plan.kind for plan in plans] == [OutcomeKind.ABANDONED]
    server.let_go.set()
    wait_until(lambda: asked.plan("a.example") is PLAN)


def test_so_many_domains_are_asked_about_at_once_and_others_later(monkeypatch):
    monkeypatch.setattr(lookups, "MOST_ASKED", 3)
    monkeypatch.setattr(lookups, "MOMENT", 0.01)
    monkeypatch.setattr(lookups, "PATIENCE", 0.02)
    server = NameServer(PLAN)
    asked = Lookups(server, 20)
    plans = [asked.plan(f"d{number}.example") for number in range(5)]
    assert {plan.kind for plan in plans} == {OutcomeKind.ABANDONED}
    assert server.asked == 3
    server.let_go.set()
    wait_until(lambda: asked.plan("d4.example") is PLAN)


def test_answer_that_comes_soon_is_everybodys():
    server = NameServer(PLAN)
    asked, plans = Lookups(server, 20), []
    threads = [
        threading.Thread(target=lambda: plans.append(asked.plan("a.example"))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: server.asked == 1)
    server.let_go.set()
    for thread in threads:
        thread.join()
    assert plans == [PLAN] * 3
    assert server.asked == 1


def test_question_that_breaks_off_defers_and_is_asked_again(clock):
    server = answering(ZeroDivisionError())
    asked = Lookups(server, 20)
    outcome = asked.plan("a.example")
    assert (outcome.kind, outcome.phase) == (OutcomeKind.DEFERRED, Phase.LOOKUP)
    server.answer = PLAN
    clock[0] += lookups.TROUBLE_SECONDS
    assert asked.plan("a.example") is PLAN


def test_domains_of_long_ago_are_forgotten(monkeypatch):
    monkeypatch.setattr(lookups, "MOST_KEPT", 3)
    server = answering(PLAN)
    asked = Lookups(server, 20)
    for number in range(10):
        asked.plan(f"d{number}.example")
    asked.plan("d9.example")
    assert server.asked == 10
    asked.plan("d0.example")
    assert server.asked == 11
