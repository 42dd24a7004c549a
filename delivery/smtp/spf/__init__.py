"""Sender Policy Framework (RFC 7208): which addresses a domain lets send its mail."""

from delivery.smtp.spf.evaluation import SpfAnswer, SpfResult, evaluate

__all__ = ["SpfAnswer", "SpfResult", "evaluate"]
