"""What a template makes of sample values: the small page in the frame beside the form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from emails.admin.template_form import compiled
from emails.framing import framed
from emails.inlining import inline_css
from emails.samples import sample_variables
from emails.templating import RenderFailed, TemplateInvalid, missing_variables

STAND_IN = '<p style="padding:24px;border:2px dashed #aaa">The body of the request</p>'


@dataclass(frozen=True, slots=True)
class Preview:
    """A rendered template, or the problem that kept it from being one."""

    subject: str = ""
    document: str = ""
    missing: tuple[str, ...] = ()
    problem: str = ""


def preview_page(values: dict[str, str], sample: str = "") -> str:
    """Return an HTML page; `values` holds the parts, `sample` JSON or "" for made-up values."""
    return render_to_string(
        "admin/emails/template/preview.html", {"preview": _preview(values, sample)}
    )


def required_variables(values: dict[str, str]) -> list[str]:
    """Return the names that a request has to give, sorted; none where a part does not compile."""
    try:
        parts = compiled(values)
    except TemplateInvalid:
        return []
    return sorted(frozenset[str]().union(*(part.required_variables() for part in parts)))


def _preview(values: dict[str, str], sample: str) -> Preview:
    try:
        return _rendered(values, sample)
    except TemplateInvalid as error:
        return Preview(problem=f"The template has a mistake: {error}.")
    except RenderFailed as error:
        return Preview(problem=f"It can't be rendered with these sample values: {error}")
    except (ValueError, RecursionError) as error:
        return Preview(problem=f"The sample values can't be read as JSON: {error}.")


def _rendered(values: dict[str, str], sample: str) -> Preview:
    parts = compiled(values)
    variables = _object(sample) if sample.strip() else sample_variables(parts)
    subject, html, _ = parts
    return Preview(
        subject=subject.render(variables),
        document=framed(inline_css(html.render(variables, trusted={"body": STAND_IN}))),
        missing=tuple(missing_variables(parts, variables)),
    )


def _object(sample: str) -> dict[str, Any]:
    variables = json.loads(sample)
    if not isinstance(variables, dict):
        raise ValueError('begin with { and end with }, like {"name": "Ann"}')
    return variables
