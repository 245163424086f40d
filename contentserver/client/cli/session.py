"""What a command works with: the client, the streams, and what to say if it is stopped."""

import base64
import os
import sys
from argparse import Namespace
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Self

from contentserver.client import Client
from contentserver.client.cli.output import Output
from contentserver.client.cli.profiles import BadSettings, Settings, find_settings

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
            self._client = self._open.enter_context(
                connect(self.settings, self.options.on_behalf_of)
            )
        return self._client

    @cached_property
    def settings(self) -> Settings:
        """Server and credentials. Raises BadSettings."""
        return find_settings(self.options.profile)

    def source(self, file: str) -> tuple[Path | BinaryIO, int | None]:
        """What FILE names, and its size where known; - is the standard input. Raises OSError."""
        if file == STREAM:
            return sys.stdin.buffer, None
        with open(file, "rb") as opened:  # now, with its name, rather than in the middle
            return Path(file), os.fstat(opened.fileno()).st_size

    @property
    def stdout(self) -> BinaryIO:
        return sys.stdout.buffer


def connect(given: Settings, on_behalf_of: str | None) -> Client:
    """Raises BadSettings naming what no client can be made of."""
    try:
        secret = base64.b64decode(given.url_key, validate=True) if given.url_key else None
    except ValueError:
        raise BadSettings("the URL key is not base64, as it was issued: copy it again") from None
    if (secret is None) != (given.url_key_id is None):
        raise BadSettings("the id of the URL key and the key itself go together: give both")
    if given.api_key and given.token:
        raise BadSettings("an API key and a token: give one of them")
    try:
        return Client(
            given.url, api_key=given.api_key, token=given.token, second_url=given.second_url,
            url_key=(given.url_key_id, secret) if given.url_key_id and secret else None,
            on_behalf_of=on_behalf_of or given.on_behalf_of,
        )  # fmt: skip
    except ValueError as error:
        raise BadSettings(str(error)) from None
