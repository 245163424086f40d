"""Runs under PyPI `tink` in an environment of its own: encrypts and decrypts what it is asked to.

One JSON request a line on standard input, one JSON answer a line on standard output:
{"op": "encrypt" or "decrypt", "key": hex, "ad": hex, "source": path, "target": path} answers
{"size": bytes written} or {"error": text}. Imports nothing of this repository.
"""

import base64
import io
import json
import sys

import tink
from tink import json_proto_keyset_format, secret_key_access, streaming_aead

SEGMENT_SIZE = 131072


def keyset(key: bytes) -> str:
    """A Tink keyset of one AesGcmHkdfStreamingKey: 128 KiB segments, 32-byte keys, SHA-256."""
    params = b"\x08" + varint(SEGMENT_SIZE) + b"\x10\x20" + b"\x18\x03"
    proto = b"\x12" + varint(len(params)) + params + b"\x1a" + varint(len(key)) + key
    data = {
        "typeUrl": "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey",
        "value": base64.b64encode(proto).decode(),
        "keyMaterialType": "SYMMETRIC",
    }
    entry = {"keyData": data, "status": "ENABLED", "keyId": 1, "outputPrefixType": "RAW"}
    return json.dumps({"primaryKeyId": 1, "key": [entry]})


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def primitive(key: bytes) -> streaming_aead.StreamingAead:
    handle = json_proto_keyset_format.parse(keyset(key), secret_key_access.TOKEN)
    return handle.primitive(streaming_aead.StreamingAead)


class Sink(io.BytesIO):
    """Keeps its bytes when the encrypting stream closes it."""

    result = b""

    def close(self) -> None:
        if not self.closed:
            self.result = self.getvalue()
        super().close()


def answer(request: dict[str, str]) -> dict[str, object]:
    aead = primitive(bytes.fromhex(request["key"]))
    ad = bytes.fromhex(request["ad"])
    with open(request["source"], "rb") as source:
        given = source.read()
    if request["op"] == "decrypt":
        with aead.new_decrypting_stream(io.BytesIO(given), ad) as stream:
            made = stream.read()
    else:
        sink = Sink()
        with aead.new_encrypting_stream(sink, ad) as stream:
            stream.write(given)
        made = sink.result
    with open(request["target"], "wb") as target:
        target.write(made)
    return {"size": len(made)}


def main() -> None:
    streaming_aead.register()
    for line in sys.stdin:
        try:
            result = answer(json.loads(line))
        except (tink.TinkError, OSError, ValueError) as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
