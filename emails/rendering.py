"""From an email's row to subject, HTML and text: at acceptance to check, at delivery to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from emails.headers import UnsafeHeader, check_header_text
from emails.inlining import inline_css
from emails.models import TemplateVersion
from emails.plaintext import text_from_html
from emails.styled_templates import fill_inlined
from emails.templating import LIMITS, Filled, Json, Limits, RenderFailed, compile_part

__all__ = [
    "MissingVariables",
    "RenderFailed",
    "Rendered",
    "render",
    "render_to_send",
    "render_without_text",
]


class MissingVariables(Exception):
    """The template needs variables that did not come; `names` lists all of them."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the reader is told, before links are tracked."""

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


class FillHtml(Protocol):
    """Puts variables into the source of an HTML part."""

    def __call__(
        self,
        source: str,
        variables: Mapping[str, Json],
        *,
        trusted: Mapping[str, str],
        limits: Limits,
    ) -> Filled: ...


def render_to_send(email: Source, limits: Limits = LIMITS) -> Rendered:
    """Return the email's content, its CSS inlined. Raises MissingVariables or RenderFailed.

    A text that nobody wrote is made of the HTML, without what its CSS hides.
    """
    version = email.template_version
    if version is None:
        content = Rendered(email.subject, inline_css(email.html_body), email.text_body)
    else:
        content = _render_template(version, email, fill_inlined, limits)
    return content if content.text else replace(content, text=text_from_html(content.html))


def render(email: Source) -> Rendered:
    """Like `render_to_send`, but with the HTML as it is before its CSS is inlined."""
    return replace(render_to_send(email), html=render_without_text(email).html)


def render_without_text(email: Source) -> Rendered:
    """Like `render`, but spares the cost of making a text where none was written."""
    version = email.template_version
    if version is None:
        return Rendered(email.subject, email.html_body, email.text_body)
    return _render_template(version, email, _fill_html, LIMITS)


def _fill_html(
    source: str, variables: Mapping[str, Json], *, trusted: Mapping[str, str], limits: Limits
) -> Filled:
    return compile_part(source, html=True).fill(variables, trusted=trusted, limits=limits)


def _render_template(
    version: TemplateVersion, email: Source, fill_html: FillHtml, limits: Limits
) -> Rendered:
    # Without a body of its own the email may have a variable of that name, like any other.
    trusted = {"body": email.html_body} if email.html_body else {}
    html = fill_html(version.html_body, email.variables, trusted=trusted, limits=limits)
    subject = email.subject or _fill_text(version.subject, email, limits)
    text = email.text_body or _fill_text(version.text_body, email, limits)
    parts = [part for part in (html, subject, text) if isinstance(part, Filled)]
    if missing := set().union(*(part.missing for part in parts)):
        raise MissingVariables(sorted(missing))
    return Rendered(
        _subject(subject.text) if isinstance(subject, Filled) else subject,
        html.text,
        text.text if isinstance(text, Filled) else text,
    )


def _fill_text(source: str, email: Source, limits: Limits) -> Filled:
    if not source.strip():
        return Filled("", frozenset())
    shows_body = email.html_body and "body" in source
    trusted = {"body": text_from_html(email.html_body)} if shows_body else {}
    return compile_part(source, html=False).fill(email.variables, trusted=trusted, limits=limits)


def _subject(rendered: str) -> str:
    """A subject is one line: a variable must not smuggle in another header."""
    subject = rendered.strip()
    try:
        check_header_text(subject)
    except UnsafeHeader as error:
        raise RenderFailed(f"the subject is not one clean line: {error}") from None
    return subject
