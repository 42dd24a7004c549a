"""Files: stored once, served safely."""
