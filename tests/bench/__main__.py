"""``python -m tests.bench [engine|turns|chaos|soak …]``: the same as ``python -m bots bench``; without arguments turns and engine."""

from __future__ import annotations

import sys

from bots.bench import app


def main(arguments: list[str]) -> None:
    if arguments:
        app(arguments, prog_name="python -m bots bench")
    app(["turns"], standalone_mode=False)
    app(["engine"], prog_name="python -m bots bench")


if __name__ == "__main__":
    main(sys.argv[1:])
