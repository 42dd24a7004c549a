"""Measures the platform beside its peers, in the same run: `python -m benchmarks --list`."""
