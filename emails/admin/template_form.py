"""The form in which staff write a template; saving it makes a new version."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from emails.headers import UnsafeHeader, check_header_text
from emails.models import Template, TemplateVersion
from emails.samples import sample_variables
from emails.templating import CompiledPart, TemplateInvalid, compile_part

PARTS = ("subject", "html_body", "text_body")
FIRST_HTML = "<p>Hello {{ name }},</p>\n"


class CodeWidget(UnfoldAdminTextareaWidget):  # type: ignore[misc]  # unfold has no types
    """A text area for code: every character as wide as the next, nothing corrected."""

    def __init__(self, rows: int) -> None:
        super().__init__(
            attrs={
                "rows": rows,
                "class": "staff-editor",
                "spellcheck": "false",
                "autocapitalize": "off",
                "wrap": "off" if rows > 12 else "soft",
            }
        )


class TextField(forms.CharField):
    """Text as it was typed, with the line ends of everybody but browsers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)

    def to_python(self, value: Any) -> str:
        """Return the text with `\\n`: an unchanged text must compare equal."""
        return (super().to_python(value) or "").replace("\r\n", "\n")


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    """Name and project of a template, and what its newest version says."""

    subject = forms.CharField(
        max_length=998,
        widget=UnfoldAdminTextInputWidget,
        help_text="The line that readers see in their list of mail. "
        "Write {{ name }} where something comes from the program that sends, such as a name.",
    )
    html_body = TextField(
        label="HTML",
        widget=CodeWidget(20),
        help_text="The mail as most readers see it. {{ name }} is replaced by what the program "
        "gives; {% if name %}…{% endif %} shows a piece only where there is a name; "
        "{% for item in items %}…{% endfor %} repeats a piece. A style block is welcome: its "
        "rules are copied into the elements, for mail programs that ignore it.",
    )
    text_body = TextField(
        label="Text",
        required=False,
        widget=CodeWidget(8),
        help_text="For readers without HTML. Left empty, it is made from the HTML.",
    )
    sample = TextField(
        label="Sample values",
        required=False,
        widget=CodeWidget(8),
        help_text="Values for the preview alone, as JSON. They are not saved and sent to nobody.",
    )

    class Meta:
        model = Template
        fields = ["project", "name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        version = self.instance.current if self.instance.pk else None
        if version:
            said = parts_of(version)
            self.initial.update(said, sample=sample_text(said))
        else:
            self.initial.setdefault("html_body", FIRST_HTML)

    def clean_subject(self) -> str:
        """Refuse what can't be one clean line of a header."""
        subject: str = self.cleaned_data["subject"]
        try:
            check_header_text(subject)
        except UnsafeHeader as error:
            raise ValidationError(str(error)) from None
        return _checked(subject, html=False)

    def clean_html_body(self) -> str:
        """Refuse what does not compile."""
        return _checked(self.cleaned_data["html_body"], html=True)

    def clean_text_body(self) -> str:
        """Refuse what does not compile."""
        return _checked(self.cleaned_data["text_body"], html=False)

    def clean_sample(self) -> str:
        """Take anything: what is wrong with it concerns the preview alone."""
        return str(self.cleaned_data["sample"])


def _checked(source: str, *, html: bool) -> str:
    try:
        compile_part(source, html=html)
    except TemplateInvalid as error:
        line = f"Line {error.line}: " if error.line else ""
        raise ValidationError(f"{line}{error.message}", code="template") from None
    return source


def parts_of(version: TemplateVersion) -> dict[str, str]:
    """Return the three parts of a version, as the form names them."""
    return {part: getattr(version, part) for part in PARTS}


def compiled(values: dict[str, str]) -> list[CompiledPart]:
    """Return the three parts. Raises TemplateInvalid."""
    return [compile_part(values.get(part, ""), html=part == "html_body") for part in PARTS]


def sample_text(values: dict[str, str]) -> str:
    """Return made-up variables for a template that compiles, as JSON that staff can edit."""
    return json.dumps(sample_variables(compiled(values)), indent=2, ensure_ascii=False)
