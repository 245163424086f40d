"""Clients that we did not write, each in a process of its own, and what they reported."""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.environments import quiet_environment, tus_js_client, tuspy_python

_HERE = Path(__file__).parent
_PATIENCE = 3600.0


@dataclass(frozen=True)
class Report:
    """Where the upload lies, and every answer that the client got: method, status, request id."""

    url: str
    answers: list[tuple[str, int, str]]

    def count(self, method: str, status: int) -> int:
        return sum(1 for answer in self.answers if answer[:2] == (method, status))


Uploader = Callable[..., Report]
"""Called with endpoint, headers, metadata, path; returns when the client says that all is there.
AssertionError with what it wrote, if it gave up.
"""


def upload_with_tuspy(**wish: Any) -> Report:
    """In pieces of `chunk_size`, each with its checksum unless `checksum` is false."""
    command = [tuspy_python(), _HERE / "tuspy_worker.py"]
    return _run(command, {"retries": 400, "checksum": True, **wish}, _HERE)


def upload_with_tus_js_client(**wish: Any) -> Report:
    """In one piece, as is the client's default, unless `pieces` says how long they are; after a
    break the rest in one piece again.
    """
    node, folder = tus_js_client()
    command = [node, _HERE / "node" / "worker.mjs"]
    return _run(command, {"retries": 400, **wish, "chunk_size": wish.get("pieces")}, folder)


def _run(command: Sequence[Path | str], wish: dict[str, Any], folder: Path) -> Report:
    done = subprocess.run(
        command,
        input=json.dumps({**wish, "path": str(wish["path"])}),
        capture_output=True,
        text=True,
        cwd=folder,
        env=quiet_environment(),
        timeout=_PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"the client gave up:\n{done.stderr[-3000:]}"
    said = json.loads(done.stdout)
    return Report(said["url"], [(answer[0], answer[1], answer[2]) for answer in said["answers"]])
