"""Limits towards destinations: how many connections and mails each provider gets."""
