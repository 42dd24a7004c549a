"""Destination limits: what staff set, beside what holds by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from delivery.destinations.directory import READ_SECONDS
from delivery.destinations.profiles import EVERY_HOST, Profile, built_in
from delivery.models import DestinationLimit
from delivery.smtp.addresses import to_ascii_domain

FIGURES = ("connections", "mails_per_connection", "mails_per_minute")
LABELS = ("Connections", "Mails per connection", "Mails per minute")
MOST = {"connections": 1000, "mails_per_connection": 10_000, "mails_per_minute": 1_000_000}


class DestinationLimitForm(forms.ModelForm):  # type: ignore[type-arg]
    """A name and its figures."""

    class Meta:
        model = DestinationLimit
        fields = ["host", *FIGURES]
        widgets = {"host": UnfoldAdminTextInputWidget}
        labels = {"host": "MX hosts below"}
        help_texts = {
            "host": "The name of mail servers, not of addresses: google.com covers every MX host "
            "that ends in .google.com, and they share the figures. The longest name that fits "
            "holds. * is every host that nothing else covers, each with the figures for itself.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, most in MOST.items():
            field = self.fields[name]
            field.min_value = 1  # type: ignore[attr-defined]
            field.widget.attrs |= {"min": 1, "max": most}

    def clean_host(self) -> str:
        """Return the name as it is looked for: in lower case, as A-labels."""
        said = self.cleaned_data["host"].strip().lower().strip(".").removeprefix("*.")
        return EVERY_HOST if said == EVERY_HOST else _checked(said)

    def clean(self) -> dict[str, Any]:
        """Keep figures within reason."""
        said: dict[str, Any] = super().clean() or {}
        for name, most in MOST.items():
            value = said.get(name)
            if value is not None and not 1 <= value <= most:
                self.add_error(name, f"Use a number between 1 and {most:,}.")
        return said


def _checked(name: str) -> str:
    try:
        host = to_ascii_domain(name)
    except ValueError:
        raise ValidationError(
            f"{name!a:.80} is no name of a host: write it like mx.example.com."
        ) from None
    if "[" in host or host.rpartition(".")[2].isdigit():
        raise ValidationError("Write a name, not an address: limits go by the names of MX hosts.")
    return host


@dataclass(frozen=True, slots=True)
class ProfileLine:
    """A built-in profile as the list shows it."""

    name: str
    hosts: str
    figures: tuple[tuple[str, int | None], ...]  # with their labels, which a narrow screen shows
    overruled: bool  # by rows of staff, for all of its hosts
    add_url: str


@admin.register(DestinationLimit)
class DestinationLimitAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Below the rows stand the built-in profiles, which hold where there is no row."""

    form = DestinationLimitForm
    list_display = ["covers", *FIGURES]
    search_fields = ["host"]
    empty_value_display = "no limit"
    list_after_template = "admin/delivery/destinationlimit/profiles.html"

    @admin.display(description="MX hosts below", ordering="host")
    def covers(self, row: DestinationLimit) -> str:
        """Return the name, or what the star means."""
        return "* (every other host)" if row.host == EVERY_HOST else row.host

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the profiles too."""
        rows = {row.host: row for row in DestinationLimit.objects.all()}
        more = {"profiles": [*_lines(rows)], "effective_seconds": 2 * READ_SECONDS}
        return super().changelist_view(request, (extra_context or {}) | more)  # type: ignore[no-any-return]


def _lines(rows: Mapping[str, DestinationLimit]) -> Iterator[ProfileLine]:
    add = reverse("admin:delivery_destinationlimit_add")
    for profile in built_in():
        left = [host for host in profile.hosts if host not in rows]
        yield ProfileLine(
            profile.name,
            "every other host" if EVERY_HOST in profile.hosts else ", ".join(profile.hosts),
            tuple(zip(LABELS, _figures(profile), strict=True)),
            not left,
            f"{add}?{urlencode(_proposal(profile, left))}",
        )


def _figures(profile: Profile) -> tuple[int | None, ...]:
    return tuple(getattr(profile.limits, name) for name in FIGURES)


def _proposal(profile: Profile, hosts: Sequence[str]) -> dict[str, Any]:
    figures = zip(FIGURES, _figures(profile), strict=True)
    return {"host": hosts[0] if hosts else ""} | {name: value for name, value in figures if value}
