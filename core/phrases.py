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
    NOT_OURS = "not_ours"
    COMPLAINT = "complaint"
    SORRY = "sorry"
    PERSON_TOO = "person_too"
    LOOK_UP_AGAIN = "look_up_again"
    LOOK_UP_WHICH = "look_up_which"
    LOOK_UP_CONFIRM = "look_up_confirm"
    LOOK_UP_STOPPED = "look_up_stopped"
    LOOK_UP_CANNOT = "look_up_cannot"
    LOOK_UP_PRIVATE = "look_up_private"
    LOOK_UP_NOT_FOUND = "look_up_not_found"
    LOOK_UP_NOT_SAID = "look_up_not_said"
    LOOK_UP_FAILED = "look_up_failed"
    YES = "yes"
    NO = "no"
    YOU_CAN_WRITE = "you_can_write"


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
        Phrase.NOT_OURS: (
            "That is outside of what I can help with here. If it is about our shop after all, a person on our team can help "
            "you:\n\n{contact}"
        ),
        Phrase.COMPLAINT: (
            "I am sorry that this went wrong, and I understand that you are not happy. I would rather have a person look "
            "into it than guess:\n\n{contact}"
        ),
        Phrase.SORRY: "I am sorry that this went wrong.",
        Phrase.PERSON_TOO: "If you would rather have a person look into it:\n\n{contact}",
        Phrase.LOOK_UP_AGAIN: "I don't recognise that as the {what}. It looks like this: {example}. {question}",
        Phrase.LOOK_UP_WHICH: "I can look up one at a time. Which {what}: {choices}?",
        Phrase.LOOK_UP_CONFIRM: "Shall I look this up?\n\n{what}",
        Phrase.LOOK_UP_STOPPED: "All right, I have not looked anything up. What else would you like to know?",
        Phrase.LOOK_UP_CANNOT: "Then I cannot look it up myself. A person on our team can help you:\n\n{contact}",
        Phrase.LOOK_UP_PRIVATE: (
            "That is personal, and others can read along here. Please ask me in a private chat, or reach our team:\n\n{contact}"
        ),
        Phrase.LOOK_UP_NOT_FOUND: (
            "I found nothing that fits this:\n\n{what}\n\nPlease check it and send me what is right, or ask our team:\n\n"
            "{contact}"
        ),
        Phrase.LOOK_UP_NOT_SAID: "The shop's system does not say that yet. It says:",
        Phrase.LOOK_UP_FAILED: (
            "I cannot look that up just now, and I would rather not guess. A person on our team can tell you:\n\n{contact}"
        ),
        Phrase.YES: "Yes",
        Phrase.NO: "No",
        Phrase.YOU_CAN_WRITE: "You can also write: {choices}",
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
        Phrase.NOT_OURS: "这超出了我在这里能帮忙的范围。如果确实与本店有关，我们的人工客服可以帮助您：\n\n{contact}",
        Phrase.COMPLAINT: "很抱歉给您带来了不好的体验，我理解您的心情。这件事我不想随意猜测，请让我们的同事为您处理：\n\n{contact}",
        Phrase.SORRY: "很抱歉给您带来了不好的体验。",
        Phrase.PERSON_TOO: "如果希望由人工为您处理：\n\n{contact}",
        Phrase.LOOK_UP_AGAIN: "这看起来不像{what}，正确的格式如：{example}。{question}",
        Phrase.LOOK_UP_WHICH: "我一次只能查一个。您想查哪个{what}：{choices}？",
        Phrase.LOOK_UP_CONFIRM: "要我帮您查询吗？\n\n{what}",
        Phrase.LOOK_UP_STOPPED: "好的，我没有进行查询。还有什么想了解的吗？",
        Phrase.LOOK_UP_CANNOT: "那我没办法帮您查询。我们的人工客服可以帮助您：\n\n{contact}",
        Phrase.LOOK_UP_PRIVATE: "这涉及个人信息，而这里其他人也能看到。请私聊我，或联系我们的人工客服：\n\n{contact}",
        Phrase.LOOK_UP_NOT_FOUND: "没有查到相符的记录：\n\n{what}\n\n请核对后把正确的信息发给我，或联系我们的人工客服：\n\n{contact}",
        Phrase.LOOK_UP_NOT_SAID: "店里的系统暂时没有这项信息，目前的记录是：",
        Phrase.LOOK_UP_FAILED: "我暂时无法查询，不想随意猜测。我们的人工客服可以告诉您：\n\n{contact}",
        Phrase.YES: "是",
        Phrase.NO: "不用",
        Phrase.YOU_CAN_WRITE: "您也可以发送：{choices}",
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
