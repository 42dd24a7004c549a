"""The task that a bell is."""

from celery import shared_task

from delivery import worker
from emails.doorbell import BELL


@shared_task(name=BELL, ignore_result=True)
def ring() -> None:
    """There is work: wake the pump of this worker process and return."""
    worker.wake()
