"""Limits towards destinations: how many connections and mails each provider gets."""

from delivery.destinations.configured import configured_budget

__all__ = ["configured_budget"]
