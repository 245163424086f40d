"""What a command works with: the client, the streams, and what to say if it is stopped."""

import os
import sys
from argparse import Namespace
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Self

from contentserver.client import Client
from contentserver.client.cli.output import Output
from contentserver.client.cli.profiles import BadSettings, find_settings

STREAM = "-"
"""The standard input, or the standard output."""


class Session:
    """`options` are those of the command line. The client is made when it is first asked for."""

    def __init__(self, options: Namespace, output: Output) -> None:
        self.options, self.output = options, output
        self.if_stopped, self.about = "nothing was changed", ""
        self._client: Client | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    @property
    def client(self) -> Client:
        """Raises BadSettings."""
        if self._client is None:
            try:
                made = Client(**self.settings)
            except ValueError as error:
                raise BadSettings(str(error)) from None
            self._client = self._open.enter_context(made)
        return self._client

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Server and credentials: the arguments of the client. Raises BadSettings."""
        return find_settings(self.options.profile, on_behalf_of=self.options.on_behalf_of)

    def source(self, file: str) -> tuple[Path | BinaryIO, int | None]:
        """What FILE names, and its size where known; - is the standard input. Raises OSError."""
        if file == STREAM:
            return sys.stdin.buffer, None
        with open(file, "rb") as opened:  # now, with its name, rather than in the middle
            return Path(file), os.fstat(opened.fileno()).st_size

    @property
    def stdout(self) -> BinaryIO:
        return sys.stdout.buffer
