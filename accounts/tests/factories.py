"""Projects, keys and clients for tests."""

from itertools import count
from typing import Any

from rest_framework.test import APIClient

from accounts.models import ApiKey, Project

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
