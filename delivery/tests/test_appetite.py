"""How much a worker claims ahead."""

from delivery.appetite import MOST_AHEAD, Appetite


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def after(appetite, clock, done, seconds):
    for _ in range(done):
        appetite.done()
    clock.now += seconds
    return appetite.capacity()


def test_worker_that_knows_nothing_yet_claims_twice_what_it_sends_at_once():
    assert Appetite(20, Clock()).capacity() == 40


def test_worker_that_may_hang_at_many_servers_claims_few_beyond():
    assert Appetite(200, Clock()).capacity() == 220


def test_fast_worker_claims_what_it_begins_within_a_quarter_second():
    clock = Clock()
    assert after(Appetite(20, clock), clock, done=1000, seconds=1) == 20 + 250


def test_slow_worker_leaves_the_rest_to_others():
    clock = Clock()
    appetite = Appetite(20, clock)
    after(appetite, clock, done=1000, seconds=1)
    assert after(appetite, clock, done=3, seconds=1) == 40


def test_no_worker_claims_without_bounds():
    clock = Clock()
    assert after(Appetite(20, clock), clock, done=100_000, seconds=1) == 20 + MOST_AHEAD


def test_two_looks_in_a_row_do_not_forget_what_was_learnt():
    clock = Clock()
    appetite = Appetite(20, clock)
    learnt = after(appetite, clock, done=1000, seconds=1)
    assert after(appetite, clock, done=0, seconds=0.01) == learnt
