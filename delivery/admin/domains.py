"""Sending domains: staff add one, copy its records into DNS, and see whether they are right."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils import dateformat, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from accounts.confirmation import Question, confirmation_page
from accounts.key_pairs import new_pairs
from accounts.models import SendingDomain
from accounts.only_project import ProjectProposed
from delivery.admin.domain_page import page_of, summary_of
from delivery.domains import checking
from delivery.domains.answers import standings
from delivery.domains.naming import BadName, sending_name

STATES = {"verified": "success", "waiting for DNS": "warning", "signature broken": "danger"}
NO_FORM = ("show_save", "show_save_and_continue", "show_save_and_add_another", "show_delete")
ROTATE = (
    "New keys are made and their records are shown on the page of the domain. Nothing changes for "
    "your mail until somebody has added those records where the DNS of the domain is kept: the "
    "keys of today sign until then. As soon as a new record is seen, its key takes over, and the "
    "old one retires. Keep the record of the old one for as long as the page lists it."
)
TRUST = (
    "Mail from this domain is accepted from now on, although DNS does not show that the project "
    "holds it. It is not signed before a DKIM record is seen, so many receivers will distrust or "
    "refuse it. Do this only for a domain that you know to be the project's."
)


class SendingDomainForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form that adds a domain."""

    class Meta:
        model = SendingDomain
        fields = ["project", "name"]
        help_texts = {
            "name": "What stands behind the @ of your senders, such as example.com. Names below "
            "it, such as news.example.com, are covered.",
        }

    def clean_name(self) -> str:
        """Return the name as it is kept."""
        try:
            return sending_name(self.cleaned_data["name"])
        except BadName as error:
            raise ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        """Refuse a domain that the project has, with the way to its page."""
        said: dict[str, Any] = super().clean() or {}
        if {"project", "name"} <= said.keys():
            there = SendingDomain.objects.filter(project=said["project"], name=said["name"])
            if domain := there.first():
                self.add_error("name", _is_there(domain))
        return said


def _is_there(domain: SendingDomain) -> SafeString:
    return format_html(
        '{} was added to {} already. <a href="{}">Look at its records</a>.',
        domain.name,
        domain.project,
        _page(domain),
    )


@admin.register(SendingDomain)
class SendingDomainAdmin(ProjectProposed, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """A domain is added and removed; all that can be changed is in DNS, or has a button."""

    form = SendingDomainForm
    list_display = ["name", "project", "state", "dns", "checked_at"]
    list_filter = ["project", ("verified_at", admin.EmptyFieldListFilter)]
    list_select_related = ["project"]
    search_fields = ["name"]
    actions_detail = ["rotate", "trust"]

    def get_fields(self, request: HttpRequest, obj: SendingDomain | None = None) -> list[str]:
        """Ask for what a new domain needs; nothing of an existing one can be edited."""
        return [] if obj else ["project", "name"]

    def get_queryset(self, request: HttpRequest) -> Any:
        """Bring the keys along: the list says whether DNS still shows them."""
        return super().get_queryset(request).prefetch_related("dkim_keys")

    @display(description="state", label=STATES)  # type: ignore[untyped-decorator]
    def state(self, domain: SendingDomain) -> str:
        """Return whether mail may be sent from it, and whether its signature can be checked."""
        if not domain.verified_at:
            return "waiting for DNS"
        return "signature broken" if checking.broken_signatures(domain) else "verified"

    @admin.display(description="DNS")
    def dns(self, domain: SendingDomain) -> str:
        """Return how its records stood at the last look, and since when a key is missing."""
        said = summary_of(checking.findings_of(domain))
        dates = [finding.since for finding in checking.broken_signatures(domain) if finding.since]
        return f"{said}; key gone since {_day(min(dates))}" if dates else said

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One button: what follows is the page with the records.

        The keys are made here, before the transaction of the form: others write meanwhile.
        """
        if request.method == "POST" and self.has_add_permission(request):
            request.key_pairs = new_pairs()  # type: ignore[attr-defined]
        only_save = {"show_save_and_add_another": False, "show_save_and_continue": False}
        context = (extra_context or {}) | only_save
        try:
            return super().add_view(request, form_url, context)  # type: ignore[no-any-return]
        except IntegrityError:  # somebody else has just added it: now the form can say so
            return super().add_view(request, form_url, context)  # type: ignore[no-any-return]

    def save_model(self, request: HttpRequest, obj: SendingDomain, form: Any, change: bool) -> None:
        """Give a new domain its keys."""
        super().save_model(request, obj, form, change)
        if not change:
            obj.generate_keys(request.key_pairs)  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: SendingDomain, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Go on to the records."""
        messages.success(request, f"{obj} was added. Now put its records into DNS, as shown below.")
        return HttpResponseRedirect(_page(obj))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the records and how they stand."""
        domain = self.get_object(request, object_id)
        shown = page_of(domain) if domain and self.has_view_permission(request, domain) else {}
        shown |= dict.fromkeys(NO_FORM, False)
        return super().change_view(request, object_id, form_url, (extra_context or {}) | shown)  # type: ignore[no-any-return]

    def get_urls(self) -> list[URLPattern]:
        """Add the address that the button “Check now” posts to."""
        view = self.admin_site.admin_view(self.check_now)
        name = "accounts_sendingdomain_check"
        return [path("<path:object_id>/check/", view, name=name), *super().get_urls()]

    def check_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Look at DNS now."""
        domain = self._changeable(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        was_verified = domain.verified_at
        checking.check(domain)
        if domain.verified_at and not was_verified:
            messages.success(request, f"{domain} is verified: mail from it is accepted and signed.")
        elif all(standing.is_settled for standing in standings(domain)):
            messages.success(request, "DNS was looked at: every record is right.")
        else:
            summary = summary_of(checking.findings_of(domain))
            messages.info(request, f"DNS was looked at: {summary}.")
        return HttpResponseRedirect(_page(domain))

    @action(description="New keys", permissions=["change"], icon="autorenew")  # type: ignore[untyped-decorator]
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Explain, then make keys that take over once DNS shows them."""
        domain = self._changeable(request, object_id)
        if request.method != "POST":
            question = Question(f"Make new keys for {domain}?", ROTATE, "Yes, make new keys")
            return confirmation_page(self, request, domain, question)
        domain.generate_keys()
        self.log_change(request, domain, "Made new keys.")
        messages.success(request, "There are new keys. Now add their records to DNS.")
        return HttpResponseRedirect(_page(domain))

    @action(description="Trust without DNS", permissions=["change"], icon="gpp_maybe")  # type: ignore[untyped-decorator]
    def trust(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then take the project's word for it."""
        domain = self._changeable(request, object_id)
        if request.method != "POST":
            question = Question(f"Trust {domain} without DNS?", TRUST, "Yes, I know it is theirs")
            return confirmation_page(self, request, domain, question)
        waiting = SendingDomain.objects.filter(pk=domain.pk, verified_at=None)
        waiting.update(verified_at=timezone.now())
        self.log_change(request, domain, "Trusted without DNS.")
        messages.success(request, f"Mail from {domain} is accepted from now on.")
        return HttpResponseRedirect(_page(domain))

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer to trust only what is not verified."""
        domain = self.get_object(request, object_id)
        offered = super().get_actions_detail(request, object_id)
        if domain and not domain.verified_at:
            return list(offered)
        return [one for one in offered if not one.action_name.endswith("trust")]

    def _changeable(self, request: HttpRequest, object_id: str) -> SendingDomain:
        domain = self.get_object(request, object_id)
        if not self.has_change_permission(request, domain):
            raise PermissionDenied
        if domain is None:
            raise Http404("There is no such domain.")
        return domain  # type: ignore[no-any-return]


def _day(since: str) -> str:
    return dateformat.format(datetime.fromisoformat(since), "j M Y")


def _page(domain: SendingDomain) -> str:
    return reverse("admin:accounts_sendingdomain_change", args=[domain.pk])
