"""What can go wrong with a template: it does not compile, or it does not render."""


class TemplateInvalid(Exception):
    """The source does not compile; `line` counts from 1, None where no line is to blame."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.message = message
        self.line = line


class RenderFailed(Exception):
    """The template compiled, but these variables make it too large, too slow or meaningless."""
