"""`make run`: everything on one machine, with nothing to set up and nothing left behind."""
