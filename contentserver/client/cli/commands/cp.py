"""`contentctl cp`: folders in both directions, several files at once, resumable."""

import os

from contentserver.client.cli.folder_copy import Route, copy_folder, local_folder
from contentserver.client.cli.names import Place, parse_place
from contentserver.client.cli.parser import Command, Parser, Usage, add_facts, at_least_one
from contentserver.client.cli.session import Session

JOBS = 4
EXAMPLES = """  contentctl cp -r ./scans photos/2026/             its files, below photos/2026/
  contentctl cp -r photos/2026/ ./scans --jobs 8    and back
  contentctl cp -r ./scans photos/2026/ --dry-run   what would be copied
  contentctl cp -r ./scans photos/2026/ --manifest scans.jsonl

Stopped, by whatever: the same command goes on. What is done and unchanged is not sent again."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("source", metavar="FROM", help="./folder, or collection/prefix/")
    parser.add_argument("target", metavar="TO", help="the other of the two")
    parser.add_argument("-r", "--recursive", action="store_true", help="whole folders")
    parser.add_argument(
        "--jobs", "-j", metavar="N", type=at_least_one, default=JOBS,
        help=f"files at once; default {JOBS}",
    )  # fmt: skip
    parser.add_argument("--dry-run", "-n", action="store_true", help="only say what would be done")
    parser.add_argument(
        "--manifest", metavar="FILE",
        help="JSON lines of what is done; default below ~/.local/state/contentctl",
    )  # fmt: skip
    parser.add_argument(
        "--checksum", action="store_true",
        help="read every file again, rather than believe its size and time",
    )  # fmt: skip
    parser.add_argument(
        "--no-clobber", action="store_true", help="leave what is there already and differs"
    )
    parser.add_argument("--follow-links", action="store_true", help="copy what symbolic links "
                        "lead to, on the way up")  # fmt: skip
    add_facts(parser)


def run(session: Session) -> int:
    return copy_folder(session, _route(session))


def _route(session: Session) -> Route:
    options = session.options
    source, target = local_folder(options.source), local_folder(options.target)
    if (source is None) == (target is None):
        both = "two places of the server" if source is None else "two folders of this machine"
        raise Usage(f"{both}: what lies here begins with ./ / or ~, what lies there does not")
    if not options.recursive:
        raise Usage(
            "cp copies whole folders, with -r; for one file: contentctl put, contentctl get"
        )
    title = f"{options.source} → {options.target}"
    if source is not None:
        if not os.path.isdir(source):
            raise Usage(f"{options.source} is no folder here")
        return Route("up", source, _prefix(options.target), title)
    assert target is not None
    return Route("down", target, _prefix(options.source), title)


def _prefix(text: str) -> Place:
    """A place that ends with /: a folder's name is not the beginning of another's."""
    try:
        found = parse_place(text)
    except ValueError as error:
        raise Usage(str(error)) from None
    key = found.key if not found.key or found.key.endswith("/") else f"{found.key}/"
    return Place(found.collection, key)


COMMAND = Command("cp", "copy a whole folder, up or down", EXAMPLES, add_arguments, run)
