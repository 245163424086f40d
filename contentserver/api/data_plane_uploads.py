"""The OpenAPI description of uploads: tus 1.0.0 (https://tus.io/protocols/resumable-upload), and
the commit that follows.
"""

from collections.abc import Mapping
from typing import Any

from contentserver.protocol import tus

Node = dict[str, Any]

TAG = "uploads"
ABOUT = (
    "Files in two stages: bytes are staged by tus 1.0.0, in as many requests as it takes, and "
    "become a version by the commit. Every tus client can do both with `commit auto` in "
    "`Upload-Metadata`."
)
TEXT: Node = {"type": "string"}
SIZE: Node = {"type": "integer", "format": "int64", "minimum": 0}
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
STORED = {"application/json": {"schema": {"$ref": "#/components/schemas/Stored"}}}
BYTES = {tus.OFFSET_TYPE: {"schema": {"type": "string", "format": "binary"}}}

WORDS = {
    "400": "The request contradicts itself, or a header cannot be read.",
    "401": "No credential, or one that does not hold.",
    "404": "There is no such upload, it is another client's, or you may not do this.",
    "405": "The address does not know the method; see Allow.",
    "408": "The body stalled or was too slow; what arrived is kept.",
    "409": "Another offset, bytes are missing, or a legacy system still takes the writes.",
    "410": "The upload expired, or the data subject was erased.",
    "412": "Another version of tus, or an extension that is not offered; a precondition.",
    "413": "More bytes than announced, or than the collection takes.",
    "415": "The bytes come as application/offset+octet-stream; or the collection does not take "
    "the file's media type.",
    "422": "The bytes do not have the declared SHA-256, or a check refused them.",
    "423": "Another request holds the upload and does not end, or the server cannot answer now; "
    "see Retry-After.",
    "429": "Beyond a limit; see Retry-After.",
    "460": "The part does not have its checksum; the offset has not moved.",
    "500": "A defect of the server.",
    "503": "Cannot be served or recorded now; see Retry-After.",
    "507": "The storage root is full.",
}
ALWAYS = ("400", "401", "404", "405", "429")
FAILED = ("500", "503")
SAYS = {
    "Location": "Absolute address of the upload.",
    "Upload-Offset": "Bytes that are durable.",
    "Upload-Length": "Bytes of the whole file.",
    "Upload-Defer-Length": "1 while the length is not known.",
    "Upload-Metadata": "As the creation sent it.",
    "Upload-Expires": "When the upload is removed unless it is committed.",
    "Tus-Resumable": "1.0.0",
    "ETag": "Of the version that the upload has become.",
    "X-Version": "The version that the upload has become, year.number.",
}
ID: Node = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}


def upload_paths() -> Node:
    """The operations of uploads by path."""
    return {
        "/v1/uploads": {"post": _create(), "options": _options("uploads")},
        "/v1/uploads/{id}": {
            "head": _head(),
            "patch": _append(),
            "delete": _delete(),
            "options": _options("upload"),
        },
        "/v1/uploads/{id}/commit": {"post": _commit(), "options": _options("commit")},
    }


def _create() -> Node:
    return _operation(
        "create_upload",
        "Begin an upload, with its first bytes if they are at hand",
        {"201": _answer("The upload exists durably.", "Location", *PROGRESS)},
        ("408", "409", "410", "412", "413", "415", "422", "460", "507"),
        parameters=[
            TUS,
            _header("Upload-Length", SIZE),
            _header("Upload-Defer-Length", {"type": "string", "enum": ["1"]}),
            _header("Upload-Metadata", TEXT),
            _header("Upload-Checksum", TEXT),
            _header("Content-Digest", TEXT),
            _header("Repr-Digest", TEXT),
            ON_BEHALF_OF,
        ],
        requestBody={"content": BYTES},
    )


def _head() -> Node:
    return _operation(
        "head_upload",
        "How far an upload is; a request that still sends to it gives way",
        {
            "200": _answer(
                "As asked.", *PROGRESS, "Upload-Length", "Upload-Defer-Length", "Upload-Metadata"
            )
        },
        ("409", "410", "412", "422", "423"),
        failed=(),
        parameters=[ID, TUS, ON_BEHALF_OF],
    )


def _append() -> Node:
    return _operation(
        "append_to_upload",
        "The bytes at Upload-Offset; with commit auto the last ones make the version",
        {"204": _answer("Every byte is durable.", *PROGRESS)},
        ("408", "409", "410", "412", "413", "415", "422", "423", "460", "507"),
        parameters=[
            ID,
            TUS,
            {**_header("Upload-Offset", SIZE), "required": True},
            _header("Upload-Length", SIZE),
            _header("Upload-Checksum", TEXT),
            _header("Content-Digest", TEXT),
            ON_BEHALF_OF,
        ],
        requestBody={"content": BYTES},
    )


def _delete() -> Node:
    return _operation(
        "delete_upload",
        "End an upload; a version that it has become stays",
        {"204": _answer("The upload is gone.")},
        ("410", "412", "423"),
        parameters=[ID, TUS, ON_BEHALF_OF],
    )


def _commit() -> Node:
    headers = ("Location", "ETag", "X-Version", "Repr-Digest")
    return _operation(
        "commit_upload",
        "Make a complete upload the next version of its file; may be repeated",
        {
            "201": {**_answer("Stored durably.", *headers), "content": STORED},
            "200": {
                **_answer("The latest version was this one already.", *headers),
                "content": STORED,
            },
        },
        ("409", "410", "412", "413", "422", "423", "507"),
        parameters=[
            ID,
            *(
                _header(name, TEXT)
                for name in ("If-Match", "If-None-Match", "If-Unmodified-Since", "Repr-Digest")
            ),
            ON_BEHALF_OF,
        ],
    )


def _options(name: str) -> Node:
    headers = ("Tus-Version", "Tus-Extension", "Tus-Checksum-Algorithm", "Tus-Max-Size")
    return {
        "operationId": f"options_{name}",
        "summary": "What of tus is offered; answers browsers of configured origins too",
        "tags": ["operation"],
        "security": [],
        "responses": {"204": _answer("As asked.", *headers)},
    }


def _operation(
    name: str,
    summary: str,
    answers: Mapping[str, Node],
    problems: tuple[str, ...],
    failed: tuple[str, ...] = FAILED,
    **more: Any,
) -> Node:
    refused = {status: _problem(status) for status in (*ALWAYS, *failed, *problems)}
    return {
        "operationId": name,
        "summary": summary,
        "tags": [TAG],
        "security": [{"apiKey": []}, {"signedUrl": []}],
        "responses": dict(sorted({**refused, **answers}.items())),
        **more,
    }


def _answer(description: str, *headers: str) -> Node:
    described = {name: _described(name) for name in ("Tus-Resumable", *headers)}
    return {"description": description, "headers": described}


def _described(name: str) -> Node:
    return {"schema": TEXT, **({"description": SAYS[name]} if name in SAYS else {})}


def _problem(status: str) -> Node:
    return {"description": WORDS[status], "content": PROBLEM}


def _header(name: str, schema: Node) -> Node:
    return {"name": name, "in": "header", "schema": schema}


PROGRESS = ("Upload-Offset", "Upload-Expires", "ETag", "X-Version")
ON_BEHALF_OF = {"$ref": "#/components/parameters/OnBehalfOf"}
TUS: Node = {
    "name": "Tus-Resumable",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "enum": [tus.VERSION]},
}
