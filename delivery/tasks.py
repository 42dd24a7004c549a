"""The task that a bell is; Celery finds the others of delivery here too."""

from celery import shared_task

from delivery import worker
from delivery.domains.tasks import check_domains
from emails.doorbell import BELL

__all__ = ["check_domains", "ring"]


@shared_task(name=BELL, ignore_result=True)
def ring() -> None:
    """There is work: wake the pump of this worker process and return."""
    worker.wake()
