"""Templates by authors who are not trusted: compile, say what is missing, render within limits."""

from .errors import RenderFailed, TemplateInvalid
from .limits import Limits
from .parts import LIMITS, CompiledPart, Filled, compile_part, missing_variables
from .values import Json

__all__ = [
    "LIMITS",
    "CompiledPart",
    "Filled",
    "Json",
    "Limits",
    "RenderFailed",
    "TemplateInvalid",
    "compile_part",
    "missing_variables",
]
