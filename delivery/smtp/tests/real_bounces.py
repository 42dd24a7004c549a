"""Real bounces: the test data in the source distribution of flufl.bounce, which `make` fetches.

They are another's (Apache License 2.0), so they are no part of this repository.
"""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path, PurePath

CORPUS = Path(sys.prefix) / "corpus"  # in the virtual environment


def real_bounces() -> dict[str, bytes]:
    """Return each by its name. FileNotFoundError where they were not fetched."""
    found = sorted(CORPUS.glob("flufl_bounce-*.tar.gz"))
    if not found:
        raise FileNotFoundError(
            f"no source distribution of flufl.bounce in {CORPUS}: run `make test`"
        )
    with tarfile.open(found[-1]) as archive:
        return {
            path.stem: archive.extractfile(member).read()
            for member in archive.getmembers()
            if (path := PurePath(member.name)).match("*/tests/data/*.txt")
        }
