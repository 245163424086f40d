"""`contentctl versions`: every version of a file, oldest first."""

from typing import Any

from contentserver.client import VersionInfo
from contentserver.client.cli import failures
from contentserver.client.cli.facts import plain
from contentserver.client.cli.output import human_size
from contentserver.client.cli.parser import Command, Parser, one_file
from contentserver.client.cli.session import Session

EXAMPLES = """  contentctl versions photos/2026/scan-0001.tif
  contentctl versions photos/2026/scan-0001.tif --json | jq -r 'select(.deleted | not).version'"""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("place", metavar="COLLECTION/KEY", type=one_file)


def run(session: Session) -> int:
    place = session.options.place
    session.about = str(place)
    for version in session.client.versions(place.collection, place.key):
        session.output.answer(plain(version), _line(version, plain(version)))
    return failures.DONE


def _line(version: VersionInfo, facts: dict[str, Any]) -> str:
    state = "deleted" if version.deleted else human_size(version.size or 0)
    number = version.version or ("legacy" if version.from_legacy else "?")
    digest = "" if version.deleted else version.sha256 or ""
    return f"{number:<10} {facts['committed_at'] or '':<20} {state:>10}  {digest}".rstrip()


COMMAND = Command("versions", "list the versions of a file", EXAMPLES, add_arguments, run)
