"""Reading one file of a bot's folder strictly: every mistake with its line, its key and what would be right."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from core.errors import Problem

Config = TypeVar("Config", bound=BaseModel)
MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_DEPTH = 50


@dataclass(slots=True)
class Reading:
    """The mistakes found so far, and the hash of all that was read."""

    folder: Path
    problems: list[Problem] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)

    def wrong(self, file: Path, line: int, key: str, wrong: str, right: str = "") -> None:
        self.problems.append(Problem(str(file.relative_to(self.folder)), line, key, wrong, right))

    def text(self, file: Path) -> str | None:
        try:
            data = file.read_bytes()
        except OSError as error:
            self.wrong(file, 0, "", f"cannot be read: {error.strerror}")
            return None
        if len(data) > MAX_FILE_BYTES:
            self.wrong(file, 0, "", f"has {len(data)} bytes", f"At most {MAX_FILE_BYTES} are read")
            return None
        self.digest.update(str(file.relative_to(self.folder)).encode() + b"\0" + data + b"\0")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            self.wrong(file, line, "", "is not UTF-8 text", "Save it with the encoding UTF-8")
            return None


def read_yaml(reading: Reading, file: Path, model: type[Config], required: bool) -> Config | None:
    if not file.exists():
        if required:
            reading.wrong(file, 0, "", "is missing", "A bot needs it; python -m bots new DIR makes a commented example")
        return None
    data = parse_yaml(reading, file)
    if data is not None and not isinstance(data, CommentedMap):
        reading.wrong(
            file, 1, "", "must be made of 'key: value' lines", f"Begin with {next(iter(model.model_fields))}:"
        )
        return None
    return None if data is None else validated(reading, file, model, data, data, ())


def parse_yaml(reading: Reading, file: Path, quiet: bool = False) -> Any:
    """YAML with positions (ruamel's CommentedMap and CommentedSeq), None if it is none."""
    if quiet and not file.exists():
        return None
    text = file.read_text(encoding="utf-8-sig", errors="replace") if quiet else reading.text(file)
    if text is None:
        return None
    if _nested_deeper(text, MAX_DEPTH):
        if not quiet:
            reading.wrong(file, 0, "", f"is nested deeper than {MAX_DEPTH} brackets", "Is a closing bracket missing?")
        return None
    try:
        data = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        if not quiet:
            reading.wrong(
                file, line, "", f"is no proper YAML: {error.problem or error.context}", _yaml_hint(str(error.problem))
            )
        return None
    except ReaderError as error:
        if not quiet:
            line = text[: error.position].count("\n") + 1
            reading.wrong(file, line, "", f"has a character that YAML does not allow: {error.character!r}")
        return None
    except (YAMLError, ValueError, RecursionError) as error:
        if not quiet:
            reading.wrong(file, 0, "", f"is no proper YAML: {error}")
        return None
    if data is None and not quiet:
        reading.wrong(file, 0, "", "is empty", "python -m bots new DIR makes a commented example")
    return data


def _nested_deeper(text: str, limit: int) -> bool:
    """Whether brackets are opened more than ``limit`` deep; the parser would need minutes for thousands."""
    depth = 0
    for line in text.splitlines():
        if line[:1].isalpha() or line.startswith("- "):
            depth = 0  # a new key or item: a lonely bracket in a text above does not count
        for character in line:
            if character in "[{":
                depth += 1
                if depth > limit:
                    return True
            elif character in "]}":
                depth = max(0, depth - 1)
    return False


def _yaml_hint(problem: str) -> str:
    if "duplicate key" in problem:
        return "Write each key once"
    if "tab" in problem or "\\t" in problem:
        return "Indent with spaces, not with tabs"
    return "Look at the indentation, and put texts with ': ' or '#' into \"quotation marks\""


def validated(
    reading: Reading, file: Path, model: type[Config], item: object, root: Any, at: tuple[str | int, ...]
) -> Config | None:
    try:
        return model.model_validate(item)
    except ValidationError as error:
        for details in error.errors():
            path = at + tuple(part for part in details["loc"])
            key = ".".join(str(part) for part in path if part != "[key]")
            reading.wrong(file, line_of(root, path), key, what_is_wrong(details), what_is_right(details, model))
        return None


def line_of(data: object, path: Iterable[str | int]) -> int:
    """The line (from 1) of the deepest part of ``path`` that stands in the file; 0 if the file has no positions."""
    line = 1 if isinstance(data, (CommentedMap, CommentedSeq)) else 0
    for part in path:
        if isinstance(data, CommentedMap) and part in data:
            line = data.lc.key(part)[0] + 1
        elif isinstance(data, CommentedSeq) and isinstance(part, int) and part < len(data):
            line = data.lc.item(part)[0] + 1
        elif isinstance(data, CommentedMap) and part == 0:  # a list of one, written without its dash
            continue
        else:
            break
        data = data[part]
    return line


def what_is_wrong(details: ErrorDetails) -> str:
    kind, value = details["type"], details["input"]
    if kind == "extra_forbidden":
        return "is no known key"
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(details["ctx"]["error"]) if "ctx" in details else details["msg"]
    shown = (
        repr(value) if not isinstance(value, (Mapping, list)) else type(value).__name__.replace("Commented", "").lower()
    )
    return f"{shown[:80]} does not fit: {details['msg'][0].lower()}{details['msg'][1:]}"


def what_is_right(details: ErrorDetails, model: type[BaseModel]) -> str:
    if details["type"] == "extra_forbidden":
        owner = _model_at(model, details["loc"][:-1])
        return nearest(str(details["loc"][-1]), list(owner.model_fields)) if owner else ""
    if details["type"] == "missing":
        owner = _model_at(model, details["loc"][:-1])
        info = owner.model_fields.get(str(details["loc"][-1])) if owner else None
        return f"Write {details['loc'][-1]}: {info.description}" if info and info.description else ""
    return ""


def nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.6)
    return f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(known)}"


def _model_at(model: type[BaseModel], path: Iterable[str | int]) -> type[BaseModel] | None:
    """The model that a path of keys leads to, through optional and list fields, and through mappings by name."""
    named = False
    for part in path:
        if isinstance(part, int) or named:
            named = False
            continue
        info = model.model_fields.get(part)
        found = _models_in(info.annotation) if info else None
        if info is None or found is None:
            return None
        model, named = found, get_origin(info.annotation) is dict
    return model


def _models_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _models_in(inner)
        if found is not None:
            return found
    return None
