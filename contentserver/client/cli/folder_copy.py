"""From the options of `cp` to a copy that runs, and what it says of itself."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

from contentserver.client.cli import failures, upward
from contentserver.client.cli.copying import Copy, Outcome
from contentserver.client.cli.display import Display, display
from contentserver.client.cli.downward import Downward, Unwritable, list_files
from contentserver.client.cli.durable import make_folders
from contentserver.client.cli.manifest import Glance, Job, Manifest
from contentserver.client.cli.names import Place
from contentserver.client.cli.output import homely
from contentserver.client.cli.scanning import LeftOut, scan
from contentserver.client.cli.session import Session
from contentserver.client.cli.summing import summarise


@dataclass(frozen=True, slots=True)
class Route:
    """`folder` of this disk, absolute; the key of `place` is empty or ends with `/`."""

    direction: Literal["up", "down"]
    folder: str
    place: Place
    title: str


def local_folder(text: str) -> str | None:
    """The absolute folder that `./x`, `../x`, `/x`, `~/x`, `.` or `..` means; else None."""
    first = text.replace(os.sep, "/").split("/")[0]
    if first in {".", ".."} or text.startswith("~") or os.path.isabs(text):
        return os.path.abspath(os.path.expanduser(text))
    return None


def copy_folder(session: Session, route: Route) -> int:
    """Returns the exit status: 1 if a file failed, that of the reason if the copy was given up."""
    session.about = route.title
    with ExitStack() as open_now:
        running = _Running(session, route, open_now)
        session.if_stopped = running.way_on
        return running.run()


class _Running:
    def __init__(self, session: Session, route: Route, open_now: ExitStack) -> None:
        self._session, self._route = session, route
        self._options, self._output = session.options, session.output
        self._began = time.monotonic()
        job = Job(
            route.direction, session.client.url, route.folder, route.place.collection,
            route.place.key,
        )  # fmt: skip
        self._manifest_path = os.path.abspath(self._options.manifest or default_manifest(job))
        self._ledger = (
            Glance(self._manifest_path)
            if self._options.dry_run
            else open_now.enter_context(Manifest(self._manifest_path, job))
        )
        hidden = self._output.as_json or self._output.quiet or self._options.dry_run
        self._display: Display = open_now.enter_context(
            display(route.title, self._output.errors, hidden=hidden, note=self._output.warn)
        )
        self._open_now = open_now

    @property
    def way_on(self) -> str:
        where = homely(self._manifest_path)
        return f"the same command goes on where it ended; what is done stands in {where}"

    def run(self) -> int:
        copy: Copy[Any]
        if self._route.direction == "up":
            direction = self._upward()
            copy = self._copy(direction)
            copy.run(direction.looked_up(self._wanted(copy, self._scan())))
        else:
            if not self._options.dry_run:
                make_folders(self._route.folder)
            copy = self._copy(self._downward())
            copy.run(self._wanted(copy, self._listed()))
        self._open_now.close()
        seconds = time.monotonic() - self._began
        summarise(self._output, copy.summary, seconds, self._manifest_path, self._options.dry_run)
        if copy.summary.fatal is not None:
            self._output.complain(copy.summary.fatal)
            self._output.warn(self.way_on)
            return copy.summary.fatal.exit_status
        return failures.FAILED if copy.summary.count("failed") else failures.DONE

    def _copy(self, direction: Any) -> Copy[Any]:
        return Copy(
            direction, self._ledger, self._display, self._tell,
            jobs=self._options.jobs, dry_run=self._options.dry_run,
        )  # fmt: skip

    def _upward(self) -> upward.Upward:
        given = {"media_type": self._options.media_type, "data_subject": self._options.data_subject,
                 "custom": dict(self._options.custom)}  # fmt: skip
        wish = upward.Wish(
            self._route.place.collection, {name: fact for name, fact in given.items() if fact},
            create_only=self._options.no_clobber, checksum=self._options.checksum,
        )  # fmt: skip
        return upward.Upward(self._session.client, self._ledger, wish)

    def _downward(self) -> Downward:
        return Downward(
            self._session.client, self._ledger, self._route.place.collection, self._route.folder,
            clobber=not self._options.no_clobber, checksum=self._options.checksum,
        )  # fmt: skip

    def _scan(self) -> list[Any]:
        return list(
            scan(self._route.folder, self._route.place.key, follow=self._options.follow_links)
        )

    def _listed(self) -> list[Any]:
        place = self._route.place
        return list(
            list_files(self._session.client, place.collection, place.key, self._route.folder)
        )

    def _wanted(self, copy: Copy[Any], found: list[Any]) -> Iterator[Any]:
        """Files; what cannot be copied is settled on the way."""
        files = [one for one in found if not isinstance(one, LeftOut | Unwritable)]
        self._display.expect(len(found), sum(file.size for file in files))
        for one in found:
            if isinstance(one, LeftOut):
                state: Literal["failed", "skipped"] = "failed" if one.wrong else "skipped"
                copy.settled(Outcome(one.relative, state, error=one.reason))
            elif isinstance(one, Unwritable):
                copy.settled(Outcome(one.key, "failed", error=one.reason))
            else:
                yield one

    def _tell(self, outcome: Outcome) -> None:
        if self._output.as_json:
            self._output.answer(outcome.as_json())
        elif outcome.state == "failed" or (outcome.state == "skipped" and not self._output.quiet):
            self._display.note(f"{outcome.state} {outcome.key}: {outcome.error}")
        elif outcome.state == "planned":
            self._output.answer({}, f"would copy {outcome.key}")


def default_manifest(job: Job) -> str:
    """A file of its own for each copy, told by the folder's name and by what is copied where."""
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    told = f"{job.direction}\n{job.url}\n{job.folder}\n{job.collection}\n{job.prefix}"
    name = os.path.basename(job.folder) or "root"
    digest = hashlib.sha256(os.fsencode(told)).hexdigest()[:12]
    return os.path.join(home, "contentctl", f"{name[:80]}-{job.direction}-{digest}.jsonl")
