"""The house: whose packages these are, who may import whom, what may lie in the repository."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = {name: (ROOT / name).read_text("utf-8") for name in ("requirements.lock", "requirements-dev.lock")}
TOP = {
    "adapters",
    "bots",
    "core",
    "models",
    "tests",
    "LICENSE",
    "Makefile",
    "README.md",
    "pyproject.toml",
    *LOCKS,
}
MAX_BYTES = 1_000_000
MAX_LINES = 500
# The first letters stand in brackets, so that this line is none of those it looks for.
ONE_MACHINE = re.compile(r"(?<![\w.~-])/(?:[r]oot|[h]ome/\w+|[U]sers/\w+)/")


def repository() -> list[Path]:
    """The files that git has or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):  # an archive without git, or somebody else's checkout
        return [path for path in _walk(ROOT) if path.is_file()]
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def _walk(folder: Path) -> list[Path]:
    left_out = {".git", ".venv", ".kefu", ".hypothesis", "__pycache__"}
    found: list[Path] = []
    for path in folder.iterdir():
        if path.name not in left_out and not path.name.endswith("_cache"):
            found += _walk(path) if path.is_dir() else [path]
    return found


FILES = repository()


# ── packages ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["bots", "core", "adapters", "models"])
def test_a_package_is_the_one_of_this_checkout(name: str) -> None:
    """Foreign packages of these names exist on the package index, and one of them would win in silence."""
    assert importlib.import_module(name).__file__ == str(ROOT / name / "__init__.py")


def test_nothing_is_ever_published() -> None:
    assert PROJECT["tool"]["setuptools"]["packages"] == []
    assert "Private :: Do Not Upload" in PROJECT["project"]["classifiers"]


def test_the_import_contract_has_no_exceptions() -> None:
    linter = PROJECT["tool"]["importlinter"]
    assert set(linter["root_packages"]) == {"bots", "adapters", "models", "core"}
    (contract,) = linter["contracts"]
    assert contract["type"] == "layers"
    assert contract["layers"] == ["bots", "adapters | models", "core"]
    assert not set(contract) - {"name", "type", "layers"}, "a contract with exceptions is none"


def test_the_import_contract_is_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# ── the lock file ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_a_lock_names_no_index(lock: str) -> None:
    assert "://" not in lock
    assert not re.search(r"^\s*--(?!hash)", lock, re.MULTILINE), "an option other than a hash"


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    requirements = [
        line for line in lock.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")
    ]
    assert len(requirements) > 50
    for line in requirements:
        assert re.match(r"[A-Za-z0-9._-]+(\[[\w,-]+\])?==[\w.+!-]+(\s|$)", line), line[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), f"no hash: {line[:80]}"


def test_every_dependency_is_in_its_lock() -> None:
    run, dev = ({_name(line) for line in _requirements(lock)} for lock in LOCKS.values())
    runs_with = {_name(one) for one in PROJECT["project"]["dependencies"]}
    develops_with = {_name(one) for one in PROJECT["dependency-groups"]["dev"]}
    assert runs_with <= run, f"run make lock: {sorted(runs_with - run)}"
    assert develops_with <= dev, f"run make lock: {sorted(develops_with - dev)}"


def test_both_locks_pin_the_same_versions() -> None:
    run, dev = ({line.partition(" ")[0] for line in _requirements(lock)} for lock in LOCKS.values())
    assert run <= dev, f"run make lock: {sorted(run - dev)}"


def _requirements(lock: str) -> list[str]:
    return [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]


def _name(requirement: str) -> str:
    return re.split(r"[\s\[=<>!~;]", requirement, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_top_level_is_as_given() -> None:
    found = {path.relative_to(ROOT).parts[0] for path in FILES}
    assert {name for name in found if not name.startswith(".")} == TOP


def test_no_model_and_nothing_big_is_in_the_repository() -> None:
    for path in FILES:
        assert path.stat().st_size <= MAX_BYTES, f"{path.relative_to(ROOT)} is too big"
        with path.open("rb") as file:
            assert file.read(4) != b"GGUF", f"{path.relative_to(ROOT)} is a model"


def test_no_file_names_a_folder_of_one_machine() -> None:
    for path in FILES:
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
            assert not ONE_MACHINE.search(line), f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"


def test_no_python_file_is_long() -> None:
    for path in FILES:
        if path.suffix == ".py":
            lines = len(path.read_text("utf-8").splitlines())
            assert lines <= MAX_LINES, f"{path.relative_to(ROOT)} has {lines} lines"


def test_every_make_target_has_a_help_text() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z]+):", makefile, re.MULTILINE)
    helped = re.findall(r"^([a-z]+):.*?## \S", makefile, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert targets == helped
    assert phony
    assert sorted(phony[1].split()) == sorted(targets)


def test_the_check_of_a_fresh_machine_can_be_run() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    text = script.read_text("utf-8")
    assert re.search(r"^make test$", text, re.MULTILINE)
    assert "KEFU_TEST_NO_SKIP=1" in text
