"""`contentctl put`: one file up, durable when it returns."""

from dataclasses import asdict

from contentserver.client import Stored
from contentserver.client.cli import failures, wishes
from contentserver.client.cli.output import Output, human_size
from contentserver.client.cli.parser import (
    Command,
    Parser,
    add_conditions,
    add_facts,
    place,
)  # fmt: skip
from contentserver.client.cli.session import Session
from contentserver.client.cli.showing import transfer

EXAMPLES = """  contentctl put scan-0001.tif photos/2026/scan-0001.tif
  contentctl put scan-0001.tif photos/2026/ --create-only
  pg_dump library | contentctl put - backups/library.sql --media-type application/sql"""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE", help="what to store; - is the standard input")
    parser.add_argument(
        "place", metavar="COLLECTION/KEY", type=place, help="where; a prefix keeps the file's name"
    )
    add_facts(parser)
    add_conditions(parser)


def run(session: Session) -> int:
    options = session.options
    place = wishes.place_for(options.place, options.file)
    session.about = str(place)
    session.if_stopped = "the same command begins again; equal bytes make no second version"
    given = {**wishes.facts(options, place), **wishes.conditions(options)}
    data, size = session.source(options.file)
    with transfer(session, str(place), size) as told:
        stored = session.client.put(place.collection, place.key, data, progress=told, **given)
    show_stored(session.output, stored)
    return failures.DONE


def show_stored(output: Output, stored: Stored) -> None:
    """The same for whatever made a version."""
    said = "stored" if stored.created else "unchanged"
    facts = {**asdict(stored), "state": said}
    output.answer(
        facts,
        f"{said} {stored.collection}/{stored.key}  version {stored.version}  "
        f"{human_size(stored.size)}  sha256 {stored.sha256}",
    )


COMMAND = Command("put", "store a file as the next version", EXAMPLES, add_arguments, run)
