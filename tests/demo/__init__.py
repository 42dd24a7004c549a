"""`make demo-mx`: the built-in mail server among mail servers of others, on one machine."""
