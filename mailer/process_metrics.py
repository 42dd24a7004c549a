"""Lets the processes of one web server count together, whichever of them is asked.

prometheus-client does it through files that all of them map into memory (docs/adr/0009-metrics.md).
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client reads it when it is imported


def share_counts() -> None:
    """Have this process count in the folder of its server; before anything imports metrics.

    The server is the parent process. Where the library is there already (`manage.py runserver`),
    or the folder can't be made, this process counts by itself.
    """
    if "prometheus_client" in sys.modules:
        return
    folder = settings.METRICS_ROOT / str(os.getppid())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        forget_ended_servers(settings.METRICS_ROOT)
    except OSError as error:
        logger.warning("web processes count each by itself: %s", error)
    else:
        os.environ[VARIABLE] = str(folder)


def forget_ended_servers(root: Path) -> None:
    """Remove the folders of web servers that do not run any more."""
    for folder in root.iterdir():
        if folder.name.isdecimal() and not _runs(int(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)  # another process may be at it


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, as somebody else
        return True
    return True
