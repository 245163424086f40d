"""`contentctl stage`: the bytes up and durable, but no version yet; `commit` makes it one."""

import shlex

from contentserver.client import Upload, errors
from contentserver.client.cli import failures, wishes
from contentserver.client.cli.output import human_size
from contentserver.client.cli.parser import Command, Parser, Usage, add_facts, place
from contentserver.client.cli.session import Session
from contentserver.client.cli.showing import transfer

EXAMPLES = """  contentctl stage film.mkv films/2026/film.mkv
  contentctl stage film.mkv --resume https://files.example.org/v1/uploads/2c1f…
  contentctl commit https://files.example.org/v1/uploads/2c1f…"""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE", help="what to send; - is the standard input")
    parser.add_argument("place", metavar="COLLECTION/KEY", type=place, nargs="?")
    parser.add_argument("--resume", metavar="UPLOAD", help="go on with an upload that was stopped")
    add_facts(parser)


def run(session: Session) -> int:
    options = session.options
    data, size = session.source(options.file)
    upload = _upload(session, size)
    way_on = f"go on with: contentctl stage {shlex.quote(options.file)} --resume {upload.url}"
    session.if_stopped = way_on
    session.output.remark(f"upload {upload.url}")
    try:
        with transfer(session, options.file, size) as told:
            upload.send(data, progress=told)
    except (errors.Unreachable, errors.Unavailable):
        session.output.warn(way_on)
        raise
    facts = {"upload": upload.url, "offset": upload.offset, "length": upload.length}
    session.output.answer(facts, f"staged {human_size(upload.offset)}  {upload.url}")
    session.output.remark(f"make it a version: contentctl commit {upload.url}")
    return failures.DONE


def _upload(session: Session, size: int | None) -> Upload:
    options = session.options
    if (options.place is None) == (options.resume is None):
        raise Usage("give either where it goes, collection/key, or --resume and the upload")
    if options.resume is not None:
        session.about = options.resume
        return session.client.upload(options.resume)
    where = wishes.place_for(options.place, options.file)
    session.about = str(where)
    facts = wishes.facts(options, where)
    return session.client.stage(where.collection, where.key, size=size, **facts)


COMMAND = Command("stage", "send a file that becomes no version yet", EXAMPLES, add_arguments, run)
