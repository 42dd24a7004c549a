"""The page that asks staff before something that can't be taken back is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, what a yes brings, and what stands on the button."""

    title: str
    consequence: str
    button: str


def confirmation_page(
    admin: Any, request: HttpRequest, row: Model, question: Question
) -> TemplateResponse:
    """Return a page whose button posts back to the same address."""
    opts = admin.opts
    url_name = f"{admin.admin_site.name}:{opts.app_label}_{opts.model_name}_change"
    context = admin.admin_site.each_context(request) | {
        "opts": opts,
        "original": row,
        "title": question.title,
        "question": question,
        "back_url": reverse(url_name, args=[row.pk]),
    }
    request.current_app = admin.admin_site.name
    return TemplateResponse(request, "admin/confirm.html", context)
