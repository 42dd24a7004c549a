"""Domains that projects send from: what to publish in DNS, and what DNS shows of it."""
