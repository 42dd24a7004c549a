"""What a worker counts and times; buckets in seconds, wide enough for a relay far away."""

from dataclasses import dataclass
from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from delivery.transports.base import Transport
from emails.models import Status
from emails.transitions import Settlement

OUTCOMES = (Status.DELIVERED, Status.DEFERRED, Status.BOUNCED, Status.EXPIRED, Status.FAILED)
LOCAL = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
STORED = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
REMOTE = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0)

ATTEMPTS = Counter("mailer_attempts", "Settled attempts, by outcome.", ["transport", "outcome"])
AMBIGUOUS = Counter(
    "mailer_attempts_ambiguous",
    "Those among them that may have delivered: no reply after the final dot.",
    ["transport"],
)
TOO_LATE = Counter(
    "mailer_attempts_too_late", "Outcomes that came after the lease was lost.", ["transport"]
)
LEASES_LOST = Counter(
    "mailer_leases_lost", "Recipients taken back from a worker that died or hung: ambiguous."
)
CLAIMED = Counter("mailer_claimed_recipients", "Recipients claimed.")
IN_FLIGHT = Gauge("mailer_deliveries_in_flight", "Attempts that run now.")
CONNECTIONS = Gauge("mailer_connections_open", "Connections to mail servers.", ["transport"])

LISTENER_CONNECTIONS = Gauge(
    "mailer_listener_connections", "Connections of others to us.", ["listener"]
)
LISTENER_REFUSALS = Counter(
    "mailer_listener_refusals", "What a listener refused, and why.", ["listener", "reason"]
)
RETURNED = Counter("mailer_returned_mails", "Mails that came back, by what they were.", ["kind"])

CLAIM_SECONDS = Histogram(
    "mailer_claim_seconds", "One claim with all that it loads, empty ones too.", buckets=STORED
)
COMPOSE_SECONDS = Histogram(
    "mailer_compose_seconds",
    "From the row to the signed message, beside others that are made in the same row.",
    buckets=LOCAL,
)
SEND_SECONDS = Histogram(
    "mailer_send_seconds",
    "One mail, with opening a connection where none was kept.",
    ["transport"],
    buckets=REMOTE,
)
SETTLE_SECONDS = Histogram("mailer_settle_seconds", "One commit of outcomes.", buckets=STORED)
SETTLE_BATCH = Histogram(
    "mailer_settle_batch_size", "Outcomes in one commit.", buckets=(1, 2, 5, 10, 20, 50, 100, 500)
)


@dataclass(frozen=True, slots=True)
class Meter:
    """The series of one transport, looked up once: looking is what counting costs most."""

    outcomes: dict[Status, Counter]
    ambiguous: Counter
    too_late: Counter
    send_seconds: Histogram

    def settled(self, row: Settlement) -> None:
        """Count the outcome of an attempt once it is committed."""
        self.outcomes[row.status].inc()
        if row.ambiguous:
            self.ambiguous.inc()


@cache
def meter(transport: str) -> Meter:
    """Return the series of a transport, which are there from then on: a rate begins at zero."""
    return Meter(
        outcomes={status: ATTEMPTS.labels(transport, status.value) for status in OUTCOMES},
        ambiguous=AMBIGUOUS.labels(transport),
        too_late=TOO_LATE.labels(transport),
        send_seconds=SEND_SECONDS.labels(transport),
    )


def expose(transport: Transport) -> None:
    """Show all series of a transport from the start on."""
    meter(transport.name)
    CONNECTIONS.labels(transport.name).set_function(transport.connections)
