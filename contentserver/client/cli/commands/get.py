"""`contentctl get`: one file down, compared with its digest."""

import os
from pathlib import Path

from contentserver.client import FileInfo
from contentserver.client.cli import failures, wishes
from contentserver.client.cli.facts import info_facts
from contentserver.client.cli.output import human_size
from contentserver.client.cli.parser import Command, Parser, Usage, add_version, one_file
from contentserver.client.cli.session import STREAM, Session
from contentserver.client.cli.showing import transfer

EXAMPLES = """  contentctl get photos/2026/scan-0001.tif
  contentctl get photos/2026/scan-0001.tif old.tif --version 2025.3
  contentctl get backups/library.sql - | psql library

With - the bytes come before their digest can be compared: exit status 6 says that they are damaged.
With - and --json the object goes to the standard error."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("place", metavar="COLLECTION/KEY", type=one_file)
    parser.add_argument(
        "file", metavar="FILE", nargs="?",
        help="where to; a folder keeps the key's last name, - is the standard output, nothing is "
        "the folder you are in",
    )  # fmt: skip
    add_version(parser)


def run(session: Session) -> int:
    options = session.options
    session.about = str(options.place)
    if options.file == STREAM:
        return _to_stream(session)
    name = options.place.key.rpartition("/")[2]
    path = options.file or name
    path = os.path.join(path, name) if os.path.isdir(path) else path
    if path.endswith("/"):
        raise Usage(f"{path} is no folder: make it first, or leave the / out")
    session.if_stopped = f"{path} was not touched; the same command goes on with what has come"
    with transfer(session, name, None) as told:
        info = session.client.download(
            options.place.collection, options.place.key, Path(path), progress=told,
            **wishes.which(options),
        )  # fmt: skip
    session.output.answer(
        {**info_facts(info), "file": path}, f"{path}  {_said(info, os.path.getsize(path))}"
    )
    return failures.DONE


def _to_stream(session: Session) -> int:
    options, size = session.options, 0
    session.if_stopped = "what was written is not the whole file"
    place = options.place
    with session.client.get(place.collection, place.key, **wishes.which(options)) as download:
        for piece in download:
            session.stdout.write(piece)
            size += len(piece)
        session.stdout.flush()
        info = download.info
    session.output.beside({**info_facts(info), "file": "-"}, _said(info, size))
    return failures.DONE


def _said(info: FileInfo, size: int) -> str:
    version = f"version {info.version}  " if info.version else ""
    digest = f"sha256 {info.sha256} verified" if info.sha256 else "the server names no sha256"
    return f"{version}{human_size(size)}  {digest}"


COMMAND = Command("get", "fetch a file and compare its digest", EXAMPLES, add_arguments, run)
