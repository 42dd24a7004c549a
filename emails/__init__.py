"""What we accepted, for whom, and what became of it."""
