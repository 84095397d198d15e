"""What was once found out of files and machines, kept in a JSON file of the cache folder."""

import json
from pathlib import Path
from typing import Any

from store.files.atomic import replacing


class Remembered:
    """Values by name in the file `name` of the folder `cache`. Without a folder, nothing is remembered."""

    def __init__(self, cache: Path | None, name: str):
        self._path = None if cache is None else cache / name

    def get(self, key: str) -> Any:
        """Return the value of `key`, None if there is none or the file cannot be read."""
        return self._read().get(key)

    def put(self, key: str, value: Any) -> None:
        """Keep `value`; where the file cannot be written it is found out again next time."""
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._path) as aside:
                aside.write_text(json.dumps(self._read() | {key: value}, indent=1), encoding="utf-8")
        except OSError:
            return

    def _read(self) -> dict[str, Any]:
        try:
            if self._path is None or not self._path.is_file():
                return {}
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}
