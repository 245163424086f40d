"""Traces: connected, discreet, and nothing at all where nobody asked for them."""

import subprocess
import sys

import pytest

from contentserver.telemetry import is_wanted
from tests.support.bridge import RunningBridge, database_url
from tests.support.plane import REPOSITORY, DataPlane, Home
from tests.support.traces import attributes, collecting

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SECRETS = ("anna.lindh", "class-photo", "q-secret", "127.0.0.1", "python-httpx")


@pytest.fixture
def collector():
    with collecting() as collector:
        yield collector


def test_a_put_gives_connected_spans_and_no_key_query_or_person(start_data_plane, collector):
    plane: DataPlane = start_data_plane(**collector.environment, CONTENTSERVER_LOG_LEVEL="DEBUG")
    secret = plane.api_key.split("_")[2]
    answer = plane.http.put(
        "/v1/content/photos/class-photo.jpg?q=q-secret",
        content=b"bytes",
        headers={
            "traceparent": f"00-{TRACE}-{PARENT}-01",
            "On-Behalf-Of": "anna.lindh",
            "X-Request-Id": "r-4711",
        },
    )
    assert answer.status_code in {201, 400}
    answer = plane.http.put(
        "/v1/content/photos/class-photo.jpg",
        content=b"bytes",
        headers={
            "traceparent": f"00-{TRACE}-{PARENT}-01",
            "On-Behalf-Of": "anna.lindh",
            "X-Request-Id": "r-4712",
        },
    )
    assert answer.status_code in {200, 201}
    put = collector.wait_until(
        lambda span: attributes(span).get("contentserver.request_id") == "r-4712"
    )
    assert put.name == "PUT /v1/content/{collection}/{key}"
    assert (put.trace_id.hex(), put.parent_span_id.hex()) == (TRACE, PARENT)
    told = attributes(put)
    assert told["http.route"] == "/v1/content/{collection}/{key}"
    assert told["http.response.status_code"] == answer.status_code
    names = [child.name for child in collector.children(put)]
    assert "journal durable" in names
    assert any(name.startswith("disk write") for name in names)
    assert collector.services == {"tested"}
    for text in (*SECRETS, secret):
        assert text.encode() not in collector.raw, text


def test_a_refusal_is_a_span_without_the_address(start_data_plane, collector):
    plane: DataPlane = start_data_plane(**collector.environment)
    plane.http.get("/v1/content/photos/absent", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    plane.http.get("/v1/nowhere/class-photo")
    span = collector.wait_for("GET /v1/content")
    assert span.trace_id.hex() == TRACE
    assert attributes(span)["http.response.status_code"] == 404
    lost = collector.wait_until(lambda each: attributes(each).get("http.route") == "none")
    assert lost.name == "GET"
    assert b"absent" not in collector.raw
    assert b"class-photo" not in collector.raw


@pytest.mark.django_db(transaction=True)
def test_the_control_plane_tells_templates_and_statements_of_no_content(
    start_data_plane, collector, monkeypatch
):
    monkeypatch.setattr(DataPlane, "arguments", ())
    plane = start_data_plane(**collector.environment, DATABASE_URL=database_url())
    secret = plane.api_key.split("_")[2]
    plane.http.get("/api/v1/files?search=q-secret", headers={"On-Behalf-Of": "anna.lindh"})
    served = collector.wait_until(lambda span: "api/v1" in span.name)
    page = plane.http.get("/admin/login/?next=/q-secret")
    assert page.status_code == 200
    plane.http.post("/admin/login/", data={"username": "anna.lindh", "password": "q-secret"})
    collector.wait_until(lambda span: "admin/login" in span.name)
    assert "?" not in served.name
    for text in (*SECRETS, secret, 'SELECT "'):
        assert text.encode() not in collector.raw, text


@pytest.mark.django_db(transaction=True)
def test_the_loops_of_the_bridge_hold_their_statements(tmp_path, collector):
    home = Home(tmp_path / "home", CONTENTSERVER_NODE="node-traced")
    home.config.policy.unlink()
    home.environment |= collector.environment
    bridge = RunningBridge(home, database_url())
    bridge.start()
    try:
        loop = collector.wait_for("bridge policy", 20)
        collector.wait_until(lambda span: span.parent_span_id == loop.span_id)
        assert attributes(loop) == {"contentserver.loop": "policy"}
    finally:
        bridge.kill()
    for text in (b'SELECT "', b"INSERT INTO", b"FROM ", str(home.folder).encode()):
        assert text not in collector.raw


@pytest.mark.django_db(transaction=True)
def test_a_task_is_a_span_with_its_statements(tmp_path, collector):
    home = Home(tmp_path / "home")
    environment = {**home.environment, **collector.environment, "DATABASE_URL": database_url()}
    code = (
        "import django; django.setup()\n"
        "from contentserver.tasks import clear_sessions\n"
        "clear_sessions.apply()\n"
        "from contentserver.tracing import flush; flush()\n"
    )
    run(code, environment)
    task = collector.wait_until(lambda span: "clear_sessions" in span.name)
    assert collector.children(task)


IMPORTED = "import sys; print([m for m in sys.modules if m.startswith('opentelemetry')])"


def test_without_the_variables_nothing_of_it_is_imported(home):
    plane = (
        "import asyncio\n"
        "from contentserver.conf import config\n"
        "from contentserver.delivery.app import DataPlane\n"
        "from contentserver.delivery.asgi import data_plane\n"
        "async def main():\n"
        "    async with data_plane(config()) as plane:\n"
        "        assert type(plane) is DataPlane\n"
        "asyncio.run(main())\n"
    )
    django = "import django; django.setup()\nimport contentserver.operations.bridge\n"
    for code in (plane, django):
        assert run(code + IMPORTED, home.environment).strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_SERVICE_NAME": "only a name"}, False),
    ],
)
def test_it_is_on_by_the_standard_variables_alone(environment, wanted):
    assert is_wanted(environment) is wanted


def test_an_exporter_that_nobody_speaks_is_named(home):
    code = "import django; django.setup()"
    environment = {
        **home.environment,
        "DJANGO_SETTINGS_MODULE": "contentserver.settings",
        "OTEL_TRACES_EXPORTER": "zipkin",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False, env=environment, cwd=REPOSITORY, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert "OTEL_TRACES_EXPORTER is otlp, console or none" in done.stderr


def run(code, environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False, cwd=REPOSITORY, capture_output=True, text=True,
        env={**environment, "DJANGO_SETTINGS_MODULE": "contentserver.settings"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
