"""The forms about routes: one writes a route, one asks which way a mail would go."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Project
from accounts.only_project import only_project
from delivery.models import Route
from delivery.rules import domain_pattern
from delivery.smtp.addresses import to_ascii_domain


class RouteForm(forms.ModelForm):  # type: ignore[type-arg]
    """A route; what can't work is refused with a sentence."""

    class Meta:
        model = Route
        fields = ["domain", "project", "way", "position"]
        labels = {"domain": "Mail to", "project": "Of project", "way": "Goes by"}
        help_texts = {
            "domain": "The recipient's domain, such as example.com; .example.com is every name "
            "below it. Empty: every domain.",
            "project": "Empty: every project.",
            "way": "The second way is taken where nobody can be reached on the first one.",
            "position": "Of all routes that fit, the one with the smallest number decides.",
        }

    def clean_domain(self) -> str:
        """Keep the domain as it is compared: A-labels in lower case."""
        try:
            return domain_pattern(self.cleaned_data["domain"])
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def clean_way(self) -> str:
        """Refuse a way that is not there."""
        way = str(self.cleaned_data["way"])
        if "relay" in way.split(",") and not settings.SMTP_RELAY_URL:
            raise ValidationError(
                "There is no relay: SMTP_RELAY_URL is not set. Set it and start web and workers "
                "again, or choose the built-in mail server."
            )
        return way

    def clean(self) -> dict[str, Any]:
        """Refuse a second route for the same mail: only one of them could ever decide."""
        cleaned = super().clean() or {}
        if {"domain", "project"} <= cleaned.keys():
            same = Route.objects.filter(domain=cleaned["domain"], project=cleaned["project"])
            if other := same.exclude(pk=self.instance.pk).first():
                raise ValidationError(f"There is a route for this mail already: {other}.")
        return cleaned


class WhichWayForm(forms.Form):
    """A mail that staff want to know the way of."""

    recipient = forms.CharField(
        label="Recipient",
        max_length=320,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "ann@example.com"}),
        help_text="An address or a domain.",
    )
    project = forms.ModelChoiceField(Project.objects.all(), widget=UnfoldAdminSelectWidget)
    project.initial = only_project  # as an option of the field it would choose the first of several

    def clean_recipient(self) -> str:
        """Return the domain."""
        written = str(self.cleaned_data["recipient"])
        try:
            return to_ascii_domain(written.rpartition("@")[2]).lower()
        except ValueError:
            raise ValidationError(f"“{written}” is no address and no domain.") from None
