"""The log of a process, as an operator reads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bots.running import environment

FAILS = """
import logging, sys
import structlog
from bots.logs import configure_logs

configure_logs(sys.argv[1], "info")

def connect(token):
    raise ConnectionError("the line is dead")

for log in (structlog.get_logger("bots"), logging.getLogger("discord")):
    try:
        connect("-".join(["secret", "of", "the", "shop"]))
    except ConnectionError:
        log.exception("not connected")
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_says_where_but_shows_no_variables(form: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILS, form], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("not connected") == 2
    assert done.stderr.count("ConnectionError: the line is dead") == 2
    assert "in connect" in done.stderr
    assert "secret-of-the-shop" not in done.stderr
