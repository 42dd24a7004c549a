"""What is counted where readers open and click."""

from prometheus_client import Counter

_HITS = Counter(
    "mailer_hits",
    "Opens and clicks, by where each was kept first: database, spool, none.",
    ["kept"],
)
HITS_RECORDED = _HITS.labels("database")
HITS_SPOOLED = _HITS.labels("spool")
HITS_LOST = _HITS.labels("none")
HITS_DRAINED = Counter("mailer_hits_drained", "Hits brought from the spool into the database.")
