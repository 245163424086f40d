"""What reaches a log: one JSON object a line, with the request's id, never the values of
variables.
"""

import io
import json
import logging
import logging.config

import pytest
import structlog

from contentserver.logs import logging_config


@pytest.fixture
def written():
    """What a logger of the product has written, as parsed lines."""
    stream = io.StringIO()
    made = logging_config("INFO")
    formatter = dict(made["formatters"]["json"])
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter.pop("()")(**formatter))
    logger = logging.getLogger("contentserver.test_logs")
    logger.addHandler(handler)
    logger.propagate, logger.level = False, logging.INFO
    yield logger, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)


def test_it_writes_one_json_object_a_line_whatever_the_message_holds(written):
    logger, lines = written
    logger.info("a\nb %s", '"}\n{"event": "forged"}', extra={"size": 3})
    (line,) = lines()
    assert line["event"] == 'a\nb "}\n{"event": "forged"}'
    assert (line["level"], line["size"], line["timestamp"][-1]) == ("info", 3, "Z")


def test_it_puts_the_requests_id_on_every_line(written):
    logger, lines = written
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        logger.info("within")
    logger.info("without")
    assert [line.get("request_id") for line in lines()] == ["r-1", None]


def test_it_shows_a_traceback_without_the_values_of_variables(written):
    logger, lines = written
    api_key = "skd_" + "secret" * 3
    try:
        int("no number")
    except ValueError:
        logger.exception("failed")
    (line,) = lines()
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert api_key not in json.dumps(line)


def test_it_never_writes_an_access_line_because_signatures_are_in_addresses():
    access = logging_config("DEBUG")["loggers"]["uvicorn.access"]
    assert access == {"handlers": [], "level": "ERROR", "propagate": False}
