"""Projects, keys and clients for tests."""

from itertools import count
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiKey, DkimKey, Project, SendingDomain

_numbers = count(1)


def make_project(**values: Any) -> Project:
    number = next(_numbers)
    defaults = {"name": f"Project {number}", "slug": f"project-{number}"}
    return Project.objects.create(**(defaults | values))


def make_key(project: Project | None = None) -> str:
    return ApiKey.issue(project or make_project(), "tests")[1]


def make_client(project: Project | None = None) -> APIClient:
    """A client that speaks for `project` with a real key."""
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(project)}")
    return client


def make_domain(
    project: Project | None = None, name: str = "example.com", **values: Any
) -> SendingDomain:
    """A domain that is known to be the project's, without keys."""
    defaults = {"project": project or make_project(), "verified_at": timezone.now()}
    return SendingDomain.objects.create(name=name, **(defaults | values))


def make_signing_key(
    domain: SendingDomain, algorithm: DkimKey.Algorithm = DkimKey.Algorithm.ED25519
) -> DkimKey:
    """A key that signs for the domain; the kind that is made in no time, unless told."""
    key = DkimKey.generate(domain, algorithm)
    assert key.activate()
    return key
