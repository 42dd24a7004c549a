"""`/metrics` of web processes, for Prometheus: what all of them counted, and the queue.

Only METRICS_ALLOWED may look; for anybody else nothing is there.
"""

from __future__ import annotations

import os

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from mailer.process_metrics import VARIABLE
from mailer.proxies import came_through_a_stranger, parsed_address
from mailer.queue_metrics import QueueCollector, QueueReader

_queue = QueueCollector(QueueReader())


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer in the format that the scraper asks for, 404 to strangers."""
    if not may_scrape(request):
        raise Http404
    return _exposed(request)


@require_safe
def _exposed(request: HttpRequest) -> HttpResponse:
    registry = CollectorRegistry()
    registry.register(_counted())
    registry.register(_queue)
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry), content_type=content_type)


def _counted() -> Collector:
    """Return what collects this server's counters: of all its processes, where they share them."""
    if VARIABLE in os.environ:
        return MultiProcessCollector(None)
    return REGISTRY


def may_scrape(request: HttpRequest) -> bool:
    """Tell whether the request comes from METRICS_ALLOWED itself.

    A proxy that TRUSTED_PROXIES does not name hides who asks behind its own, perhaps allowed,
    address: what came through it is a stranger's.
    """
    address = parsed_address(request.META.get("REMOTE_ADDR", ""))
    if address is None or came_through_a_stranger(request):
        return False
    return any(address in network for network in settings.METRICS_ALLOWED)
