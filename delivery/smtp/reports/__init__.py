"""What a mail that came back says: a bounce, a complaint, an automatic answer, or nothing clear."""

from .reading import read_complaint, read_report
from .report import Kind, Original, Report

__all__ = ["Kind", "Original", "Report", "read_complaint", "read_report"]
