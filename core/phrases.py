"""What Kefu itself says, in Chinese and English; what a shop says stands in its folder."""

from __future__ import annotations

from enum import StrEnum

from core.language import base


class Phrase(StrEnum):
    HELP = "help"
    NEW = "new"
    HUMAN = "human"
    LANGUAGE_SET = "language_set"
    LANGUAGE_WHICH = "language_which"
    ONLY_TEXT = "only_text"
    EMPTY = "empty"
    WHAT = "what"
    TOO_LONG = "too_long"
    UNKNOWN = "unknown"
    QUOTED = "quoted"
    TRYING_AGAIN = "trying_again"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    BUSY = "busy"


_TEXTS: dict[str, dict[Phrase, str]] = {
    "en": {
        Phrase.HELP: (
            "Ask me anything about {shop}: delivery, returns, products, prices.\n\n"
            "- /human – how to reach a person\n- /new – forget this conversation and start again\n"
            "- /language – choose the language ({languages})\n- /help – this message"
        ),
        Phrase.NEW: "This conversation is forgotten. How can I help you?",
        Phrase.HUMAN: "I have noted that you would like to talk to a person. You can reach our team here:\n\n{contact}",
        Phrase.LANGUAGE_SET: "I will answer in English from now on.",
        Phrase.LANGUAGE_WHICH: "Which language? Write one of: {choices}",
        Phrase.ONLY_TEXT: "I can only read text so far. Please write what it is about, and I will gladly help.",
        Phrase.EMPTY: "That message arrived empty. What would you like to know?",
        Phrase.WHAT: "I am here. What would you like to know?",
        Phrase.TOO_LONG: "That message is too long for me: {length} characters, I can read {limit}. Please send the most important part.",
        Phrase.UNKNOWN: "I don't know that, and I would rather not guess. A person on our team can tell you:\n\n{contact}",
        Phrase.QUOTED: "This is what our shop says about it:\n\n{passage}",
        Phrase.TRYING_AGAIN: "Something went wrong while I was answering. One moment, I am trying again …",
        Phrase.FAILED: "I am sorry, I could not answer just now. Your message is kept. A person can help you here:\n\n{contact}",
        Phrase.WITHDRAWN: "The message that I was answering is gone, so I have stopped. What else would you like to know?",
        Phrase.BUSY: (
            "Many people are asking just now, and you would have to wait long for my answer. A person on our team can "
            "help you:\n\n{contact}"
        ),
    },
    "zh": {
        Phrase.HELP: (
            "关于{shop}的任何问题都可以问我：配送、退换货、商品、价格。\n\n"
            "- /human 联系人工客服\n- /new 清除本次对话，重新开始\n"
            "- /language 选择语言（{languages}）\n- /help 显示这条说明"
        ),
        Phrase.NEW: "之前的对话已清除。请问有什么可以帮您？",
        Phrase.HUMAN: "已记下您想联系人工客服。您可以这样找到我们：\n\n{contact}",
        Phrase.LANGUAGE_SET: "好的，接下来我用中文回答您。",
        Phrase.LANGUAGE_WHICH: "请选择语言，回复其中一个：{choices}",
        Phrase.ONLY_TEXT: "目前我只能阅读文字。请用文字告诉我您的问题，我很乐意帮忙。",
        Phrase.EMPTY: "这条消息是空的。请问您想了解什么？",
        Phrase.WHAT: "我在呢，请问您想了解什么？",
        Phrase.TOO_LONG: "这条消息太长了：共 {length} 个字符，我最多能读 {limit} 个。请发送最重要的部分。",
        Phrase.UNKNOWN: "这个问题我不清楚，不想随意猜测。我们的人工客服可以告诉您：\n\n{contact}",
        Phrase.QUOTED: "关于这个问题，本店的说明如下：\n\n{passage}",
        Phrase.TRYING_AGAIN: "刚才回答时出了点问题，请稍等，我再试一次……",
        Phrase.FAILED: "抱歉，我暂时无法回答。您的消息已保留，人工客服可以帮助您：\n\n{contact}",
        Phrase.WITHDRAWN: "您撤回了我正在回答的消息，我就不再继续了。还有什么想了解的吗？",
        Phrase.BUSY: "现在咨询的人很多，我需要很久才能回答您。我们的人工客服可以帮助您：\n\n{contact}",
    },
}


def say(phrase: Phrase, language: str, **values: str | int) -> str:
    """A phrase in ``language``, in English where Kefu does not speak it."""
    return _TEXTS.get(base(language), _TEXTS["en"])[phrase].format(**values)


_ORDINALS = ("", "next", *"second third fourth fifth sixth seventh eighth ninth tenth".split())


def in_line(place: int, seconds: float | None, language: str) -> str:
    """That the shopper has to wait, as number ``place`` (1: next), and about how long if that is known."""
    if base(language) == "zh":
        about = f"，大约需要等{_about(seconds, ' {} 秒', ' {} 分钟')}" if seconds is not None else ""
        return f"您排在第 {place} 位{about}。轮到您时我会马上回答，无需重复发送。"
    ordinal = _ORDINALS[place] if place < len(_ORDINALS) else f"number {place}"
    about = f", about {_about(seconds, '{} seconds', '{} minutes')}" if seconds is not None else ""
    return f"You are {ordinal} in line{about}. No need to write again, I will answer as soon as it is your turn."


def _about(seconds: float, seconds_text: str, minutes_text: str) -> str:
    """Rounded as one says it: tens of seconds, from a minute and a half on minutes."""
    if seconds < 90:
        return seconds_text.format(max(10, round(seconds / 10) * 10))
    return minutes_text.format(round(seconds / 60))


def in_language(texts: dict[str, str], language: str) -> str:
    """The shop's text in ``language``; else in the first language that it is written in."""
    for written, text in texts.items():
        if base(written) == base(language):
            return text
    return next(iter(texts.values()))
