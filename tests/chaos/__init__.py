"""A run in which everything is killed, paused and refused while mail flows, and its ledger."""
