"""Documents that change while their index is served: what has changed is indexed, and the new index takes over."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import read_json
from dyag_core.errors import DyagError, UsageError
from dyag_core.records.options import IndexOptions
from dyag_core.retrieval.index import MANIFEST, open_index
from dyag_core.stages.index import index

if TYPE_CHECKING:
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.run import Run
    from dyag_core.serving.arms import ServedArms

#: Seconds between two looks at the documents.
_BETWEEN = 1.0


class Watch:
    """Looks at an index's documents until it is closed. Requests are answered from the old index until the new one is
    there; documents that can't be read leave it where it is.

    Raises:
        UsageError: the index doesn't say what it was made from, or that isn't there.
    """

    def __init__(self, folder: Path, served: ServedArms, plugins: Plugins, run: Run) -> None:
        self._folder, self._served, self._plugins, self._run = folder, served, plugins, run
        manifest = read_json(folder / MANIFEST)
        told = (manifest.get("inputs") or {}).get("documents") or {}
        self._source = folder / str(told.get("path", ""))
        if "path" not in told or not self._source.exists():
            raise UsageError(f"{folder}: the documents it was made from are not there", "serve without --watch")
        options = manifest["options"]
        self._given = IndexOptions(
            retriever=options["retriever"],
            options=options["retriever_options"],
            fields=options.get("fields"),
            update=True,
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="dyag-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        indexed = before = _state(self._source)
        while not self._stop.wait(_BETWEEN):
            now = _state(self._source)
            if now not in (indexed, None) and now == before:  # nobody is still writing
                self._update()
                indexed = now
            before = now

    def _update(self) -> None:
        try:
            index(self._given, source=self._source, output=self._folder, plugins=self._plugins, seed=self._run.seed)
            opened = open_index(self._folder, plugins=self._plugins, run=self._run)
        except (DyagError, OSError) as error:
            self._run.warn(f"{self._source} has changed and can't be indexed, the old index stays: {error}")
            return
        self._served.index = opened
        self._run.progress.message(f"{self._source} has changed: {len(opened.chunks)} passages indexed anew")


def _state(source: Path) -> Any:
    """Changes when a file does; None where the documents are gone."""
    files = sorted(source.rglob("*")) if source.is_dir() else [source]
    try:
        return [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files if file.is_file()] or None
    except OSError:
        return None
