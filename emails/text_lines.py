"""Lines of plain text in the making: words, breaks between them, and what each line begins with."""

DEEPEST_INDENT = 5  # quotes and lists within each other; more would grow with the square


class TextLines:
    """Collects words as a browser lays them out: spaces collapse, and so do breaks.

    Nothing is written before there is a word to write: neither a break, nor a space, nor the
    mark of an item. So an empty element leaves no trace, and no line ends in a space.
    """

    __slots__ = (
        "_breaks",
        "_glue",
        "_indents",
        "_mark",
        "_marked_depth",
        "_pieces",
        "_prefix",
        "_written_prefix",
    )

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._breaks = 0
        self._glue = ""
        self._indents: list[str] = []
        self._prefix = self._written_prefix = ""
        self._mark, self._marked_depth = "", 0

    @property
    def place(self) -> int:
        """Where the next word will be, for `since`."""
        return len(self._pieces)

    def since(self, place: int) -> str:
        """The words from there on, on one line."""
        return " ".join("".join(self._pieces[place:]).split())

    def breaks_since(self, place: int) -> bool:
        """Whether the words from there on stand on more than one line, or what follows will."""
        # The first piece may be the break before them.
        return self._breaks > 0 or any("\n" in piece for piece in self._pieces[place + 1 :])

    def text(self) -> str:
        """All of it with a line end, or "" if there were no words."""
        return "".join([*self._pieces, "\n"]) if self._pieces else ""

    def add(self, text: str) -> None:
        """Write the words of `text`; space around them is space between them and others."""
        words = text.split()
        if not words:
            self._glue = self._glue or " "
            return
        if text[0].isspace():
            self._glue = self._glue or " "
        self._put(" ".join(words))
        if text[-1].isspace():
            self._glue = " "

    def add_as_written(self, text: str) -> None:
        """Write lines with their spaces."""
        for number, line in enumerate(text.split("\n")):
            if number:
                self.end_line()
            if words := line.rstrip():
                self._put(words)
                self._glue = line[len(words) :]

    def append(self, word: str) -> None:
        """Write a word right behind the last one, even if a break was asked for since."""
        breaks, self._breaks = self._breaks, 0
        after = self._glue
        self._glue = " " if self._pieces else ""
        self._put(word)
        self._breaks, self._glue = breaks, after

    def end_line(self) -> None:
        """Break here; a second break leaves one empty line, more add nothing."""
        self._breaks = min(self._breaks + 1, 2)

    def separate(self, breaks: int) -> None:
        """See to it that at least so many breaks (1, or 2 for an empty line) are here."""
        self._breaks = max(self._breaks, breaks)

    def join(self, glue: str) -> None:
        """Put `glue` before the next word, if that stands on the line of the last one."""
        self._glue = glue

    def indent(self, prefix: str, mark: str = "") -> None:
        """Begin each line with `prefix` until `dedent`; the first one with `mark` instead."""
        if len(self._indents) >= DEEPEST_INDENT:
            prefix = ""
        if mark:
            self._mark, self._marked_depth = self._prefix + mark, len(self._indents) + 1
        self._indents.append(prefix)
        self._prefix = "".join(self._indents)

    def dedent(self) -> None:
        """Undo the last `indent`."""
        if self._indents:
            self._indents.pop()
        self._prefix = "".join(self._indents)
        if len(self._indents) < self._marked_depth:
            self._mark = ""

    def _put(self, words: str) -> None:
        if self._breaks or not self._pieces:
            self._begin_line()
        elif self._glue:
            self._pieces.append(self._glue)
        self._glue = ""
        self._pieces.append(words)

    def _begin_line(self) -> None:
        if self._pieces:
            between = min(self._prefix, self._written_prefix, key=len).rstrip()
            self._pieces.append("\n" if self._breaks == 1 else f"\n{between}\n")
        if start := self._mark or self._prefix:
            self._pieces.append(start)
        self._breaks, self._mark, self._written_prefix = 0, "", self._prefix
