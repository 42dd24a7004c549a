"""Periodic work of accounts."""

from celery import shared_task

from accounts.models import IdempotencyKey

BATCH = 500  # a short statement, which locks nobody out
BATCHES = 40  # a worker that is kept from its bells stays so for a moment only


@shared_task(name="accounts.forget_expired_keys", ignore_result=True)
def forget_expired_keys() -> None:
    """Delete idempotency keys that have expired, as many as one run may."""
    for _ in range(BATCHES):
        old = IdempotencyKey.objects.forgettable()
        ids = list(old.values_list("pk", flat=True)[:BATCH])
        deleted, _ = old.filter(pk__in=ids).delete()  # still old: a request may have taken it
        if deleted < BATCH:
            return
