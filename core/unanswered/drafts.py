"""Drafts of approved answers for a person to finish: drafts.yaml in the bot's folder, which the bot itself does not read.

What somebody has written in it stays, comments too. A finished draft goes to the end of answers.yaml.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from core.botfile import load_bot
from core.config import ApprovedAnswerConfig
from core.errors import ConfigError
from core.unanswered.themes import Theme
from core.yamlfile import Reading, line_of, parse_yaml, validated

FILE = "drafts.yaml"
ANSWERS = "answers.yaml"
QUESTIONS = 6
HEADER = """# Drafts of approved answers, from questions that nobody could be told anything on.
# The bot does not read this file. Write the answers, strike out what is no question for it, and then:
#   python -m bots unanswered {folder} --publish
# Drafts whose answers are still empty stay here; a draft that you do not want can be deleted.
"""


def draft(folder: Path, themes: Sequence[Theme], languages: Sequence[str]) -> list[str]:
    """Write a draft for each theme that has none yet; the ids of the new ones. Raises ConfigError."""
    known, taken = _questions(folder), {str(entry.get("id")) for entry in _read(folder)} | _ids(folder)
    written: list[str] = []
    made: list[str] = []
    for theme in themes:
        questions = {
            language: [question for question in theme.questions.get(language, ()) if _bare(question) not in known]
            for language in languages
        }
        asked = {language: said[:QUESTIONS] for language, said in questions.items() if said}
        if not asked:
            continue
        name = _free_id(theme, taken)
        entry = CommentedMap(id=name, questions=CommentedMap(asked), answer=CommentedMap(dict.fromkeys(asked, "")))
        written.append(f"{_note(theme)}{_dumped([entry])}")
        taken.add(name)
        made.append(name)
    if made:
        file = folder / FILE
        before = file.read_text(encoding="utf-8-sig") if file.exists() else HEADER.format(folder=folder.name)
        _replace(file, "\n".join([before.rstrip("\n") + "\n", *written]))
    return made


def _note(theme: Theme) -> str:
    shoppers = "1 shopper" if theme.shoppers == 1 else f"{theme.shoppers} shoppers"
    return f"# {theme.title}: asked {theme.asked} times by {shoppers}, last on {theme.last.date().isoformat()}\n"


def publish(folder: Path) -> list[str]:
    """Put the finished drafts at the end of answers.yaml; their ids. Raises ConfigError, and nothing is changed then."""
    drafts = _read(folder)
    finished = [
        entry for entry in drafts if any(str(text or "").strip() for text in (entry.get("answer") or {}).values())
    ]
    if not finished:
        return []
    reading = Reading(folder)
    file = folder / FILE
    for index, entry in enumerate(drafts):
        if any(entry is one for one in finished):
            validated(reading, file, ApprovedAnswerConfig, _plain(entry), drafts, (index,))
    if reading.problems:
        raise ConfigError(tuple(sorted(reading.problems)))
    _append(folder, [_plain(entry) for entry in finished])
    if len(finished) == len(drafts):
        file.unlink()
    else:
        _replace(file, _without(file.read_text(encoding="utf-8-sig"), drafts, finished))
    return [str(entry["id"]) for entry in finished]


def _append(folder: Path, entries: Sequence[CommentedMap]) -> None:
    """To answers.yaml, or nothing if the bot could not be read then. What stands there already is not written twice."""
    answers, known = folder / ANSWERS, {str(entry.get("id")): entry for entry in _entries(folder / ANSWERS)}
    new = [entry for entry in entries if known.get(str(entry["id"])) != entry]
    if not new:
        return
    before = answers.read_text(encoding="utf-8-sig") if answers.exists() else ""
    _replace(answers, "\n\n".join(part for part in (before.rstrip(), _dumped(new)) if part))
    try:
        load_bot(folder)
    except ConfigError:
        _replace(answers, before)
        raise


# ── the files ────────────────────────────────────────────────────────────────────────────────────────────


def _read(folder: Path) -> CommentedSeq:
    reading, file = Reading(folder), folder / FILE
    data = parse_yaml(reading, file) if file.exists() else CommentedSeq()
    if data is None and not reading.problems:
        data = CommentedSeq()  # nothing but comments
    if not reading.problems and not isinstance(data, CommentedSeq):
        reading.wrong(file, 1, "", "must be a list of drafts", "Begin each draft with '- id: …'")
    for index, entry in enumerate(data if isinstance(data, CommentedSeq) else ()):
        if not (isinstance(entry, CommentedMap) and _is_draft(entry)):
            line = line_of(data, (index,))
            reading.wrong(file, line, str(index), "is no draft", "A draft has id, questions and answer; or delete it")
    if reading.problems:
        raise ConfigError(tuple(reading.problems))
    return data


def _is_draft(entry: CommentedMap) -> bool:
    questions, answer = entry.get("questions"), entry.get("answer")
    return "id" in entry and isinstance(questions, CommentedMap) and isinstance(answer, CommentedMap | None)


def _questions(folder: Path) -> set[str]:
    """Every question that is drafted or answered already."""
    found: set[str] = set()
    for name in (FILE, ANSWERS):
        for entry in _entries(folder / name):
            for asked in (entry.get("questions") or {}).values():
                found.update(map(_bare, [asked] if isinstance(asked, str) else asked or []))
    return found


def _ids(folder: Path) -> set[str]:
    return {str(entry.get("id")) for name in (FILE, ANSWERS) for entry in _entries(folder / name)}


def _entries(file: Path) -> Iterable[CommentedMap]:
    data = parse_yaml(Reading(file.parent), file, quiet=True)
    return [entry for entry in data if isinstance(entry, CommentedMap)] if isinstance(data, CommentedSeq) else []


def _bare(question: object) -> str:
    return re.sub(r"[\W_]+", "", str(question).casefold())


def _without(text: str, drafts: CommentedSeq, gone: Sequence[CommentedMap]) -> str:
    """The text of the drafts without some of them and the comments right above these; the rest stays to the letter."""
    lines = text.splitlines(keepends=True)
    starts = [_with_comments(lines, int(drafts.lc.item(index)[0])) for index in range(len(drafts))]
    ends = [*starts[1:], len(lines)]
    for index in reversed(range(len(drafts))):
        if any(drafts[index] is one for one in gone):
            del lines[starts[index] : ends[index]]
    return "".join(lines)


def _with_comments(lines: Sequence[str], start: int) -> int:
    while start and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return start


def _free_id(theme: Theme, taken: Collection[str]) -> str:
    """From the words of the theme if they are Latin letters, else from its number."""
    words = re.findall(r"[a-z0-9]+", theme.title)
    wanted = "-".join(words)[:40] if words else f"theme-{theme.id}"
    return wanted if wanted not in taken else f"{wanted}-{theme.id}"


def _plain(entry: CommentedMap) -> CommentedMap:
    """A draft without what is empty in it, and without its comments."""
    answer = {language: text for language, text in entry["answer"].items() if str(text or "").strip()}
    questions = {
        language: [asked] if isinstance(asked, str) else list(asked) for language, asked in entry["questions"].items()
    }
    rest = {key: value for key, value in entry.items() if key not in ("questions", "answer")}
    return CommentedMap({**rest, "questions": CommentedMap(questions), "answer": CommentedMap(answer)})


def _dumped(entries: Sequence[CommentedMap]) -> str:
    yaml, text = YAML(typ="rt"), io.StringIO()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 120
    yaml.allow_unicode = True
    yaml.dump(CommentedSeq(entries), text)
    return "".join(line.removeprefix("  ") for line in text.getvalue().splitlines(keepends=True))


def _replace(file: Path, text: str) -> None:
    """All of it or nothing: a bot that watches its folder must never read half of a file."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as written:
            written.write(text)
        if file.exists():
            os.chmod(name, file.stat().st_mode)
        else:
            os.chmod(name, 0o644)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
