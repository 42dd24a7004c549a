"""A clock that tests set."""


class Clock:
    """Goes on by what is added to it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
