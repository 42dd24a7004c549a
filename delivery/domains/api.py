"""Routes about sending domains: add, look, check, rotate keys, remove."""

from __future__ import annotations

import math
from datetime import timedelta

from django.db import IntegrityError
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.errors import ApiError
from accounts.models import Project, SendingDomain
from accounts.serializers import StrictSerializer
from accounts.views import ApiView
from delivery.domains import answers, checking
from delivery.domains.naming import BadName, sending_name

BETWEEN_CHECKS = timedelta(seconds=10)


class NewDomain(StrictSerializer):
    """The body of `POST /api/domains`."""

    name = serializers.CharField(max_length=255)

    def validate_name(self, value: str) -> str:
        """Return the name as it is kept."""
        try:
            return sending_name(value)
        except BadName as error:
            raise serializers.ValidationError(str(error)) from None


class Domains(ApiView):
    """`GET` and `POST /api/domains`."""

    def get(self, request: Request) -> Response:
        """List the domains of the project."""
        domains = SendingDomain.objects.filter(project=caller(request).project)
        return Response({"data": [answers.summary(domain) for domain in domains]})

    def post(self, request: Request) -> Response:
        """Add a domain, with keys of its own, and say what to publish."""
        serializer = NewDomain(data=request.data)
        serializer.is_valid(raise_exception=True)
        domain = _add(caller(request).project, serializer.validated_data["name"])
        return Response(answers.detail(domain), status.HTTP_201_CREATED)


class OneDomain(ApiView):
    """`GET` and `DELETE /api/domains/{name}`."""

    def get(self, request: Request, name: str) -> Response:
        """Show the records of a domain and how they stand."""
        return Response(answers.detail(_domain(request, name)))

    def delete(self, request: Request, name: str) -> Response:
        """Remove a domain and its keys. Mail that was accepted still goes out, unsigned."""
        _domain(request, name).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class CheckDomain(ApiView):
    """`POST /api/domains/{name}/check`."""

    def post(self, request: Request, name: str) -> Response:
        """Look at DNS now."""
        domain = _domain(request, name)
        _refuse_haste(domain)
        checking.check(domain)
        return Response(answers.detail(domain))


class RotateKeys(ApiView):
    """`POST /api/domains/{name}/rotate`."""

    def post(self, request: Request, name: str) -> Response:
        """Make new keys, which sign once DNS shows them; until then the old ones do."""
        domain = _domain(request, name)
        domain.generate_keys()
        return Response(answers.detail(domain))


def _domain(request: Request, name: str) -> SendingDomain:
    """Return the project's domain; Http404 for all else, as if it were not there."""
    try:
        kept = sending_name(name)
    except BadName:
        kept = ""
    return get_object_or_404(SendingDomain, project=caller(request).project, name=kept)


def _add(project: Project, name: str) -> SendingDomain:
    if SendingDomain.objects.filter(project=project, name=name).exists():  # spares making keys
        raise _exists(name)
    try:
        return SendingDomain.add(project, name)
    except IntegrityError:
        raise _exists(name) from None


def _exists(name: str) -> ApiError:
    message = f"{name} was added already. See GET /api/domains/{name}."
    return ApiError(409, "domain_exists", message)


def _refuse_haste(domain: SendingDomain) -> None:
    if domain.checked_at is None:
        return
    wait = domain.checked_at + BETWEEN_CHECKS - timezone.now()
    if wait > timedelta():
        seconds = math.ceil(wait.total_seconds())
        error = ApiError(
            429,
            "too_many_requests",
            f"DNS was looked at a moment ago. Ask again in {seconds} seconds.",
        )
        error.wait = seconds  # type: ignore[attr-defined]  # DRF's name for Retry-After
        raise error
