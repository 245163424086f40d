"""One port, two planes: whose path is whose."""

import asyncio

import pytest

from contentserver.planes import Planes, belongs_to_data


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/v1/content/photos/1.jpg", True),
        ("/v1/uploads", True),
        ("/healthz", True),
        ("/readyz", True),
        ("/metrics", True),
        ("/v1", False),
        ("/v10/x", False),
        ("/healthz/", False),
        ("/api/v1/files", False),
        ("/admin/", False),
        ("/static/v1/x", False),
        ("/", False),
    ],
)
def test_it_knows_whose_path_it_is(path: str, data: bool):
    assert belongs_to_data(path) is data


@pytest.fixture
def asked():
    """Both planes as recorders: what each was asked, and what was sent."""
    seen: list[tuple[str, str]] = []

    def plane(name: str):
        async def application(scope, receive, send):
            seen.append((name, scope["type"]))

        return application

    planes = Planes(
        data=plane("data"),
        control=plane("control"),
        is_legacy=lambda scope: scope["path"] == "/photo",
    )

    def ask(**scope) -> list[tuple[str, str]]:
        async def send(message):
            seen.append(("sent", message["type"]))

        asyncio.run(planes(scope, None, send))
        return seen

    return ask


def test_it_hands_start_and_stop_to_the_data_plane(asked):
    assert asked(type="lifespan") == [("data", "lifespan")]


def test_it_hands_the_rest_to_django(asked):
    assert asked(type="http", path="/admin/") == [("control", "http")]


def test_it_closes_a_websocket_that_nobody_serves(asked):
    assert asked(type="websocket", path="/admin/") == [("sent", "websocket.close")]


def test_it_hands_legacy_addresses_to_the_data_plane(asked):
    assert asked(type="http", path="/photo") == [("data", "http")]


@pytest.mark.parametrize(
    ("path", "legacy"),
    [
        ("/photo", True),
        ("/files/a/b.jpg", True),
        ("/admin/", False),
        ("/admin", False),
        ("/api/v1/files/", False),
        ("/static/contentserver/favicon.svg", False),
        ("/favicon.ico", False),
    ],
)
def test_a_legacy_address_never_hides_a_page_of_ours(
    monkeypatch: pytest.MonkeyPatch, path: str, legacy: bool
):
    """Even one that fits everything."""
    from contentserver import asgi

    monkeypatch.setattr(type(asgi._data), "is_legacy_address", lambda _self, _scope: True)
    assert asgi.is_legacy({"path": path}) is legacy
