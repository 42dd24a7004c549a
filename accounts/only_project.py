"""Forms that ask for a project name it themselves where there is only one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.models import Project


def only_project() -> int | None:
    """Return the id of the project, None where there are several or none."""
    ids = list(Project.objects.values_list("pk", flat=True)[:2])
    return ids[0] if len(ids) == 1 else None


class ProjectProposed:
    """A ModelAdmin whose form for a new row has the field `project`."""

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Propose the only project, unless the address of the page says another."""
        said: dict[str, Any] = super().get_changeform_initial_data(request)  # type: ignore[misc]
        return {"project": only_project()} | said
