"""From an email's row to subject, HTML and text: at acceptance to check, at delivery to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from emails.headers import UnsafeHeader, check_header_text
from emails.models import TemplateVersion
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


class Source(Protocol):
    """What is rendered: an Email, saved or not, or what delivery knows of it."""

    @property
    def subject(self) -> str: ...
    @property
    def html_body(self) -> str: ...
    @property
    def text_body(self) -> str: ...
    @property
    def variables(self) -> dict[str, Any]: ...
    @property
    def template_version(self) -> TemplateVersion | None: ...


def render(email: Source) -> Rendered:
    """Return the email's content. Raises MissingVariables or RenderFailed."""
    rendered = render_without_text(email)
    return rendered if rendered.text else replace(rendered, text=text_from_html(rendered.html))


def render_without_text(email: Source) -> Rendered:
    """Like `render`, but spares the cost of making a text of the HTML where none was written."""
    version = email.template_version
    if version is None:
        return Rendered(email.subject, email.html_body, email.text_body)
    return _render_template(version, email)


def _render_template(version: TemplateVersion, email: Source) -> Rendered:
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


def _text(version: TemplateVersion, part: CompiledPart, email: Source) -> str:
    if not version.text_body.strip():
        return ""
    return part.render(email.variables, trusted={"body": text_from_html(email.html_body)})
