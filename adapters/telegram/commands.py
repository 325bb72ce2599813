"""The commands as Telegram's menu shows them, for each language; ``""`` is for everybody else."""

from __future__ import annotations

from telegram import BotCommand

from core.messages import Command

ENGLISH = {
    Command.START: "Say hello",
    Command.HELP: "What I can do",
    Command.NEW: "Start a new conversation",
    Command.HUMAN: "Talk to a person",
    Command.LANGUAGE: "Choose the language, e.g. /language zh",
}
CHINESE = {
    Command.START: "打个招呼",
    Command.HELP: "我能做什么",
    Command.NEW: "开始新的对话",
    Command.HUMAN: "联系人工客服",
    Command.LANGUAGE: "选择语言，例如 /language en",
}
DESCRIPTIONS = {"": ENGLISH, "zh": CHINESE}


def menu(language: str) -> list[BotCommand]:
    return [BotCommand(command.value, description) for command, description in DESCRIPTIONS[language].items()]
