"""nginx serving the corpus as plain files: no key, no decryption, no record. The upper bound."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import corpus, processes
from benchmarks.servers.base import Server, Unavailable

TEMPLATE = Path(__file__).parent.parent / "nginx.conf.template"


class Nginx(Server):
    """Two workers, sendfile, keep-alive, open file cache (benchmarks/nginx.conf.template)."""

    name = "nginx, plain files"
    upload_to = "/uploads"

    def start(self) -> None:
        binary = shutil.which("nginx") or shutil.which(
            "nginx", path="/usr/sbin:/usr/local/sbin:/sbin"
        )
        if binary is None:
            raise Unavailable("nginx is not on the PATH")
        files = self.folder / "files"
        files.mkdir(exist_ok=True)
        self.port = processes.free_port()
        configuration = self.folder / "nginx.conf"
        configuration.write_text(
            TEMPLATE.read_text().format(
                workers=2,
                folder=self.folder,
                port=self.port,
                # As root nginx would read the files as another user, who may not enter the folder.
                user="user root;" if os.geteuid() == 0 else "",
                dav="dav_methods PUT; create_full_put_path on;" if has_dav(binary) else "",
            )
        )
        self.upload_to = "/uploads" if has_dav(binary) else ""
        log = self.folder / "nginx.log"
        self.process = processes.start(
            [binary, "-p", str(self.folder), "-c", str(configuration)], log
        )
        processes.wait_for_port(self.port, self.process, log)

    def stop(self) -> None:
        processes.stop(self.process, signal.SIGTERM)

    def fill(self, count: int, size: int) -> list[corpus.Target]:
        files = corpus.write_plain(self.folder / "files", count, size)
        return [corpus.Target(f"/{file.name}", file.length, file.sha256) for file in files]

    def pids(self) -> Sequence[int]:
        return [self.process.pid]

    def count_flushes(self, _load: Callable[[], int]) -> float | None:
        return 0.0  # it has no fsync for uploads, nor a setting for one


def has_dav(binary: str) -> bool:
    """Whether this nginx takes PUT."""
    shown = subprocess.run([binary, "-V"], capture_output=True, text=True, check=False)
    return "http_dav_module" in shown.stderr
