"""What is counted where mail is accepted and bells are rung."""

from prometheus_client import Counter

EMAILS_ACCEPTED = Counter("mailer_emails_accepted", "Emails accepted and committed.")
RECIPIENTS_ACCEPTED = Counter("mailer_recipients_accepted", "Their envelope recipients.")
RECIPIENTS_SUPPRESSED = Counter(
    "mailer_recipients_suppressed",
    "Those whose address is suppressed, by when that was found: at acceptance or at the claim.",
    ["at"],
)
for _moment in ("acceptance", "claim"):
    RECIPIENTS_SUPPRESSED.labels(_moment)

_BELLS = Counter(
    "mailer_bells", "Bells that the broker took (published) or not (lost).", ["result"]
)
BELLS_PUBLISHED = _BELLS.labels("published")
BELLS_LOST = _BELLS.labels("lost")
