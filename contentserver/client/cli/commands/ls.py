"""`contentctl ls`: files of a collection, from the control plane."""

from typing import Any

from contentserver.client import FileEntry
from contentserver.client.cli import failures
from contentserver.client.cli.facts import plain
from contentserver.client.cli.output import counted, human_size
from contentserver.client.cli.parser import Command, Parser, place
from contentserver.client.cli.session import Session

EXAMPLES = """  contentctl ls photos/2026/
  contentctl ls photos --long
  contentctl ls photos/2026/ --json | jq -r 'select(.size > 1e9).key'

In the order of keys; with --json newest first, as they come. A file just stored is in the list
within a second."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("place", metavar="COLLECTION/PREFIX", type=place)
    parser.add_argument("--long", "-l", action="store_true", help="with version, size and time")
    parser.add_argument("--deleted", action="store_true", help="files whose latest version is a "
                        "delete marker instead")  # fmt: skip


def run(session: Session) -> int:
    options = session.options
    session.about = str(options.place)
    found = session.client.list(
        options.place.collection, options.place.key, deleted=options.deleted
    )
    if options.json:
        for entry in found:
            session.output.answer(plain(entry))
        return failures.DONE
    entries = sorted(found, key=lambda entry: entry.key)
    for entry in entries:
        session.output.answer({}, _long(entry, plain(entry)) if options.long else _short(entry))
    size = human_size(sum(entry.size for entry in entries))
    session.output.remark(f"{counted(len(entries), 'file')}, {size}")
    return failures.DONE


def _short(entry: FileEntry) -> str:
    return f"{entry.collection}/{entry.key}"


def _long(entry: FileEntry, facts: dict[str, Any]) -> str:
    size = "deleted" if entry.deleted else human_size(entry.size)
    return f"{entry.version:<10} {facts['committed_at']} {size:>10}  {_short(entry)}"


COMMAND = Command("ls", "list files of a collection", EXAMPLES, add_arguments, run)
