"""The least that Django can do: a ModelSerializer view with two inserts, a view with one."""
