"""By a time stamp authority (RFC 3161): it signs the hash of the checkpoint with its time.

Sections 2.4.1 and 2.4.2: SHA-256 of the checkpoint's text, a fresh nonce, the authority's
certificate asked for. An answer counts when it is granted and repeats hash and nonce; its signature
is verified where the operator has named the authority's root certificates.
"""

import datetime as dt
import hashlib
from pathlib import Path

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.tsp import PKIStatus, TimeStampRequest

from skold.anchors.places import Place
from skold.anchors.ways import NotAnchoredError, Receipt, Sent, Ways
from skold.anchors.web import post

REQUEST_TYPE, RESPONSE_TYPE = "application/timestamp-query", "application/timestamp-reply"
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")


def send_to_authority(place: Place, sent: Sent, ways: Ways) -> Receipt:
    """Raises NotAnchoredError."""
    text = sent.text.encode()
    request = TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build()
    answer = post(place.url, request.as_bytes(), {"Content-Type": REQUEST_TYPE}, ways.patience)
    if answer.cut:
        raise NotAnchoredError("the answer is far longer than a time stamp")
    response = _decode(answer.body)
    _check_answer(response, request, text)
    verified = ways.stamp_ca_file is not None
    if ways.stamp_ca_file is not None:
        _verify_signer(response, request, text, ways.stamp_ca_file)
    said = response.tst_info.gen_time.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    return Receipt(answer.body, RESPONSE_TYPE, verified, said)


def _decode(raw: bytes) -> TimeStampResponse:
    try:
        return decode_timestamp_response(raw)
    except ValueError as error:
        raise NotAnchoredError("the answer is no time stamp (RFC 3161)") from error


def _check_answer(response: TimeStampResponse, request: TimeStampRequest, text: bytes) -> None:
    """What needs no certificate (RFC 3161 section 2.4.2)."""
    if response.status not in {PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS}:
        raise NotAnchoredError(f"the authority refused with status {response.status}")
    try:
        info = response.tst_info
        imprint = info.message_imprint
        same = (
            imprint.hash_algorithm == _SHA256 and imprint.message == hashlib.sha256(text).digest()
        )
        nonce = info.nonce
    except ValueError as error:
        raise NotAnchoredError("the answer holds no time stamp (RFC 3161)") from error
    if not same:
        raise NotAnchoredError("the time stamp is for something else than the checkpoint")
    if nonce != request.nonce:
        raise NotAnchoredError("the time stamp answers another request")


def _verify_signer(
    response: TimeStampResponse, request: TimeStampRequest, text: bytes, ca_file: Path
) -> None:
    builder = VerifierBuilder.from_request(request)
    for certificate in _certificates(ca_file):
        if certificate.issuer == certificate.subject:
            builder = builder.add_root_certificate(certificate)
        else:
            builder = builder.add_intermediate_certificate(certificate)
    try:
        builder.build().verify_message(response, text)
    except (VerificationError, ValueError) as error:
        raise NotAnchoredError(f"the time stamp's signature does not verify: {error}") from error


def _certificates(ca_file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(ca_file.read_bytes())
    except (OSError, ValueError) as error:
        raise NotAnchoredError(f"{ca_file.name} holds no certificates: {error}") from error
