"""One part of a template (subject, HTML or text): compiled once, rendered many times."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.utils.safestring import mark_safe

from .engine import LimitedTemplate, compile_source
from .errors import RenderFailed
from .limits import Limits, Meter
from .required import required_names
from .values import Json, RenderContext

LIMITS = Limits()
COMPILED_KEPT = 256
UNFIT = (ValueError, TypeError, AttributeError, ArithmeticError, LookupError, RecursionError)
TRUSTED_NAMES = frozenset({"body"})  # given by us, when a template is a layout


@dataclass(frozen=True, slots=True)
class Filled:
    """A part with variables put in, and the names of those that it printed empty."""

    text: str
    missing: frozenset[str]


class CompiledPart:
    """A part that compiles. Threads may share it."""

    def __init__(self, template: LimitedTemplate, *, html: bool) -> None:
        self._template = template
        self.html = html

    def render(
        self,
        variables: Mapping[str, Json],
        *,
        trusted: Mapping[str, str] | None = None,
        limits: Limits = LIMITS,
    ) -> str:
        """The text. In HTML, variables are escaped, and `trusted` is inserted as it is.

        What is missing is empty (ask `missing_variables` before). Raises RenderFailed.
        """
        return self.fill(variables, trusted=trusted, limits=limits).text

    def missing(
        self,
        variables: Mapping[str, Json],
        *,
        trusted: Iterable[str] = TRUSTED_NAMES,
        limits: Limits = LIMITS,
    ) -> frozenset[str]:
        """The names that rendering with these variables would print empty. Raises RenderFailed."""
        return self.fill(variables, trusted=dict.fromkeys(trusted, ""), limits=limits).missing

    def required_variables(self) -> frozenset[str]:
        """The names that some branch of the template needs: what an author has to be told.

        `missing` is exact for one email; this is for all, so it takes every branch but those
        that are there only if the name is (`{% if name %}{{ name }}{% endif %}`).
        """
        return required_names(self._template.nodelist) - TRUSTED_NAMES

    def fill(
        self,
        variables: Mapping[str, Json],
        *,
        trusted: Mapping[str, str] | None = None,
        limits: Limits = LIMITS,
    ) -> Filled:
        """What `render` and `missing` tell, in one rendering. Raises RenderFailed."""
        safe = {name: mark_safe(text) for name, text in (trusted or {}).items()}  # noqa: S308
        context = RenderContext({**variables, **safe}, variables, Meter(limits), html=self.html)
        try:
            text = self._template.render(context)
        except UNFIT as error:
            raise RenderFailed(f"These variables do not fit the template: {error}") from error
        # A copy without Django's mark, which would make it trusted wherever it goes next.
        return Filled("".join(["", text]), frozenset(context.missing))


def compile_part(source: str, *, html: bool) -> CompiledPart:
    """Compile Django template language, kept to listed tags and filters.

    `html` escapes what is printed; a subject and a text part take it as it is. Raises
    TemplateInvalid with the line.
    """
    return _compile(source, html)


def missing_variables(
    parts: Iterable[CompiledPart], variables: Mapping[str, Json], *, limits: Limits = LIMITS
) -> list[str]:
    """All names, sorted and dotted (`items.1.price`), that these parts print and do not get.

    Found by rendering, so exactly those of the branches that this email takes. Optional are
    names in conditions, in `firstof`, with `default` or `default_if_none`. Raises RenderFailed.
    """
    return sorted(set().union(*(part.missing(variables, limits=limits) for part in parts)))


@lru_cache(maxsize=COMPILED_KEPT)
def _compile(source: str, html: bool) -> CompiledPart:
    return CompiledPart(compile_source(source), html=html)
