#!/usr/bin/env python3
"""Verify the certificate of a cut-over without the content server.

    python verify_certificate.py CERTIFICATE.json --key PUBLIC

PUBLIC is the institution's public key for certificates, as `manage.py legacy_certificate --keys`
printed it: 32 bytes in base64. Needs Python 3.9 and the package `cryptography`, nothing else.

The certificate is a JSON object `format kind number issued_at key_id payload signature`. The
Ed25519 signature, in base64, is over the bytes "skold/signed/v1" and a zero, followed by the object
without `signature` in the form of RFC 8785: names sorted, no spaces, UTF-8. There are no fractions,
so that form is unambiguous.
"""

import argparse
import base64
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CONTEXT = b"skold/signed/v1\0"


def refuse_fraction(text: str) -> None:
    raise ValueError(f"the fraction {text} is not allowed")


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify the certificate of a cut-over.")
    parser.add_argument("file")
    parser.add_argument("--key", required=True, help="public key, base64")
    given = parser.parse_args()
    with open(given.file, encoding="utf-8") as file:
        fields = json.load(file, parse_float=refuse_fraction, parse_constant=refuse_fraction)
    if fields.get("format") != "skold-signed-1" or fields.get("kind") != "certificate":
        print("INVALID: this is not a certificate", file=sys.stderr)
        return 1
    signature = base64.b64decode(fields.pop("signature"), validate=True)
    signed = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(given.key, validate=True))
    try:
        key.verify(signature, CONTEXT + signed.encode())
    except InvalidSignature:
        print("INVALID: the signature does not match", file=sys.stderr)
        return 1
    said = fields["payload"]
    print(f"VALID: signed by {fields['key_id']}")
    print(f"{said['source']}: {said['from']} -> {said['to']}{', final' if said['final'] else ''}")
    print(f"{said['time']}  {said['institution']}  {said['node']}")
    for gate in said["gates"]:
        print(f"  {'ok ' if gate['passed'] else 'NO '} {gate['gate']}: {gate['found']}")
    if said["verification"]:
        print(f"  verification {said['verification']['digest']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
