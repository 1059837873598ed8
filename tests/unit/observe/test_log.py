"""One record a line, no secrets, no control characters, no flood."""

import errno
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from trunkline.observe.log import (
    Log,
    LogFormat,
    LogOptions,
    SourceLog,
    escape_controls,
    mask_secrets,
    open_log,
)


class Captured:
    def __init__(self, options: LogOptions) -> None:
        self.stream = io.StringIO()
        self.log: Log = open_log(options, self.stream)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture
def json_log() -> Iterator[Captured]:
    captured = Captured(LogOptions())
    yield captured
    captured.log.close()


@pytest.fixture
def console_log() -> Iterator[Captured]:
    captured = Captured(LogOptions(format=LogFormat.CONSOLE, level="debug"))
    yield captured
    captured.log.close()


def test_a_record_is_one_json_line(json_log: Captured) -> None:
    structlog.get_logger().info("started", node="a", calls=3, ratio=0.5, ok=True, none=None)
    [record] = json_log.records
    assert record.pop("at").endswith("Z")
    assert record == {
        "event": "started",
        "level": "info",
        "node": "a",
        "calls": 3,
        "ratio": 0.5,
        "ok": True,
        "none": None,
    }


def test_level_filters(json_log: Captured) -> None:
    structlog.get_logger().debug("too fine")
    assert json_log.lines == []


def test_level_changes_for_loggers_that_exist(json_log: Captured) -> None:
    logger = structlog.get_logger()
    json_log.log.set_level("debug")
    logger.debug("finer")
    json_log.log.set_level("error")
    logger.warning("not any more")
    logging.getLogger("asyncio").warning("nor this")
    assert [record["event"] for record in json_log.records] == ["finer"]


HOSTILE = "a\r\nforged line\x1b[2J\x00\x7f\x9b31m\u202e\u2028\udc80end"


@pytest.mark.parametrize("fixture", ["json_log", "console_log"])
def test_control_characters_are_escaped(fixture: str, request: pytest.FixtureRequest) -> None:
    captured: Captured = request.getfixturevalue(fixture)
    structlog.get_logger().warning(
        f"odd {HOSTILE}", value=HOSTILE, deep={"key": [HOSTILE.encode("utf-8", "replace")]}
    )
    [line] = captured.lines
    assert line.isprintable()
    assert "forged line" in line


def test_console_line_reads_well(console_log: Captured) -> None:
    structlog.get_logger().debug("call ended", call_id="c1", talk_s=1.5)
    [line] = console_log.lines
    assert line.split(" ", 1)[1] == 'debug    call ended call_id="c1" talk_s=1.5'


def test_secrets_are_masked(json_log: Captured) -> None:
    structlog.get_logger().info(
        "odd sip:bob:hunter2@host",
        api_secret="hunter2",
        ha1="hunter2",
        headers={"authorization": 'Authorization: Digest username="k", response="hunter2"'},
        sdp=b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:hunter2",
        account="k",
    )
    [line] = json_log.lines
    assert "hunter2" not in line
    assert json_log.records[0]["account"] == "k"


def test_processors_leave_the_plain_alone() -> None:
    event = {"event": "Anruf für Zoë", "n": 1}
    assert escape_controls(None, "info", mask_secrets(None, "info", dict(event))) == event


def test_long_values_are_cut(json_log: Captured) -> None:
    structlog.get_logger().info("long", value="x" * 100_000)
    assert len(json_log.lines[0]) < 5000


def test_exception_stays_on_its_line(json_log: Captured) -> None:
    try:
        raise ValueError("bad\nthing sip:bob:hunter2@host")
    except ValueError:
        structlog.get_logger().exception("fault")
    [record] = json_log.records
    assert "ValueError: bad" in record["exception"]
    assert "hunter2" not in record["exception"]


def test_standard_library_records_join(json_log: Captured) -> None:
    logging.getLogger("asyncio").error("Task %s\n failed", 7)
    logging.getLogger("asyncio").info("chatter")
    [record] = json_log.records
    assert (record["event"], record["logger"], record["level"]) == ("Task 7\\n failed", "asyncio", "error")


class Broken(io.StringIO):
    def write(self, _: str, /) -> int:
        raise self.error

    error: Exception


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "full"), BrokenPipeError(errno.EPIPE, "gone"), ValueError("closed")]
)
def test_a_log_that_cant_be_written_costs_its_lines_alone(error: Exception) -> None:
    stream = Broken()
    stream.error = error
    log = open_log(LogOptions(), stream)
    structlog.get_logger().info("started")
    logging.getLogger("library").warning("late")
    log.close()


def test_closing_lets_go(json_log: Captured) -> None:
    json_log.log.close()
    logging.getLogger("asyncio").error("late")
    assert json_log.lines == []


def test_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "trunkline.log"
    for event in ("first", "second"):
        log = open_log(LogOptions(path=path))
        structlog.get_logger().info(event)
        log.close()
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["first", "second"]


class TestSourceLog:
    @pytest.fixture(autouse=True)
    def _prepare(self, json_log: Captured) -> None:
        self.captured = json_log
        self.now = 100.0
        self.log = SourceLog(structlog.get_logger(), lambda: self.now, max_sources=3)

    def test_one_line_a_second_and_the_count(self) -> None:
        assert [self.log.warning("malformed", "192.0.2.1") for _ in range(5)] == [
            True,
            False,
            False,
            False,
            False,
        ]
        self.now += 1.0
        assert self.log.warning("malformed", "192.0.2.1", header="via")
        first, second = self.captured.records
        assert "suppressed" not in first
        assert (second["suppressed"], second["source"], second["header"]) == (4, "192.0.2.1", "via")

    def test_sources_do_not_silence_each_other(self) -> None:
        assert self.log.warning("malformed", "192.0.2.1")
        assert self.log.warning("malformed", "192.0.2.2")

    def test_memory_is_bounded_and_the_rest_share_a_line(self) -> None:
        written = [self.log.warning("malformed", f"192.0.2.{n}") for n in range(200)]
        assert sum(written) == 4
        assert len(self.log) == 4
        assert self.captured.records[-1]["source"] == SourceLog.OTHERS

    def test_quiet_sources_are_forgotten_and_their_count_is_told(self) -> None:
        self.log.warning("malformed", "192.0.2.1")
        self.log.warning("malformed", "192.0.2.1")
        self.log.warning("malformed", "192.0.2.2")
        self.now += SourceLog.SWEEP_S
        self.log.warning("malformed", "192.0.2.3")
        assert len(self.log) == 1
        told = self.captured.records[-2]
        assert (told["event"], told["source"], told["suppressed"]) == ("suppressed", "192.0.2.1", 1)
        assert len(self.captured.records) == 4
