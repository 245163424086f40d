"""From options to the arguments of the client."""

import os
import unicodedata
from argparse import Namespace
from typing import Any

from contentserver.client.cli.media_types import media_type_of
from contentserver.client.cli.names import Place
from contentserver.client.cli.parser import Usage
from contentserver.client.cli.session import STREAM


def place_for(place: Place, file: str) -> Place:
    """The place of a file that goes up: below a prefix it keeps its name. Raises Usage."""
    if place.key and not place.key.endswith("/"):
        return place
    if file == STREAM:
        raise Usage(f"{place} names no file: what comes from - has no name of its own")
    return Place(place.collection, place.key + unicodedata.normalize("NFC", os.path.basename(file)))


def facts(options: Namespace, place: Place) -> dict[str, Any]:
    """media_type, filename, data_subject, custom for `put` and `stage`."""
    return {
        "media_type": options.media_type or media_type_of(place.key),
        "filename": place.key.rpartition("/")[2],
        "data_subject": options.data_subject,
        "custom": dict(options.custom) or None,
    }


def conditions(options: Namespace) -> dict[str, Any]:
    """if_match and if_none_match."""
    return {
        "if_match": options.if_match,
        "if_none_match": "*" if options.create_only else None,
    }


def which(options: Namespace) -> dict[str, Any]:
    """version and as_of. Raises Usage."""
    if options.as_of is not None and not (options.as_of.isdecimal() and options.as_of.isascii()):
        raise Usage(f"--as-of {options.as_of!r} is no year")
    return {
        "version": options.version,
        "as_of": int(options.as_of) if options.as_of is not None else None,
    }
