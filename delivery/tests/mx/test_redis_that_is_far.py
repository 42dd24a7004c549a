"""While Redis is asked whether mail may go, all other mail goes on."""

import pytest

from delivery.destinations import shared
from delivery.destinations.budget import Limits
from delivery.destinations.directory import Directory
from delivery.destinations.shared import SharedBudget
from delivery.destinations.tests.slow_line import SlowLine
from delivery.tests.conftest import running
from delivery.tests.mx.events import make_mail, settled
from delivery.tests.waiting import everything_is_final, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
NEW_HOSTS = 30


@pytest.fixture
def line(redis, world, monkeypatch):
    """The way to Redis, of which a budget has all the patience that a test needs."""
    for patience in ("PATIENCE_SECONDS", "KEEPER_PATIENCE_SECONDS"):
        monkeypatch.setattr(shared, patience, 20.0)
    monkeypatch.setattr("delivery.transports.mx_host.IDLE_SECONDS", 60.0)
    with SlowLine(redis.port) as line:
        world.budget = SharedBudget(f"redis://127.0.0.1:{line.port}/0")
        yield line


def test_hosts_that_wait_for_leave_to_be_opened_hold_up_no_other_mail(world, line):
    known = world.exchanger("known.example")
    strangers = [world.exchanger(f"d{number}.example") for number in range(NEW_HOSTS)]
    with running(world.transport(), concurrency=2 * NEW_HOSTS):
        make_mail("ann@known.example")
        wait_until(settled)
        line.hold()
        for number in range(NEW_HOSTS):
            make_mail(f"ann@d{number}.example")
        wait_until(lambda: line.held >= NEW_HOSTS)
        make_mail("bob@known.example")
        wait_until(lambda: len(known.messages) == 2)
        assert not any(server.connections for server in strangers)
        line.let_go()
        wait_until(everything_is_final)
    assert [len(server.messages) for server in strangers] == [1] * NEW_HOSTS
    assert known.connections == 1


def test_mail_that_waits_for_an_allowance_holds_up_no_other_mail(world, line):
    counted, free = world.exchanger("counted.example"), world.exchanger("free.example")
    world.budget.follow(Directory({"counted.example": Limits(5, 100, 6000)}))
    with running(world.transport()):
        for domain in ("counted.example", "free.example"):
            make_mail(f"ann@{domain}")
        wait_until(settled)
        line.hold()
        make_mail("bob@counted.example")
        wait_until(lambda: line.held >= 1)
        make_mail("bob@free.example")
        wait_until(lambda: len(free.messages) == 2)
        assert len(counted.messages) == 1
        line.let_go()
        wait_until(everything_is_final)
    assert len(counted.messages) == 2
