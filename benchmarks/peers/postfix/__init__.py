"""A private Postfix that relays all it is given to a sink."""
