"""What is shared through Redis beside connections, and what a Redis that is away costs."""

import threading
import time

import pytest
from redis import Redis

from delivery.destinations import shared
from delivery.destinations.budget import Limits
from delivery.destinations.directory import Directory
from delivery.destinations.ledger import PREFIX
from delivery.destinations.level import RISE_SECONDS
from delivery.destinations.shared import SharedBudget
from delivery.tests.waiting import wait_until

HOST = "mx.example.org"
FOREVER = 60.0
TEN = Limits(10, 100, 6000)


@pytest.fixture
def make_budget(redis):
    made = []

    def make(limits=TEN, url=None):
        budget = SharedBudget(url or redis.url)
        budget.follow(Directory({"example.org": limits}))
        made.append(budget)
        return budget

    yield make
    for budget in made:
        budget.close()


def all_have_told(redis):
    """Have Redis count as complete now, and not only seconds after its start."""
    with Redis.from_url(redis.url) as client:
        client.zadd(f"{PREFIX}workers", {"": 1e11}, xx=True)


def calls(redis):
    """How many scripts Redis ran."""
    with Redis.from_url(redis.url) as client:
        return client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)


def opened(budget, host=HOST, most=50):
    return sum(budget.open(host) for _ in range(most))


def mails(budget, most=1000):
    """Take mails until one has to wait."""
    for number in range(most):
        if budget.wait(HOST):
            return number
    return most


def test_overload_that_one_sees_lowers_all(make_budget):
    one, other = make_budget(), make_budget()
    assert (opened(one, most=5), opened(other, most=5)) == (5, 5)
    one.overloaded("mx7.example.org")
    assert one.limits(HOST) == Limits(5, 100, 3000)
    wait_until(lambda: other.limits(HOST) == Limits(5, 100, 3000))
    wait_until(lambda: one.excess(HOST) + other.excess(HOST) >= 5)
    assert not one.open(HOST)


def test_who_finds_redis_again_leaves_others_the_share_that_they_may_use_unseen(
    redis, make_budget, monkeypatch
):
    returned, still_away = make_budget(), make_budget()
    all_have_told(redis)
    wait_until(lambda: returned._workers == still_away._workers == 2)
    monkeypatch.setattr(shared, "RETURN_SECONDS", FOREVER)
    monkeypatch.setattr(still_away, "_send", lambda tallies: None)
    still_away._lost(OSError("away"))
    returned._lost(OSError("away"))
    wait_until(lambda: returned.is_shared)
    assert (opened(returned), opened(still_away)) == (5, 5)
    monkeypatch.setattr(returned, "_returning_until", 0.0)
    assert opened(returned) == 5, "then all that Redis knows to be free"


def test_storm_that_all_see_halves_once(make_budget):
    budgets = [make_budget() for _ in range(3)]
    for budget in budgets:
        assert budget.open(HOST)
    for _ in range(5):
        for budget in budgets:
            budget.overloaded(HOST)
    for _ in range(3):
        time.sleep(shared.ROUND_SECONDS)
        assert {budget.limits(HOST).connections for budget in budgets} == {5}


def test_level_comes_up_by_what_all_serve(make_budget, redis):
    one, other = make_budget(), make_budget()
    assert one.open(HOST)
    assert other.open(HOST)
    one.overloaded(HOST)
    wait_until(lambda: other.limits(HOST).connections == 5)
    with Redis.from_url(redis.url) as client:
        key = f"{PREFIX}level:example.org"
        level, changed_at, _ = client.get(key).split()
        client.set(key, b"%b %f 0" % (level, float(changed_at) - RISE_SECONDS))
    for _ in range(3):
        one.served(HOST), other.served(HOST)
    wait_until(lambda: one.limits(HOST).connections == other.limits(HOST).connections == 6)


def test_level_survives_a_redis_that_forgets(make_budget, redis):
    one, other = make_budget(), make_budget()
    assert one.open(HOST)
    assert other.open(HOST)
    one.overloaded(HOST)
    redis.flush()
    wait_until(lambda: other.limits(HOST).connections == 5)
    time.sleep(2 * shared.ROUND_SECONDS)
    assert one.limits(HOST).connections == other.limits(HOST).connections == 5


def test_mails_of_all_share_one_allowance(make_budget):
    one, other = make_budget(Limits(10, 100, 60)), make_budget(Limits(10, 100, 60))
    begins = time.monotonic()
    went = mails(one) + mails(other) + mails(one)
    assert 1 <= went <= 6 + (time.monotonic() - begins) + 1  # the burst, and one each second
    assert 0 < one.wait(HOST) <= 60
    assert 0 < other.wait(HOST) <= 60


def test_clock_of_redis_that_is_set_back_stops_no_mail(make_budget, redis):
    one, other = (make_budget(Limits(10, 100, 60)) for _ in range(2))
    assert mails(one, most=1) == 1
    key = f"{PREFIX}mails:example.org"
    with Redis.from_url(redis.url) as client:
        used, at = client.get(key).split()
        client.set(key, b"%s %f" % (used, float(at) + 3600))
    assert mails(other, most=3) == 3


def test_round_trips_are_for_many_mails_and_none_where_nothing_is_counted(make_budget, redis):
    budget = make_budget(Limits(10, 100, 60_000))
    before = calls(redis)
    assert mails(budget, most=3000) == 3000
    assert calls(redis) - before < 100
    free = make_budget(Limits(10, 100, None))
    free._ledger._mails = None  # it would be called
    assert mails(free, most=3000) == 3000


def test_connection_is_used_again_without_asking(make_budget, redis):
    budget = make_budget()
    assert budget.open(HOST)
    asked = []
    budget._ledger._open = asked.append
    for _ in range(3):
        budget.closed(HOST)
        assert budget.open(HOST)
    assert asked == []


def test_refused_threads_do_not_ask_again_and_again(make_budget, redis):
    holder, other = make_budget(), make_budget()
    all_have_told(redis)
    assert opened(holder) == 10
    before = calls(redis)
    assert opened(other, most=2000) == 0
    assert calls(redis) - before < 50


@pytest.mark.parametrize("lose", ["kill", "pause"])
def test_redis_away_is_noticed_by_one_call_and_costs_the_others_nothing(make_budget, redis, lose):
    budget = make_budget()
    assert opened(budget, most=3) == 3
    getattr(redis, lose)()
    tried = []
    for name in ("_open", "_mails"):
        script = getattr(budget._ledger, name)
        setattr(
            budget._ledger, name, lambda script=script, **words: tried.append(1) or script(**words)
        )
    answers = [budget.open(f"mx{number}.test") for number in range(500)]
    answers += [budget.wait(HOST) < FOREVER for _ in range(500)]
    assert all(answers)
    assert len(tried) == 1
    assert not budget.is_shared
    assert opened(budget) == 7


def test_redis_that_takes_no_writes_counts_as_away(make_budget, redis):
    budget = make_budget()
    with Redis.from_url(redis.url) as client:
        client.replicaof("127.0.0.1", "1")
        assert opened(budget) == 10
        assert not budget.is_shared
        client.replicaof("NO", "ONE")
        wait_until(lambda: budget.is_shared)


def test_url_where_nobody_is_means_local_limits(make_budget):
    budget = make_budget(url="redis://127.0.0.1:1/0")
    assert opened(budget) == 10
    assert not budget.is_shared


def test_destination_that_waits_for_redis_holds_up_no_other(make_budget):
    budget = make_budget()
    assert budget.open("other.test")
    asking, answered = threading.Event(), threading.Event()
    call = budget._ledger._open

    def slow(**words):
        asking.set()
        answered.wait(FOREVER)
        return call(**words)

    budget._ledger._open = slow
    waiting = threading.Thread(target=budget.open, args=[HOST])
    waiting.start()
    assert asking.wait(FOREVER)
    budget._ledger._open = call
    assert budget.open("other.test")
    budget.closed("other.test")
    budget.served(HOST), budget.overloaded(HOST), budget.limits(HOST), budget.excess(HOST)
    assert waiting.is_alive()
    answered.set()
    waiting.join()


def test_what_is_left_in_redis_goes_by_itself(make_budget, redis):
    budget = make_budget()
    for number in range(20):
        budget.open(f"mx{number}.example.org")
        budget.overloaded(f"mx{number}.test")
        budget.open(f"mx{number}.test")
    budget.wait(HOST)
    time.sleep(shared.ROUND_SECONDS)
    with Redis.from_url(redis.url) as client:
        keys = [key.decode() for key in client.keys(f"{PREFIX}*")]
        assert len(keys) > 40
        lasting = {key for key in keys if client.ttl(key) < 0}
    assert lasting == {f"{PREFIX}workers"}


def test_closing_gives_everything_back_at_once(make_budget):
    one = make_budget()
    assert opened(one) == 10
    one.close()
    other = make_budget()
    wait_until(lambda: opened(other) == 10)
