"""From an email's row to subject, HTML and text: at acceptance to check, at delivery to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from emails.headers import UnsafeHeader, check_header_text
from emails.models import Email, TemplateVersion
from emails.plaintext import text_from_html
from emails.templating import CompiledPart, RenderFailed, compile_part, missing_variables

__all__ = ["MissingVariables", "RenderFailed", "Rendered", "render", "render_without_text"]


class MissingVariables(Exception):
    """The template needs variables that did not come; `names` lists all of them."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the reader is told, before CSS is inlined and links are tracked."""

    subject: str
    html: str
    text: str


def render(email: Email) -> Rendered:
    """Return the email's content. Raises MissingVariables or RenderFailed."""
    rendered = render_without_text(email)
    return rendered if rendered.text else replace(rendered, text=text_from_html(rendered.html))


def render_without_text(email: Email) -> Rendered:
    """Like `render`, but spares the cost of making a text of the HTML where none was written."""
    version = email.template_version
    if version is None:
        return Rendered(email.subject, email.html_body, email.text_body)
    return _render_template(version, email)


def _render_template(version: TemplateVersion, email: Email) -> Rendered:
    subject = compile_part(version.subject, html=False)
    html = compile_part(version.html_body, html=True)
    text = compile_part(version.text_body, html=False)
    wanted = [html] + [
        part for part, own in ((subject, email.subject), (text, email.text_body)) if not own
    ]
    if missing := missing_variables(wanted, email.variables):
        raise MissingVariables(missing)
    return Rendered(
        email.subject or _subject(subject, email.variables),
        html.render(email.variables, trusted={"body": email.html_body}),
        email.text_body or _text(version, text, email),
    )


def _subject(part: CompiledPart, variables: Mapping[str, Any]) -> str:
    """A subject is one line: a variable must not smuggle in another header."""
    subject = part.render(variables).strip()
    try:
        check_header_text(subject)
    except UnsafeHeader as error:
        raise RenderFailed(f"the subject is not one clean line: {error}") from None
    return subject


def _text(version: TemplateVersion, part: CompiledPart, email: Email) -> str:
    if not version.text_body.strip():
        return ""
    return part.render(email.variables, trusted={"body": text_from_html(email.html_body)})
