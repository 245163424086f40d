"""Our HMAC is everybody's HMAC."""

import hashlib
import hmac
import os

import pytest

from contentserver.store.derive import mac


@pytest.mark.parametrize("key_size", [0, 1, 31, 32, 63, 64, 65, 128, 200])
@pytest.mark.parametrize("size", [0, 1, 55, 56, 64, 480, 5000])
def test_it_equals_the_standard_library(key_size: int, size: int) -> None:
    key, message = os.urandom(key_size), os.urandom(size)
    assert mac(key, message) == hmac.new(key, message, hashlib.sha256).digest()


def test_it_equals_the_examples_of_rfc_4231() -> None:
    assert mac(b"\x0b" * 20, b"Hi There").hex() == (
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    )
    long = b"Test Using Larger Than Block-Size Key - Hash Key First"
    assert mac(b"\xaa" * 131, long).hex() == (
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    )
