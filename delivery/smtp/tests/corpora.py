"""Test data of other projects, read from their source distributions, which `make` fetches.

It is theirs, so it is no part of this repository.
"""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path, PurePath

FOLDER = Path(sys.prefix) / "corpus"  # in the virtual environment


def files_of(distribution: str, pattern: str) -> dict[str, bytes]:
    """Return the files whose path fits a pattern, by their name without its ending.

    Raises FileNotFoundError where the distribution was not fetched.
    """
    found = sorted(FOLDER.glob(f"{distribution}-*.tar.gz"))
    if not found:
        raise FileNotFoundError(f"no source distribution of {distribution}: run `make test`")
    with tarfile.open(found[-1]) as archive:
        return {
            path.stem: archive.extractfile(member).read()
            for member in archive.getmembers()
            if (path := PurePath(member.name)).match(pattern)
        }
