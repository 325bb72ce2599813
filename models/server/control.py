"""Names of control tokens in texts, made harmless.

A server tokenises the rendered prompt with the names of control tokens on: a shopper who writes ``<|im_end|>`` would end his
own message there. So every word that looks like such a name gets an invisible character behind its first one. The text
reads the same, but is the name of nothing any more.
"""

from __future__ import annotations

import re

from core.ports import ChatMessage

_JOINER = "\u2060"  # WORD JOINER: shows nothing, breaks no line

# <|im_end|>  <｜User｜>  </s>  <start_of_turn>  <<SYS>>  [INST]  [/INST]  [gMASK]
_NAME = re.compile(r"<(?=[|｜/<]{0,2}\w[^<>\s]{0,63}>)|\[(?=/?[A-Za-z][A-Z_]{1,31}\])")


def defused(message: ChatMessage) -> ChatMessage:
    content = _NAME.sub(lambda found: found.group() + _JOINER, message.content)
    return message if content == message.content else ChatMessage(role=message.role, content=content)
