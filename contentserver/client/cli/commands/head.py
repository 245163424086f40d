"""`contentctl head`: what a file is, without its bytes."""

from contentserver.client.cli import failures, wishes
from contentserver.client.cli.facts import info_facts, table
from contentserver.client.cli.parser import Command, Parser, add_version, one_file
from contentserver.client.cli.session import Session

EXAMPLES = """  contentctl head photos/2026/scan-0001.tif
  contentctl head photos/2026/scan-0001.tif --as-of 2025
  contentctl head photos/2026/scan-0001.tif --json | jq -r .etag"""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("place", metavar="COLLECTION/KEY", type=one_file)
    add_version(parser)


def run(session: Session) -> int:
    place = session.options.place
    session.about = str(place)
    info = session.client.head(place.collection, place.key, **wishes.which(session.options))
    facts = info_facts(info)
    session.output.answer(facts, *table(facts))
    return failures.DONE


COMMAND = Command("head", "show what a file is", EXAMPLES, add_arguments, run)
