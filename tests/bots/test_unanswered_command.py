"""`python -m bots unanswered`, from a question that nobody could answer to its answer."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bots.running import command, edit, shop

QUESTION = "Is there a garage for bicycles?"


async def test_from_the_question_to_its_answer(tmp_path: Path) -> None:
    made = str(shop(tmp_path))
    code, out, err = await command(tmp_path, "unanswered", made)
    assert (code, "nothing was left unanswered in the last 30 days" in out) == (0, True), err
    code, out, err = await command(tmp_path, "chat", made, "--ask", QUESTION, "--json")
    assert json.loads(out)["rung"] == "unknown", err

    code, out, err = await command(tmp_path, "unanswered", made, "--json")
    theme = json.loads(out)
    assert (code, theme["asked"], theme["questions"]) == (0, 1, {"en": [QUESTION]}), err
    code, out, _ = await command(tmp_path, "unanswered", made, "--drafts")
    assert (code, "1 draft" in out, QUESTION in out) == (0, True, True)
    edit(tmp_path / "shop" / "drafts.yaml", "en: ''", "en: Yes, behind the building.")
    code, out, err = await command(tmp_path, "unanswered", made, "--publish")
    assert (code, "in answers.yaml now" in out) == (0, True), err

    code, out, err = await command(tmp_path, "chat", made, "--ask", QUESTION, "--json")
    assert json.loads(out)["text"].startswith("Yes, behind the building."), err
    code, out, err = await command(tmp_path, "unanswered", made)
    assert "would be answered now and are left out" in out


async def test_drafts_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    made = shop(tmp_path)
    (made / "drafts.yaml").write_text("- id: [\n")
    code, _, err = await command(tmp_path, "unanswered", str(made), "--publish")
    assert code == 1
    assert "drafts.yaml:" in err
