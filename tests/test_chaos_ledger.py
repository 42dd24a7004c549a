"""The ledger of the chaos runs finds whatever does not agree."""

from dataclasses import replace

import pytest

from tests.chaos.clients import Posted
from tests.chaos.faults import HOPELESS, Fault, Plan
from tests.chaos.ledger import Doubt, Row, Told, close

MAIL = Posted("ann@chaos.example", "scheduled", 100.0, "msg_a", answered=True)
TOLD = Told([MAIL], unexpected=[], faults=[], repeatable=0)
ROW = Row("ann@chaos.example", "delivered", False, "msg_a", "<msg_a@x>")
TAKEN = {"verdict": "taken", "fault": Fault.NONE, "at": 101.0, "message_id": "<msg_a@x>"}
SINK_HUNG_UP = TAKEN | {"fault": Fault.TAKE_AND_DROP}


AGAIN = TAKEN | {"at": 103.0}
DOUBTED = {"doubts": (Doubt(102.0),), "ambiguous": True}


def closed(*, mail=None, told=None, row=None, rows=None, arrivals=(TAKEN,)):
    told = replace(TOLD, mails=[replace(MAIL, **(mail or {}))], **(told or {}))
    rows = [replace(ROW, **(row or {}))] if rows is None else rows
    return close(told, rows, {MAIL.address: list(arrivals)})


def found(ledger):
    return {name for name, what in ledger.found.items() if what}


def test_what_agrees_balances():
    ledger = closed()
    assert ledger.balanced
    assert (ledger.accepted, ledger.statuses) == (1, {"delivered": 1})


def test_repetition_that_the_sink_caused_balances():
    ledger = closed(row=DOUBTED, arrivals=[SINK_HUNG_UP, AGAIN])
    assert ledger.balanced
    assert sum(ledger.repeated.values()) == 1


def test_repetition_that_a_kill_explains_balances():
    assert closed(told={"repeatable": 1}, row=DOUBTED, arrivals=[TAKEN, AGAIN]).balanced


def test_what_left_a_worker_that_was_paused_may_come_last():
    lost = {"doubts": (Doubt(100.5, lease_lost=True),), "ambiguous": True}
    assert closed(told={"repeatable": 1}, row=lost, arrivals=[TAKEN, AGAIN]).balanced


@pytest.mark.parametrize(
    ("doubts", "arrivals"),
    [
        ([100.5], [101, 103]),  # of an attempt that did not arrive, before the first that did
        ([103.5], [101, 103]),
        ([102], [101, 103, 104]),
        ([101.5, 102], [101, 103, 104]),
    ],
)
def test_repetition_is_not_excused_by_a_doubt_of_another_time(doubts, arrivals):
    row = {"doubts": tuple(map(Doubt, doubts)), "ambiguous": True}
    ledger = closed(
        told={"repeatable": 9}, row=row, arrivals=[TAKEN | {"at": float(at)} for at in arrivals]
    )
    assert found(ledger) == {"repeated without an ambiguous mark"}


def test_two_mails_that_were_told_the_same_id_are_one_that_is_lost():
    other = replace(MAIL, address="bob@chaos.example")
    ledger = close(replace(TOLD, mails=[MAIL, other]), [ROW], {MAIL.address: [TAKEN]})
    assert found(ledger) == {"lost: accepted without a row"}


UNTOLD = {"message_id": "", "answered": True}
WRONG = {
    "request never answered": {"mail": {"answered": False}},
    "answer that must not be": {"told": {"unexpected": ["500"]}},
    "process that misbehaved": {"told": {"faults": ["web ended by itself"]}},
    "kind of mail that was never accepted": {"told": {"kinds": frozenset({"batch"})}},
    "lost: accepted without a row": {"rows": []},
    "made twice, or by nobody": {"rows": [ROW, replace(ROW, public_id="msg_b")]},
    "in limbo": {"row": {"status": "queued"}, "arrivals": []},
    "lost: delivered, but it never arrived": {"arrivals": []},
    "arrived, but recorded otherwise": {"row": {"status": "expired"}},
    "bounced without a refusal": {"row": {"status": "bounced"}, "arrivals": []},
    "cancelled, but it arrived": {
        "mail": {"cancelled": True},
        "row": {"status": "cancelled", "ambiguous": True},
    },
    "cancelled, but not recorded": {
        "mail": {"cancelled": True},
        "row": {"status": "expired"},
        "arrivals": [],
    },
    "refused, but it arrived": {"mail": UNTOLD, "rows": []},
    "arrived before its time": {"arrivals": [TAKEN | {"at": 99.999}]},
    "another Message-ID": {"arrivals": [TAKEN | {"message_id": "<msg_b@x>"}]},
    "repeated without an ambiguous mark": {"arrivals": [SINK_HUNG_UP, AGAIN]},
    "repeated more often than explained": {"row": DOUBTED, "arrivals": [TAKEN, AGAIN]},
}


@pytest.mark.parametrize("name", WRONG)
def test_ledger_finds(name):
    ledger = closed(**WRONG[name])
    assert found(ledger) == {name}
    assert not ledger.balanced


def test_every_check_can_fail():
    assert set(closed().found) == set(WRONG)


def test_the_same_seed_plans_the_same():
    tries = [(f"m-{n}@chaos.example", attempt) for n in range(300) for attempt in (1, 2, 3)]
    faults = [Plan(7).fault(*one) for one in tries]
    assert faults == [Plan(7).fault(*one) for one in tries]
    assert faults != [Plan(8).fault(*one) for one in tries]
    assert set(faults) == set(Fault)


def test_every_address_is_treated_well_in_the_end_but_for_the_hopeless():
    assert Plan(7).fault("m-1@chaos.example", 4) is Fault.NONE
    assert Plan(7).fault(f"{HOPELESS}-1@chaos.example", 100) is Fault.DEFER_RCPT
