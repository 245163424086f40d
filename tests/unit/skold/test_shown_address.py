"""What a record keeps of an address."""

import pytest

from skold.credentials import new_api_key
from skold.shown_address import shown


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("/api/v1/files", "/api/v1/files"),
        ("/api/v1/files?", "/api/v1/files?"),
        ("/api/v1/files?search=a&after=b", "/api/v1/files?search=a&after=b"),
        ("/x?expires=1&kid=k&sig=0f&sub=anna", "/x?expires=1&kid=k&sig=[hidden]&sub=anna"),
        ("/x?s%69g=0f", "/x?s%69g=[hidden]"),
        ("/x?SIG=0f&Token=1", "/x?SIG=[hidden]&Token=[hidden]"),
        ("/admin/login/?next=/x%3Fa%3D1%26sig%3D0f", "/admin/login/?next=[hidden]"),
        ("/admin/login/?next=/admin/", "/admin/login/?next=/admin/"),
        ("/x?design=blue&signal=1", "/x?design=blue&signal=1"),
    ],
)
def test_it_keeps_all_but_what_could_be_used_again(address, kept):
    assert shown(address) == kept


def test_an_api_key_is_hidden_wherever_it_stands():
    key = new_api_key()
    assert key.plaintext[18:] not in shown(f"/x/{key.plaintext}?q={key.plaintext}")
    assert key.key_id in shown(f"/x/{key.plaintext}")
