"""The media type that a file's name suggests; the same on every machine."""

import mimetypes

_TYPES = mimetypes.MimeTypes(filenames=())  # without /etc/mime.types, which differs
UNKNOWN = "application/octet-stream"


def media_type_of(name: str) -> str:
    """`application/octet-stream` where the name says nothing, or that it is compressed."""
    found, compressed = _TYPES.guess_type(name)
    return found if found and not compressed else UNKNOWN
