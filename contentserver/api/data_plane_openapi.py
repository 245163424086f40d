"""The data plane's half of the OpenAPI document, written by hand: it has no framework to ask.

`merge_data_plane` puts it into what drf-spectacular made of the control plane, so that there is one
description of the whole. tests/integration/api hold it against the route table of delivery.
"""

from collections.abc import Mapping
from typing import Any

from contentserver.api import data_plane_uploads
from contentserver.protocol.problems import TYPE_BASE

Node = dict[str, Any]

TAG = "content"
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
BYTES = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
TEXT: Node = {"type": "string"}

WORDS = {
    "200": "As asked.",
    "201": "Stored durably; Location is the exact version.",
    "204": "A delete marker is the latest version now.",
    "206": "The range asked for.",
    "304": "Unchanged.",
    "400": "The request contradicts itself, or a name or field cannot be used.",
    "401": "No credential, or one that does not hold.",
    "404": "There is no such thing, or you may not know of it.",
    "405": "The address does not know the method; see Allow.",
    "408": "The body stalled or was too slow.",
    "409": "The state does not allow this; a legacy system may still take the writes of the file.",
    "410": "Deleted, or erased for ever.",
    "411": "Neither a length nor chunked.",
    "412": "A precondition does not hold.",
    "413": "Longer than allowed.",
    "415": "The collection does not take this media type.",
    "416": "The file has no byte of the range.",
    "422": "The bytes do not have the declared SHA-256.",
    "429": "Beyond a limit; see Retry-After.",
    "500": "A defect of the server.",
    "503": "Cannot be served or recorded now; see Retry-After.",
    "507": "The storage root is full.",
}
ABOUT = (
    "The data plane: files are stored and fetched here. An installation may also declare patterns "
    "of an older system's URLs: GET and HEAD of these answer as `/v1/content` does, and may show a "
    "placeholder, marked by `X-Placeholder`, where the file is absent or forbidden."
)
ALWAYS = ("400", "401", "404", "405", "429", "500", "503")


def merge_data_plane(result: Node, **_options: Any) -> Node:
    """A postprocessing hook of drf-spectacular."""
    components = result.setdefault("components", {})
    for kind, entries in COMPONENTS.items():
        components.setdefault(kind, {}).update(entries)
    for path in result["paths"].values():
        for operation in path.values():
            _add_problems(operation)
    result["paths"] = {**result["paths"], **paths()}
    result["tags"] = [
        {"name": TAG, "description": ABOUT},
        {"name": data_plane_uploads.TAG, "description": data_plane_uploads.ABOUT},
        *result.get("tags", []),
    ]
    return result


def _add_problems(operation: Node) -> None:
    """What every guarded operation of the control plane may answer besides its own."""
    for status in ("400", "401", "404", "405", "429", "503"):
        operation["responses"].setdefault(status, _problem(status))


def paths() -> Node:
    """The operations of the data plane by path."""
    content: Node = {
        "get": _read("get_content", "Fetch the latest version, or another one", BYTES),
        "head": _read("head_content", "What GET would answer, without the body", None),
        "put": _put(),
        "delete": _delete(),
    }
    return {
        "/v1/content/{collection}/{key}": content,
        "/v1/versions/{collection}/{key}": {
            "get": _operation(
                "list_versions",
                "Versions of a file, oldest first, from disk",
                {"200": _json("Versions", headers=("X-Unchecked",)), "410": _problem("410")},
                parameters=FILE,
            ),
        },
        "/v1/heads": {"post": _heads()},
        **data_plane_uploads.upload_paths(),
        "/healthz": {"get": _health("healthz", "The process lives", ("200",))},
        "/readyz": {
            "get": _health("readyz", "Files can be served and stored with their record", READY)
        },
        "/metrics": {"get": _metrics()},
    }


READY = ("200", "503")


def _operation(name: str, summary: str, responses: Mapping[str, Node], **more: Any) -> Node:
    errors = {status: _problem(status) for status in ALWAYS if status not in responses}
    return {
        "operationId": name,
        "summary": summary,
        "tags": [TAG],
        "security": [{"apiKey": []}, {"signedUrl": []}],
        "responses": dict(sorted({**responses, **errors}.items())),
        **more,
    }


def _read(name: str, summary: str, body: Node | None) -> Node:
    headers = {header: _header(header) for header in READ_HEADERS}
    answer: Node = {"description": WORDS["200"], "headers": headers}
    part: Node = {"description": WORDS["206"], "headers": headers | {"Content-Range": _header("")}}
    if body is not None:
        answer["content"] = part["content"] = body
    problems = {status: _problem(status) for status in ("410", "412", "416")}
    return _operation(
        name,
        summary,
        {"200": answer, "206": part, "304": {"description": WORDS["304"]}, **problems},
        parameters=[
            *FILE,
            _query("as_of", "The latest at the end of this year.", {"type": "integer"}),
            _query("version", "Exactly this version, `year.number`.", VERSION),
            *(_request_header(header) for header in CONDITIONS),
            _request_header("If-Range"),
            _request_header("Range"),
            _ref("OnBehalfOf"),
        ],
    )


def _put() -> Node:
    stored = _json("Stored", headers=("ETag", "X-Version", "Repr-Digest", "Location"))
    statuses = ("408", "409", "410", "411", "412", "413", "415", "422", "507")
    return _operation(
        "put_content",
        "Store the body as the next version",
        {
            "201": {**stored, "description": WORDS["201"]},
            "200": {**stored, "description": "The latest version is this one already."},
            **{status: _problem(status) for status in statuses},
        },
        requestBody={"required": True, "content": BYTES},
        parameters=[
            *FILE,
            *(_request_header(header) for header in CONDITIONS[:3]),
            _request_header("Repr-Digest"),
            _request_header("Content-Disposition"),
            _request_header("Data-Subject"),
            _request_header("X-Custom"),
            _ref("OnBehalfOf"),
        ],
    )


def _delete() -> Node:
    statuses = ("409", "410", "412", "507")
    return _operation(
        "delete_content",
        "Put a delete marker as the next version",
        {
            "204": {"description": WORDS["204"], "headers": {"X-Version": _header("X-Version")}},
            **{status: _problem(status) for status in statuses},
        },
        parameters=[
            *FILE,
            *(_request_header(header) for header in CONDITIONS[:3]),
            _ref("OnBehalfOf"),
        ],
    )


def _heads() -> Node:
    wanted = {"application/json": {"schema": {"$ref": "#/components/schemas/HeadsWanted"}}}
    return _operation(
        "heads",
        "Version, size and digest of up to 100 keys of a collection",
        {
            "200": _json("Heads", headers=("X-Unchecked",)),
            "408": _problem("408"),
            "413": _problem("413"),
        },
        requestBody={"required": True, "content": wanted},
    )


def _health(name: str, summary: str, statuses: tuple[str, ...]) -> Node:
    content = {"application/json": {"schema": {"type": "object", "additionalProperties": True}}}
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["operation"],
        "security": [],
        "responses": {
            status: {"description": WORDS[status], "content": content} for status in statuses
        },
    }


def _metrics() -> Node:
    return {
        "operationId": "metrics",
        "summary": "Prometheus text format",
        "tags": ["operation"],
        "security": [],
        "responses": {
            "200": {"description": WORDS["200"], "content": {"text/plain": {"schema": TEXT}}}
        },
    }


def _problem(status: str) -> Node:
    return {"description": WORDS[status], "content": PROBLEM}


def _json(schema: str, headers: tuple[str, ...] = ()) -> Node:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    described = {header: _header(header) for header in headers}
    return {"description": WORDS["200"], "content": content, "headers": described}


def _ref(parameter: str) -> Node:
    return {"$ref": f"#/components/parameters/{parameter}"}


def _query(name: str, text: str, schema: Node) -> Node:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _request_header(name: str) -> Node:
    return {"name": name, "in": "header", "schema": TEXT}


def _header(name: str) -> Node:
    return {"schema": TEXT, **({"description": SAYS[name]} if name in SAYS else {})}


FILE = [_ref("Collection"), _ref("Key")]
VERSION: Node = {"type": "string", "pattern": r"^[1-9][0-9]{0,3}\.[1-9][0-9]{0,9}$"}
CONDITIONS = ("If-Match", "If-None-Match", "If-Unmodified-Since", "If-Modified-Since")
SAYS = {
    "ETag": (
        "Strong: version, or `legacy` while the file has not been moved here, and the first 16 hex "
        "digits of the digest."
    ),
    "X-Version": "year.number; absent from answers out of a legacy database.",
    "Repr-Digest": "SHA-256 of the whole file (RFC 9530).",
    "Last-Modified": "Time of the commit.",
    "X-Imported": "true where the time is the claim of an older system.",
    "X-Unchecked": "true where the legacy database could not be asked for a newer state.",
    "X-Placeholder": "true where this is shown in place of an absent or forbidden file.",
    "Location": "Address of exactly this version.",
}
READ_HEADERS = (
    "ETag", "X-Version", "Repr-Digest", "Last-Modified", "Content-Disposition", "Cache-Control",
    "Accept-Ranges", "X-Imported", "X-Unchecked", "X-Request-Id",
)  # fmt: skip

_DIGEST: Node = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_FACTS: Node = {
    "version": {"type": "string"},
    "etag": {"type": "string"},
    "size": {"type": "integer", "format": "int64"},
    "sha256": _DIGEST,
}


FROM: Node = {
    "type": "string",
    "enum": ["legacy"],
    "description": "The file has not been moved here: it has no version, digest and size if known.",
}


def _nullable(schema: Node) -> Node:
    return {**schema, "nullable": True}


COMPONENTS: Node = {
    "headers": {name: _header(name) for name in ("X-Unchecked", "X-Placeholder")},
    "parameters": {
        "Collection": {
            "name": "collection",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"},
        },
        "Key": {
            "name": "key",
            "in": "path",
            "required": True,
            "description": (
                "1 to 512 bytes of UTF-8 in normalisation form C, no control characters. It may "
                "contain `/`, sent as it is or as %2F; no segment is empty, `.` or `..`."
            ),
            "schema": {"type": "string", "minLength": 1, "maxLength": 512},
        },
        "OnBehalfOf": {
            "name": "On-Behalf-Of",
            "in": "header",
            "description": "The end user the client acts for.",
            "schema": TEXT,
        },
    },
    "schemas": {
        "Problem": {
            "type": "object",
            "description": "RFC 9457. `type` identifies the problem and is not meant to be opened.",
            "required": ["type", "title", "status"],
            "properties": {
                "type": {"type": "string", "example": TYPE_BASE + "not_found"},
                "title": TEXT,
                "status": {"type": "integer"},
                "detail": TEXT,
                "errors": {"description": "Messages for each field, on the control plane."},
            },
        },
        "Stored": {
            "type": "object",
            "required": ["collection", "key", *_FACTS],
            "properties": {"collection": TEXT, "key": TEXT, **_FACTS},
        },
        "Versions": {
            "type": "object",
            "required": ["collection", "key", "versions"],
            "properties": {
                "collection": TEXT,
                "key": TEXT,
                "versions": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "description": "All facts of a version, or what legacy has now.",
                        "properties": {
                            **_FACTS,
                            "from": FROM,
                            "media_type": _nullable(TEXT),
                            "filename": _nullable(TEXT),
                            "created_by": _nullable(TEXT),
                            "committed_at": {"type": "string", "format": "date-time"},
                            "deleted": {"type": "boolean"},
                            "imported": {"type": "boolean"},
                        },
                    },
                },
            },
        },
        "HeadsWanted": {
            "type": "object",
            "required": ["collection", "keys"],
            "additionalProperties": False,
            "properties": {
                "collection": TEXT,
                "keys": {"type": "array", "minItems": 1, "maxItems": 100, "items": TEXT},
            },
        },
        "Heads": {
            "type": "object",
            "required": ["collection", "heads"],
            "properties": {
                "collection": TEXT,
                "heads": {
                    "type": "object",
                    "description": "By key; null where it is absent, deleted or not allowed.",
                    "additionalProperties": _nullable(
                        {
                            "type": "object",
                            "properties": {
                                **_FACTS,
                                "from": FROM,
                                "media_type": TEXT,
                                "filename": TEXT,
                            },
                        }
                    ),
                },
            },
        },
    },
    "securitySchemes": {
        "signedUrl": {
            "type": "apiKey",
            "in": "query",
            "name": "sig",
            "description": "With `expires`, `kid` and, where given, `sub` and `disposition`.",
        },
    },
}
