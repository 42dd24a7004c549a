"""Processes that share a destination never have more connections together than it allows."""

import pytest

from delivery.destinations.tests.provider import processes, provider
from delivery.tests.waiting import wait_until

MOST = 10  # as sharing.py has it


def visited_by(serving, *names, times=200):
    """Wait until each of them was served so many times from now on."""
    serving.forget()
    wait_until(lambda: all(serving.visits[name] >= times for name in names), 60)


def test_two_processes_never_hold_more_than_one_limit_and_both_get_their_share(redis):
    with provider() as serving, processes(redis.url, serving.port):
        visited_by(serving, "a", "b", times=500)
        assert serving.most <= MOST
        assert serving.most >= MOST - 1


def test_process_that_comes_later_gets_its_share(redis):
    with provider() as serving, processes(redis.url, serving.port, "a"):
        visited_by(serving, "a")
        assert serving.most == MOST
        with processes(redis.url, serving.port, "bcd"):
            visited_by(serving, *"abcd")
        visited_by(serving, "a")
        assert serving.most <= MOST


@pytest.mark.parametrize("names", ["ab", "abc"])
def test_redis_that_forgot_everything_lets_nobody_have_more(redis, names):
    with provider() as serving, processes(redis.url, serving.port, names):
        visited_by(serving, *names)
        for _ in range(3):
            redis.flush()
            visited_by(serving, *names)
            assert serving.most <= MOST


@pytest.mark.parametrize(("lose", "bring_back"), [("kill", "start"), ("pause", "resume")])
def test_without_redis_each_goes_on_with_its_share_and_shares_again_afterwards(
    redis, lose, bring_back
):
    with provider() as serving, processes(redis.url, serving.port):
        visited_by(serving, "a", "b")
        getattr(redis, lose)()
        visited_by(serving, "a", "b")
        assert serving.most <= MOST
        getattr(redis, bring_back)()
        visited_by(serving, "a", "b", times=500)
        assert serving.most <= MOST
        with processes(redis.url, serving.port, "c"):
            visited_by(serving, *"abc")
            assert serving.most <= MOST


def test_connections_of_a_killed_process_come_back(redis):
    with provider() as serving, processes(redis.url, serving.port) as running:
        visited_by(serving, "a", "b")
        running[0].kill()
        serving.forget()
        wait_until(lambda: serving.now >= MOST, 60)
        visited_by(serving, "b")
        assert serving.most <= MOST


def test_process_that_ends_gives_back_at_once_and_twelve_processes_share_ten(redis):
    with provider() as serving, processes(redis.url, serving.port, "abcdefghijkl", threads=2):
        visited_by(serving, *"abcdefghijkl", times=20)
        assert serving.most <= MOST
