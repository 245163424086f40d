"""The server's half of tus 1.0.0 (https://tus.io/protocols/resumable-upload, 2016-03-25), sentence
by sentence: core, creation, creation-with-upload, creation-defer-length, expiration, checksum,
termination.
"""

import re
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime

import pytest

from tests.support.plane import DataPlane
from tests.support.tus import OFFSET_TYPE, UNKNOWN, Line, Tus, checksum, metadata

Check = Callable[[Tus], None]
ROWS: list[tuple[str, str, Check]] = []
EXTENSIONS = {
    *("creation", "creation-with-upload", "creation-defer-length"),
    *("checksum", "expiration", "termination"),
}


def row(part: str, sentence: str) -> Callable[[Check], Check]:
    """What follows checks this sentence."""

    def add(check: Check) -> Check:
        ROWS.append((part, sentence, check))
        return check

    return add


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    folder = tmp_path_factory.mktemp("tus") / "home"
    plane = DataPlane(folder, CONTENTSERVER_BODY_IDLE="3")
    plane.policy["collections"]["photos"]["max_size"] = 1000
    plane.publish_policy()
    try:
        yield plane.start()
    finally:
        plane.close()


@pytest.fixture
def tus(plane: DataPlane) -> Tus:
    tus = Tus(plane.http)
    tus.plane = plane  # type: ignore[attr-defined]
    return tus


def options(tus: Tus, **headers: str | None) -> dict[str, str]:
    answer = tus.ask("OPTIONS", "/v1/uploads", **{"Tus_Resumable": None, **headers})
    assert answer.status_code == 204
    return dict(answer.headers)


def extensions(tus: Tus) -> list[str]:
    return options(tus)["tus-extension"].split(",")


# Core: headers


@row("Upload-Offset", "The value MUST be a non-negative integer.")
def _(tus: Tus) -> None:
    url = tus.begin("offset", 3)
    for wrong in ("-1", "1.0", "x", "+1", "0x1", "9" * 30):
        assert tus.patch(url, None, b"abc", Upload_Offset=wrong).status_code == 400
    assert tus.offset(url) == 0


@row("Upload-Length", "The value MUST be a non-negative integer.")
def _(tus: Tus) -> None:
    for wrong in ("-1", "1.0", "x", "+1", "9" * 30):
        assert tus.create("length", Upload_Length=wrong, Upload_Defer_Length=None).is_client_error
    assert tus.create("length", 0).status_code == 201


@row(
    "Tus-Version",
    "The Tus-Version response header MUST be a comma-separated list of protocol versions supported "
    "by the Server. The list MUST be sorted by Server's preference.",
)
def _(tus: Tus) -> None:
    assert options(tus)["tus-version"] == "1.0.0"


@row(
    "Tus-Resumable",
    "The Tus-Resumable header MUST be included in every request and response except for OPTIONS "
    "requests. The value MUST be the version of the protocol used by the Client or the Server.",
)
def _(tus: Tus) -> None:
    url = tus.begin("resumable", 3)
    stranger = Tus(tus.plane.client())  # type: ignore[attr-defined]
    answers = {
        401: stranger.head(url),
        404: tus.head(UNKNOWN),
        405: tus.ask("PUT", url),
        409: tus.patch(url, 1, b"abc"),
        412: tus.head(url, Tus_Resumable=None),
        413: tus.patch(url, 0, b"abcd"),
        415: tus.patch(url, 0, b"abc", Content_Type="text/plain"),
        200: tus.head(url),
        204: tus.patch(url, 0, b"abc"),
        201: tus.commit(url),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["tus-resumable"] == "1.0.0", status


@row(
    "Tus-Resumable",
    "If the version specified by the Client is not supported by the Server, it MUST respond with "
    "the 412 Precondition Failed status and MUST include the Tus-Version header into the response.",
)
def _(tus: Tus) -> None:
    url = tus.begin("version", 3)
    for other in ("0.2.2", "1.0.1", "2.0.0", "", None):
        for answer in (
            tus.create("version", 3, Tus_Resumable=other),
            tus.head(url, Tus_Resumable=other),
            tus.patch(url, 0, b"abc", Tus_Resumable=other),
            tus.delete(url, Tus_Resumable=other),
        ):
            assert answer.status_code == 412
            assert answer.headers["tus-version"] == "1.0.0"


@row("Tus-Resumable", "In addition, the Server MUST NOT process the request.")
def _(tus: Tus) -> None:
    url = tus.begin("unprocessed", 3)
    tus.patch(url, 0, b"abc", Tus_Resumable="2.0.0")
    tus.delete(url, Tus_Resumable="2.0.0")
    assert tus.offset(url) == 0


@row(
    "Tus-Extension",
    "The Tus-Extension response header MUST be a comma-separated list of the extensions supported "
    "by the Server.",
)
def _(tus: Tus) -> None:
    assert set(extensions(tus)) == EXTENSIONS


@row(
    "Tus-Max-Size",
    "The Tus-Max-Size response header MUST be a non-negative integer indicating the maximum "
    "allowed size of an entire upload in bytes. The Server SHOULD set this header if there is a "
    "known hard limit.",
)
def _(tus: Tus) -> None:
    most = int(options(tus)["tus-max-size"])
    made = tus.create("whole", most + 1, pairs={"collection": "documents"})
    assert made.status_code == 413


@row(
    "X-HTTP-Method-Override",
    "The X-HTTP-Method-Override request header MUST be a string which MUST be interpreted as the "
    "request's method by the Server, if the header is presented. The actual method of the request "
    "MUST be ignored.",
)
def _(tus: Tus) -> None:
    url = tus.begin("override", 3)
    sent = tus.ask(
        "POST", url, b"abc", X_HTTP_Method_Override="PATCH", Upload_Offset=0,
        Content_Type=OFFSET_TYPE,
    )  # fmt: skip
    assert (sent.status_code, sent.headers["upload-offset"]) == (204, "3")
    asked = tus.ask("POST", url, X_HTTP_Method_Override="HEAD")
    assert (asked.status_code, asked.headers["upload-offset"], asked.content) == (200, "3", b"")
    assert tus.ask("DELETE", url, X_HTTP_Method_Override="HEAD").status_code == 200
    assert tus.ask("POST", url, X_HTTP_Method_Override="delete; x").status_code == 405
    assert tus.ask("GET", url, X_HTTP_Method_Override="DELETE").status_code == 204
    missing = tus.ask("POST", url, X_HTTP_Method_Override="HEAD")
    assert (missing.status_code, missing.json()["status"]) == (404, 404)


# Core: requests


@row(
    "HEAD",
    "The Server MUST always include the Upload-Offset header in the response for a HEAD request, "
    "even if the offset is 0, or the upload is already considered completed.",
)
def _(tus: Tus) -> None:
    url = tus.begin("head", 3)
    assert tus.offset(url) == 0
    tus.patch(url, 0, b"abc")
    assert tus.offset(url) == 3
    assert tus.commit(url).status_code == 201
    assert tus.offset(url) == 3


@row(
    "HEAD",
    "If the size of the upload is known, the Server MUST include the Upload-Length header in the "
    "response.",
)
def _(tus: Tus) -> None:
    url = tus.begin("known", 3)
    assert tus.head(url).headers["upload-length"] == "3"
    tus.patch(url, 0, b"abc")
    tus.commit(url)
    assert tus.head(url).headers["upload-length"] == "3"


@row(
    "HEAD",
    "If the resource is not found, the Server SHOULD return either the 404 Not Found, 410 Gone or "
    "403 Forbidden status without the Upload-Offset header.",
)
def _(tus: Tus) -> None:
    for unknown in (UNKNOWN, "/v1/uploads/x", "/v1/uploads/%00", f"{UNKNOWN}0", UNKNOWN.upper()):
        answer = tus.head(unknown)
        assert answer.status_code == 404
        assert "upload-offset" not in answer.headers


@row(
    "HEAD",
    "The Server MUST prevent the client and/or proxies from caching the response by adding the "
    "Cache-Control: no-store header to the response.",
)
def _(tus: Tus) -> None:
    url = tus.begin("cached", 3)
    for answer in (tus.head(url), tus.head(UNKNOWN)):
        assert answer.headers["cache-control"] == "no-store"


@row(
    "PATCH",
    "The Server SHOULD accept PATCH requests against any upload URL and apply the bytes contained "
    "in the message at the given offset specified by the Upload-Offset header.",
)
def _(tus: Tus) -> None:
    url = tus.begin("applied", 6)
    tus.patch(url, 0, b"abc")
    tus.patch(url, 3, b"def")
    tus.commit(url)
    assert tus.http.get("/v1/content/photos/applied").content == b"abcdef"


@row(
    "PATCH",
    "All PATCH requests MUST use Content-Type: application/offset+octet-stream, otherwise the "
    "server SHOULD return a 415 Unsupported Media Type status.",
)
def _(tus: Tus) -> None:
    url = tus.begin("typed", 3)
    for other in ("application/octet-stream", "text/plain", "", None):
        assert tus.patch(url, 0, b"abc", Content_Type=other).status_code == 415
    assert tus.offset(url) == 0


@row(
    "PATCH",
    "The Upload-Offset header's value MUST be equal to the current offset of the resource. If the "
    "offsets do not match, the Server MUST respond with the 409 Conflict status without modifying "
    "the upload resource.",
)
def _(tus: Tus) -> None:
    url = tus.begin("conflict", 9)
    tus.patch(url, 0, b"abc")
    for wrong in (0, 2, 4, 9, 10):
        assert tus.patch(url, wrong, b"xy").status_code == 409
        assert tus.offset(url) == 3
    assert tus.patch(url, None, b"xy").status_code == 400


@row(
    "PATCH",
    "The Server MUST acknowledge successful PATCH requests with the 204 No Content status. It MUST "
    "include the Upload-Offset header containing the new offset. The new offset MUST be the sum of "
    "the offset before the PATCH request and the number of bytes received and processed or stored "
    "during the current PATCH request.",
)
def _(tus: Tus) -> None:
    url = tus.begin("sum", 9)
    at = 0
    for data in (b"a", b"", b"bcde", b"fghi"):
        answer = tus.patch(url, at, data)
        at += len(data)
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(at))
        assert answer.content == b""


@row(
    "PATCH",
    "If the server receives a PATCH request against a non-existent resource it SHOULD return a 404 "
    "Not Found status.",
)
def _(tus: Tus) -> None:
    assert tus.patch(UNKNOWN, 0, b"abc").status_code == 404


@row("PATCH", "A timeout SHOULD be handled by closing the underlying connection.")
def _(tus: Tus) -> None:
    url = tus.begin("stalled", 9)
    line = Line(tus.plane, url, 0, 9)  # type: ignore[attr-defined]
    line.send(b"abc")
    assert line.status() == 408
    line.rest()  # ends, because the server closed
    line.close()


@row(
    "PATCH",
    "The Server SHOULD always attempt to store as much of the received data as possible.",
)
def _(tus: Tus) -> None:
    url = tus.begin("torn", 9)
    line = Line(tus.plane, url, 0, 9)  # type: ignore[attr-defined]
    line.send(b"abcd")
    assert line.status() == 408
    line.close()
    assert tus.offset(url) == 4


@row(
    "OPTIONS",
    "A successful response indicated by the 204 No Content or 200 OK status MUST contain the "
    "Tus-Version header. It MAY include the Tus-Extension and Tus-Max-Size headers.",
)
def _(tus: Tus) -> None:
    stranger = Tus(tus.plane.client())  # type: ignore[attr-defined]
    for path in ("/v1/uploads", UNKNOWN, f"{UNKNOWN}/commit"):
        answer = stranger.ask("OPTIONS", path, Tus_Resumable=None)
        assert (answer.status_code, answer.headers["tus-version"]) == (204, "1.0.0")


@row(
    "OPTIONS",
    "The Client SHOULD NOT include the Tus-Resumable header in the request and the Server MUST "
    "ignore the header.",
)
def _(tus: Tus) -> None:
    assert options(tus, Tus_Resumable="0.0.1") == options(tus) | {
        "date": options(tus, Tus_Resumable="0.0.1")["date"]
    }


# Creation


@row(
    "Creation",
    "If the Server supports this extension, it MUST add creation to the Tus-Extension header.",
)
def _(tus: Tus) -> None:
    assert "creation" in extensions(tus)


@row(
    "Upload-Defer-Length",
    "Its value MUST be 1. If the Upload-Defer-Length header contains any other value than 1 the "
    "server should return a 400 Bad Request status.",
)
def _(tus: Tus) -> None:
    for wrong in ("0", "2", "true", "01", ""):
        assert tus.create("deferred", Upload_Defer_Length=wrong).status_code == 400


@row(
    "Upload-Defer-Length",
    "If the length of an upload is not deferred, this header MUST be omitted.",
)
def _(tus: Tus) -> None:
    assert "upload-defer-length" not in tus.head(tus.begin("there", 3)).headers


@row(
    "Upload-Metadata",
    "The Upload-Metadata request and response header MUST consist of one or more comma-separated "
    "key-value pairs. The key and value MUST be separated by a space. The key MUST NOT contain "
    "spaces and commas and MUST NOT be empty. The value MUST be Base64 encoded. All keys MUST be "
    "unique.",
)
def _(tus: Tus) -> None:
    good = metadata(collection="photos", key="meta")
    for wrong in (
        f"{good},",
        f",{good}",
        f"{good},a b c",
        f"{good},key",
        f"{good},x !",
        f"{good},x YQ",
    ):
        answer = tus.create("meta", 3, Upload_Metadata=wrong)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (
            400,
            "bad_metadata",
        ), wrong
    assert tus.create("meta", 3, Upload_Metadata=good).status_code == 201


@row(
    "Upload-Metadata",
    "The value MAY be empty. In these cases, the space, which would normally separate the key and "
    "the value, MAY be left out.",
)
def _(tus: Tus) -> None:
    field = metadata(collection="photos", key="bare") + ",relativePath ,is_confidential"
    made = tus.create("bare", 3, Upload_Metadata=field)
    assert made.status_code == 201
    assert tus.head(made.headers["location"]).headers["upload-metadata"] == field


@row(
    "Creation",
    "The request MUST include one of the following headers: Upload-Length, Upload-Defer-Length: 1.",
)
def _(tus: Tus) -> None:
    assert tus.create("none", Upload_Defer_Length=None).status_code == 400
    assert tus.create("both", 3, Upload_Defer_Length="1").status_code == 400


@row(
    "Creation",
    "Once it is known the Client MUST set the Upload-Length header in the next PATCH request. Once "
    "set the length MUST NOT be changed.",
)
def _(tus: Tus) -> None:
    url = tus.begin("later")
    tus.patch(url, 0, b"abc")
    assert tus.patch(url, 3, b"def", Upload_Length=9).status_code == 204
    assert tus.patch(url, 6, b"", Upload_Length=9).status_code == 204
    assert tus.patch(url, 6, b"ghi", Upload_Length=12).status_code == 400
    assert tus.head(url).headers["upload-length"] == "9"
    assert tus.patch(url, 6, b"ghi").status_code == 204
    assert tus.commit(url).json()["size"] == 9


@row(
    "Creation",
    "As long as the length of the upload is not known, the Server MUST set Upload-Defer-Length: 1 "
    "in all responses to HEAD requests.",
)
def _(tus: Tus) -> None:
    url = tus.begin("unknown")
    for at in range(2):
        headers = tus.head(url).headers
        assert (headers["upload-defer-length"], "upload-length" in headers) == ("1", False)
        tus.patch(url, at, b"x")
    tus.patch(url, 2, b"x", Upload_Length=3)
    assert "upload-defer-length" not in tus.head(url).headers


@row(
    "Creation",
    "If the Server supports deferring length, it MUST add creation-defer-length to the "
    "Tus-Extension header.",
)
def _(tus: Tus) -> None:
    assert "creation-defer-length" in extensions(tus)


@row(
    "Creation",
    "If an upload contains additional metadata, responses to HEAD requests MUST include the "
    "Upload-Metadata header and its value as specified by the Client during the creation.",
)
def _(tus: Tus) -> None:
    url = tus.begin("said", 3, pairs={"filename": "ü.jpg", "binary": b"\r\n\x00\xff"})
    sent = metadata(collection="photos", key="said", filename="ü.jpg", binary=b"\r\n\x00\xff")
    assert tus.head(url).headers["upload-metadata"] == sent
    tus.patch(url, 0, b"abc")
    tus.commit(url)
    assert tus.head(url).headers["upload-metadata"] == sent


@row(
    "Creation",
    "If the length of the upload exceeds the maximum, the Server MUST respond with the 413 Request "
    "Entity Too Large status.",
)
def _(tus: Tus) -> None:
    assert tus.create("large", 1001).status_code == 413
    url = tus.begin("large")
    assert tus.patch(url, 0, b"abc", Upload_Length=1001).status_code == 413
    assert tus.patch(url, 0, b"x" * 1001).status_code == 413
    assert tus.offset(url) == 0


@row(
    "Creation",
    "The Server MUST acknowledge a successful upload creation with the 201 Created status. The "
    "Server MUST set the Location header to the URL of the created resource.",
)
def _(tus: Tus) -> None:
    made = tus.create("made", 3)
    assert made.status_code == 201
    place = rf"{re.escape(tus.plane.url)}/v1/uploads/[0-9a-f-]{{36}}"  # type: ignore[attr-defined]
    assert re.fullmatch(place, made.headers["location"])
    assert tus.head(made.headers["location"]).status_code == 200


@row(
    "Creation",
    "The new resource has an implicit offset of 0 allowing the Client to use the core protocol for "
    "performing the actual upload.",
)
def _(tus: Tus) -> None:
    assert tus.offset(tus.begin("implicit", 3)) == 0


# Creation With Upload


@row(
    "Creation With Upload",
    "If the Server supports this extension, it MUST advertise this by including "
    "creation-with-upload in the Tus-Extension header. If the Server does not offer the Creation "
    "extension, it MUST NOT offer the Creation With Upload extension either.",
)
def _(tus: Tus) -> None:
    assert {"creation", "creation-with-upload"} <= set(extensions(tus))


@row(
    "Creation With Upload",
    "The Client MAY include either the entirety or a chunk of the upload data in the body of the "
    "POST request. The Client MUST include the Content-Type: application/offset+octet-stream "
    "header.",
)
def _(tus: Tus) -> None:
    assert tus.create("with", 3, body=b"abc", Content_Type="image/png").status_code == 415
    assert tus.create("with", 3, body=b"abc").status_code == 201
    assert tus.create("with", 3, body=b"abcd").status_code == 413


@row(
    "Creation With Upload",
    "The Server SHOULD accept as many bytes as possible and MUST include the Upload-Offset header "
    "in the response and MUST set its value to the offset of the upload after applying the "
    "accepted bytes.",
)
def _(tus: Tus) -> None:
    for body in (None, b"a", b"abc"):
        made = tus.create("accepted", 3, body=body)
        offset = len(body or b"")
        assert int(made.headers["upload-offset"]) == offset
        assert tus.offset(made.headers["location"]) == offset


@row(
    "Creation With Upload",
    "The Client SHOULD include the Expect: 100-continue header in the request to receive early "
    "feedback from the Server on whether it will accept the creation request.",
)
def _(tus: Tus) -> None:
    url = tus.begin("expected", 3)
    line = Line(tus.plane, url, 0, 3, Expect="100-continue")  # type: ignore[attr-defined]
    assert line.status() == 100
    line.send(b"abc")
    assert b"204 No Content" in line.rest_of_answer()
    line.close()
    line = Line(tus.plane, url, 1, 3, Expect="100-continue")  # type: ignore[attr-defined]
    assert line.status() == 409
    line.close()


# Expiration


@row("Expiration", "The Server MUST add expiration to the Tus-Extension header.")
def _(tus: Tus) -> None:
    assert "expiration" in extensions(tus)


@row(
    "Upload-Expires",
    "This header MUST be included in every PATCH response if the upload is going to expire. If the "
    "expiration is known at the creation, the Upload-Expires header MUST be included in the "
    "response to the initial POST request.",
)
def _(tus: Tus) -> None:
    made = tus.create("expires", 3)
    sent = tus.patch(made.headers["location"], 0, b"abc")
    assert made.headers["upload-expires"] == sent.headers["upload-expires"]


@row(
    "Upload-Expires",
    "The value of the Upload-Expires header MUST be in RFC 7231 datetime format.",
)
def _(tus: Tus) -> None:
    made = tus.create("format", 3).headers
    form = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
    assert re.fullmatch(form, made["upload-expires"])
    lives = parsedate_to_datetime(made["upload-expires"]) - parsedate_to_datetime(made["date"])
    assert abs(lives.total_seconds() - 86_400) <= 2


# Checksum


@row("Checksum", "If supported, the Server MUST add checksum to the Tus-Extension header.")
def _(tus: Tus) -> None:
    assert "checksum" in extensions(tus)
    assert "checksum-trailer" not in extensions(tus)


@row(
    "Checksum",
    "Once the entire request has been received, the Server MUST verify the uploaded chunk against "
    "the provided checksum using the specified algorithm.",
)
def _(tus: Tus) -> None:
    for algorithm in ("sha1", "sha256"):
        url = tus.begin(algorithm, 3)
        wrong = tus.patch(url, 0, b"abc", Upload_Checksum=checksum(algorithm, b"abd"))
        right = tus.patch(url, 0, b"abc", Upload_Checksum=checksum(algorithm, b"abc"))
        assert (wrong.status_code, right.status_code) == (460, 204)
        assert (
            tus.create("x", 3, body=b"abc", Upload_Checksum=checksum(algorithm, b"x")).status_code
            == 460
        )


@row(
    "Checksum",
    "400 Bad Request if the checksum algorithm is not supported by the server. In the first two "
    "cases the uploaded chunk MUST be discarded, and the upload and its offset MUST NOT be "
    "updated.",
)
def _(tus: Tus) -> None:
    url = tus.begin("discarded", 6)
    tus.patch(url, 0, b"abc")
    for said, status in (
        (checksum("md5", b"def"), 400),
        (checksum("sha1", b"abc"), 460),
        (checksum("sha256", b""), 460),
    ):
        assert tus.patch(url, 3, b"def", Upload_Checksum=said).status_code == status
        assert tus.offset(url) == 3
    assert tus.patch(url, 3, b"ghi", Upload_Checksum=checksum("sha1", b"ghi")).status_code == 204
    tus.commit(url)
    assert tus.http.get("/v1/content/photos/discarded").content == b"abcghi"


@row(
    "Checksum",
    "The Server MUST support at least the SHA1 checksum algorithm identified by sha1. The names of "
    "the checksum algorithms MUST only consist of ASCII characters with the modification that "
    "uppercase characters are excluded. The Tus-Checksum-Algorithm header MUST be included in the "
    "response to an OPTIONS request.",
)
def _(tus: Tus) -> None:
    assert options(tus)["tus-checksum-algorithm"].split(",") == ["sha1", "sha256"]


@row(
    "Upload-Checksum",
    "The header MUST consist of the name of the used checksum algorithm and the Base64 encoded "
    "checksum separated by a space.",
)
def _(tus: Tus) -> None:
    url = tus.begin("checksum", 3)
    for wrong in (
        "sha1",
        "sha1 !",
        "sha1 YQ==",
        checksum("sha1", b"abc").replace(" ", ""),
        "SHA1 x",
    ):
        assert tus.patch(url, 0, b"abc", Upload_Checksum=wrong).status_code == 400
    assert tus.offset(url) == 0


# Termination


@row(
    "Termination",
    "If this extension is supported by the Server, it MUST be announced by adding termination to "
    "the Tus-Extension header.",
)
def _(tus: Tus) -> None:
    assert "termination" in extensions(tus)


@row(
    "Termination",
    "When receiving a DELETE request for an existing upload the Server SHOULD free associated "
    "resources and MUST respond with the 204 No Content status confirming that the upload was "
    "terminated. For all future requests to this URL, the Server SHOULD respond with the 404 Not "
    "Found or 410 Gone status.",
)
def _(tus: Tus) -> None:
    fresh, complete, committed = (tus.begin(f"ended-{n}", 3) for n in range(3))
    for url in (complete, committed):
        tus.patch(url, 0, b"abc")
    tus.commit(committed)
    for url in (fresh, complete, committed):
        assert tus.delete(url).status_code == 204
        again = (tus.head(url), tus.patch(url, 0, b"abc"), tus.delete(url), tus.commit(url))
        assert [answer.status_code for answer in again] == [404] * 4
    staging = tus.plane.config.roots[0] / "staging"  # type: ignore[attr-defined]
    left = {path.name for path in staging.iterdir()}
    assert not left & {url.rpartition("/")[2] for url in (fresh, complete, committed)}


@pytest.mark.parametrize(
    ("part", "sentence", "check"),
    ROWS,
    ids=[f"{number:02}-{part}: {sentence[:60]}" for number, (part, sentence, _) in enumerate(ROWS)],
)
def test_the_server_keeps_the_sentence(tus: Tus, part: str, sentence: str, check: Check) -> None:
    check(tus)
