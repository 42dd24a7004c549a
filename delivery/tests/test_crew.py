"""How many delivery threads work at once."""

import threading

import pytest

from delivery.crew import CROWDED_SECONDS, LEAST, ROOMY_SECONDS, Crew
from delivery.tests.waiting import wait_until

SOON, LATE, NEITHER = 0.0, 1.0, (CROWDED_SECONDS + ROOMY_SECONDS) / 2


def judged(crew, late, times=50):
    for _ in range(times):
        crew.judge(late)
    return crew.size


def test_crew_grows_to_all_while_everybody_gets_a_turn_at_once():
    assert judged(Crew(20), SOON) == 20


def test_crew_shrinks_to_the_least_while_threads_wait_their_turn():
    crew = Crew(20)
    judged(crew, SOON)
    assert judged(crew, LATE) == LEAST


def test_crew_stays_as_it_is_in_between():
    crew = Crew(20)
    crew.judge(SOON)
    size = crew.size
    assert judged(crew, NEITHER) == size


@pytest.mark.parametrize("most", [1, 2])
def test_crew_that_may_be_no_larger_is_never_empty(most):
    crew = Crew(most)
    assert judged(crew, LATE) == judged(crew, SOON) == most


def test_threads_beyond_the_size_wait_until_it_grows_and_all_leave_at_the_end():
    crew, joined = Crew(20), []

    def work(number):
        crew.join_in(number)
        joined.append(number)

    threads = [threading.Thread(target=work, args=[n]) for n in (0, LEAST, 19)]
    for thread in threads:
        thread.start()
    wait_until(lambda: joined == [0])
    crew.judge(SOON)
    wait_until(lambda: joined == [0, LEAST])
    crew.dismiss()
    for thread in threads:
        thread.join(10)
    assert joined == [0, LEAST, 19]


def test_foreman_makes_room_for_work_that_waits_behind_threads_that_do_nothing():
    crew, waits = Crew(20), threading.Event()
    foreman = threading.Thread(target=crew.oversee, args=[waits.is_set, 0.01])
    foreman.start()
    waits.set()
    wait_until(lambda: crew.size > LEAST)
    crew.dismiss()
    foreman.join(10)
    assert not foreman.is_alive()
