"""Intents and urgency by their words, in Chinese and English. Written for precision: what is found is acted on.

Chinese is compared in simplified characters, so each pattern is written in those alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from core.characters import simplified
from core.signs import in_small_letters


class Intent(StrEnum):
    """What a shopper wants."""

    APPROVED_ANSWER = "approved_answer"
    PRODUCT_QUESTION = "product_question"
    ORDER_QUESTION = "order_question"
    COMPLAINT = "complaint"
    SMALL_TALK = "small_talk"
    WANTS_PERSON = "wants_person"
    OUT_OF_SCOPE = "out_of_scope"


# So much of a message is read: who complains at length has said so before that.
READ = 1000


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_WHO = (
    r"(?:human|person|people|agent|advisor|adviser|representative|rep|operator|manager|supervisor|employee|owner"
    r"|staff|team member|customer (?:service|support|care)|support team|someone|somebody|anyone|anybody)"
)
_ARTICLE = r"(?:(?:a|an|the|your|some|one of your|any)\s+)?(?:(?:real|live|actual|human|proper)\s+)*"
_PLEASE = r"(?:please|pls|plz|now|thanks|thank you|here|again|asap|immediately)"
PERSON_EN = _any(
    rf"\b(?:talk|speak|chat)\s+(?:to|with)\s+{_ARTICLE}{_WHO}\b",
    rf"\b(?:connect|transfer|forward|pass|put)\s+me\s+(?:on\s+|over\s+|through\s+)?(?:to|with)\s+{_ARTICLE}{_WHO}\b",
    r"\b(?:get|give|find|want|need)\s+(?:me\s+)?(?:to\s+\w+\s+)?(?:an?\s+)?(?:real|live|actual|human)\s+"
    r"(?:human|person|agent|operator|rep|representative|being|support|help)\b",
    r"\b(?:get|give)\s+me\s+(?:an?|the|your)\s+(?:human|person|agent|manager|supervisor|representative)\b",
    r"\b(?:want|need)\s+(?:a|an)\s+(?:human|agent|representative)\b",
    r"\b(?:someone|somebody)\s+(?:\w+\s+)?(?:should\s+|must\s+|please\s+|to\s+)?(?:call|phone|ring)\s+me\b",
    r"\b(?:call|phone|ring)\s+me\s+back\b",
    r"\b(?:hand|pass|switch|escalate)\s+(?:me|this|it|us)?\s*(?:over\s+)?to\s+an?\s+(?:real\s+|live\s+)?(?:human|person|agent)\b",
    r"\b(?:someone|somebody|a colleague|one of your colleagues)\s+(?:please\s+)?(?:contact|take over|write to)\b",
    r"\bno more (?:bot|bots|robots?)\b|\bperson,? (?:please,? )?not (?:a )?(?:bot|robot|machine)\b",
    r"\b(?:stop|enough of|tired of|sick of|hate)\s+(?:this|the|talking to (?:a|this|the))\s+(?:bot|robot|machine|chatbot)\b",
    rf"^\W*(?:(?:a|an|the|i want|i need|get me)\s+)?(?:real\s+|live\s+)?(?:human(?: being)?|real person|person|agent"
    rf"|live agent|live chat|operator|representative|customer (?:service|support))(?:\W+{_PLEASE})*\W*$",
)
NOT_PERSON_EN = _any(
    r"\b(?:don['’]?t|do not|no need to|not|never|rather not|without)\b[^.!?\n]{0,25}\b(?:talk|speak|chat|call|phone|connect"
    r"|transfer|human|person|agent)\b",
    r"\b(?:what|when|how) (?:should|do|can) i (?:say|tell)\b",
)
_STAFF = r"(?:真人|人工|活人|客服|经理|店长|老板|主管|负责人)"
# 人工采摘 is picked by hand, 客服电话 asks for a number.
_NOT_STAFF = (
    r"(?!采|香|色|智能|合成|种|栽|制作|手|费|电话|微信|邮箱|号码|时间|几点|上班|下班|工作|在哪|怎么|态度|茶|审|吗的|的)"
)
PERSON_ZH = _any(
    rf"(?:转|接|换)(?:一下|成|到|给|个)?(?:一个|个)?{_STAFF}{_NOT_STAFF}",
    rf"(?:升级|转给|转到|切换)(?:给|到|成)?{_STAFF}{_NOT_STAFF}|(?:给我|帮我|我想|我要)找个?人(?:来|说|聊|处理|帮)|^\W*(?:给我)?找个人\W*$",
    rf"(?:找|要|想要|叫|呼叫|联系)(?:一下|一个|个|你们的?|您们的?)?(?:真人|人工|活人|人工客服|真人客服){_NOT_STAFF}",
    rf"(?:我要|我想|帮我|给我|麻烦|请)(?:找|联系|叫)(?:一下|一个|个)?(?:你们的?)?{_STAFF}{_NOT_STAFF}",
    r"^\W*(?:请|麻烦|我要|我想|我想要|要|找|找你们)?(?:人工|真人|人工客服|真人客服|客服|人工服务)(?:\W|谢谢|在吗|啊|吧|呢|吗|嘛|呀)*$",
    rf"(?:跟|和|与|同)(?:一个|个|你们的?|您们的?)?{_STAFF}.{{0,2}}(?:说|聊|谈|讲|沟通|对话|通话|交流)",
    r"(?:叫|让|请|安排|派|找)(?:一个|个|位)?(?:你们的?)?(?:经理|店长|老板|主管|负责人|人)(?:来|出来|给我|跟我|和我|联系我|回我|回复我|打电话)",
    r"(?:有没有|有)(?:人工客服|真人客服|真人|人工服务)(?:吗|么|在|\W*$)",
    r"(?:不想|不要|不愿|懒得)(?:再)?(?:跟|和|与)(?:一个|个|这个)?机器人|别(?:再)?(?:用|让|拿|叫)机器人",
    r"(?:给我|请|麻烦|让人)(?:回|回个|打|打个)电话(?:给我)?",
)
NOT_PERSON_ZH = _any(
    r"(?:不用|不需要|不要|不想|别|无需|不必|先不)(?:再)?(?:给我)?(?:转|接|找|跟|和|联系|叫)?(?:你们)?(?:真人|人工|客服)",
    r"(?:你|您|对面|这边|那边)(?:到底)?(?:是|是不是|不是)(?:真人|人工|机器人)",
)

COMPLAINT_EN = _any(
    r"\b(?:unacceptable|outrageous|appalling|disgusted|disgraceful|furious|livid|fed up|ripped? off|scammers?|scammed"
    r"|fraudsters?)\b",
    r"\b(?:want|like|wish|need|going|have|where can i|how (?:do|can) i|file|make|lodge|raise)\b.{0,12}\b(?:complain|complaint)\b",
    r"\bi(?:['’]m| am)\s+(?:\w+\s+)?(?:very\s+|so\s+|really\s+|extremely\s+)*(?:disappointed|angry|upset|unhappy|dissatisfied|annoyed|frustrated)\b",
    r"\b(?:terrible|awful|horrible|worst|lousy|shocking|dreadful|rude|poor)\s+(?:customer\s+)?(?:service|support|experience|shop|store|"
    r"company|staff|quality|treatment)\b",
    r"\b(?:service|support|experience|quality|staff|packaging|delivery)\s+(?:is|was|are|were|has been)\s+(?:\w+\s+)?"
    r"(?:terrible|awful|horrible|a joke|a disgrace|useless|rude|pathetic|shocking|dreadful)\b",
    r"\bnever\s+(?:buy|buying|order|ordering|shop|shopping|come|coming)\b.{0,20}\b(?:again|here|from you)\b",
    r"\b(?:this is|what) (?:a )?(?:ridiculous|joke|disgrace|scam|shame on you)\b|\bshame on you\b",
    r"\bi want my money back\b|\b(?:what|such) a waste of money\b|\bi (?:feel|was|got|have been) cheated\b|\bcomplete rubbish\b",
)
NOT_COMPLAINT_EN = _any(
    r"\b(?:can['’]?t|cannot|nothing to|no) complain", r"\b(?:not|n['’]t|never) (?:\w+ )?(?:disappointed|angry|upset)"
)
COMPLAINT_ZH = _any(
    r"投诉|差评|差劲|骗人|骗子|骗钱|坑人|坑钱|黑店|气死|太气人|忍无可忍|不像话|太过分|欺骗|欺诈|消协|维权|12315|烂透|恶心死",
    r"(?:太|真|很|非常|十分|特别|相当)(?:让人|令人|叫人)?(?:失望|生气|差|烂|坑|离谱|恶劣|气愤|不满)(?!不差)",
    r"(?:服务|态度|质量|体验|包装|客服|物流)(?:\w{0,2})(?:太|真|很|这么|那么|极其|非常)(?:差|烂|糟|恶劣|敷衍|不好)",
    r"再也不(?:来|买|会|在)|(?:要|给我)(?:个|一个)?说法|什么(?:破|垃圾|烂)(?:店|服务|东西|客服|质量|茶)|(?:店|服务|东西|客服|质量)(?:真|太)?垃圾",
)
NOT_COMPLAINT_ZH = _any(
    r"(?:不|没有?|不会|不太)(?:让人|令人)?(?:失望|生气)|(?:不是|不算|没那么)(?:很|太|特别)差|(?:会不会|是不是|怕)(?:太|很)"
)

_ORDER = r"(?:order|parcel|package|packet|delivery|shipment|purchase)"
ORDER_EN = _any(
    rf"\bwhere(?:['’]s| is| are)\s+(?:my|the)\s+(?:\w+\s+)?{_ORDER}s?\b",
    rf"\b(?:track|trace|locate|cancel|change|modify|check)\s+(?:my|an|the|this)\s+(?:\w+\s+)?{_ORDER}\b",
    rf"\b(?:status|tracking)\b.{{0,12}}\b(?:of|for|on)\s+(?:my|the|this)\s+(?:\w+\s+)?{_ORDER}\b",
    rf"\b(?:has|did|is|when will|when does|will)\s+my\s+(?:\w+\s+)?{_ORDER}\b",
    rf"\bmy\s+(?:\w+\s+)?{_ORDER}\s+(?:has(?:n['’]t| not)?|is(?:n['’]t| not)?|did(?:n['’]t| not)|still|never)\b",
    r"\border\s*(?:number|no\.?|nr\.?|#|id)?\s*[:#]?\s*[A-Z]{0,3}-?\d{4,}\b",
)
ORDER_ZH = _any(
    r"(?:我的|我那个|我买的|那个|这个)(?:订单|快递|包裹|单子)(?!怎么下)",
    r"(?:订单|快递|包裹|物流)(?:\w{0,4})(?:到哪|在哪|哪儿|哪了|什么时候|几时|多久|还没|没到|没收到|没动|没更新|状态|进度|发了|发货|查)",
    r"(?:查|查询|查看|跟踪|取消|修改|改)(?:一下|下)?(?:我的?)?(?:订单|快递|包裹|物流)",
    r"我(?:的)?(?:买的)?(?:货|东西|茶)(?:\w{0,3})(?:发了|发货|到哪|还没到|没收到|什么时候到)|订单号?\s*[:：#]?\s*[A-Za-z]{0,3}-?\d{4,}",
)

SMALL_TALK = _any(
    r"^\W*(?:hi|hello|hey|hiya|yo|good (?:morning|afternoon|evening|night|day)|thanks?|thank you|thx|ty|cheers|bye|goodbye|see you"
    r"|you(?:['’]re| are) welcome|nice|great|cool|ok|okay|lol|haha+|how are you|what['’]s up)(?:\W+(?:there|you|all|everyone|so much"
    r"|very much|a lot|again|today|bye|hello|hi|thanks|doing))*\W*$",
    r"^\W*(?:你好|您好|嗨|哈喽|哈啰|早|早上好|早安|中午好|下午好|晚上好|晚安|在吗|在不在|谢谢|谢了|多谢|感谢|再见|拜拜|好的|好|嗯+|哈哈+|呵呵|辛苦了"
    r"|没事了|吃了吗)(?:你|您|啊|呀|哦|啦|了|吗|老板|店家|亲|大家|\W)*$",
)

# "Asap" and "lawyer" say it alone; "today" does not.
URGENT = _any(
    r"\b(?:urgent(?:ly)?|asap|a\.s\.a\.p|as soon as possible|emergency|immediately|right away|at once|time[- ]sensitive)\b",
    r"\b(?:(?:my|our) (?:lawyer|solicitor)|sue you|legal action|to the police|call the police|chargeback|trading standards"
    r"|allergic reaction|anaphyla\w+|in hospital|poison\w*)\b",
    r"\b(?:need|must have|have to have)\s+(?:it|this|them|an answer|help)\s+(?:by\s+)?(?:today|tonight|tomorrow|now|right now)\b",
    r"\b(?:for|in|since)\s+(?:over\s+|more than\s+)?(?:\w+\s+)?weeks? (?:already|now)\b|\b(?:third|fourth|fifth|hundredth) time\b",
)
URGENT_ZH = _any(
    r"(?<![不没别])(?:紧急|特急|急用|急需|很急|太急|十万火急|急死|着急|急急|急！|急!)|(?:请|麻烦|帮我|给我)(?:尽量)?加急",
    r"(?:马上|立刻|立即|赶紧|赶快|尽快)(?=给|退|处理|解决|联系|回|要|需|帮|发|查|转|取消|答复|用)",
    r"报警|律师|起诉|法院|曝光|过敏反应|住院|进医院|中毒|食药监|等了\w{0,3}(?:天|周|星期|个月)|第[三四五六]次",
)


_WORD = re.compile(r"[a-z]+")
# For str.translate: ASCII text with blanks for all but small letters.
_LETTERS_ALONE = "".join(letter if _WORD.match(letter) else " " for letter in map(chr, range(128)))
# Each match of a pattern has one of its words in it.
_PERSON_WORDS = """human humans person people agent advisor adviser representative rep operator manager supervisor employee owner
    staff member customer support team someone somebody anyone anybody call phone ring bot robot machine chatbot live colleague
    colleagues callback"""
_COMPLAINT_WORDS = """unacceptable outrageous appalling disgusted disgraceful furious livid fed ripped rip scammer scammers scammed
    fraudster fraudsters complain complaint disappointed angry upset unhappy dissatisfied annoyed frustrated terrible awful horrible
    worst lousy shocking dreadful rude poor joke disgrace useless pathetic never ridiculous shame scam money cheated rubbish"""
_ORDER_WORDS = (
    "order orders parcel parcels package packages packet packets delivery shipment shipments purchase purchases"
)
_URGENT_WORDS = """urgent urgently asap p soon emergency immediately away once sensitive lawyer solicitor sue legal police chargeback
    trading allergic anaphylaxis anaphylactic hospital poison poisoned poisoning poisonous need have must week weeks time"""


@dataclass(frozen=True, slots=True)
class Rule:
    """``says`` is searched only where one of the ``signs`` stands: words in small letters, or Chinese characters. Most
    messages have none, and that is told much faster. ``unless``: what takes it back. ``small``: ``says``, for ASCII text in small
    letters.
    """

    says: re.Pattern[str]
    signs: frozenset[str]
    unless: re.Pattern[str] | None
    small: re.Pattern[str]

    def found(self, text: str, signs: frozenset[str]) -> bool:
        if self.signs.isdisjoint(signs):
            return False
        found = self.small.search(text.lower()) if text.isascii() else self.says.search(text)
        return found is not None and (self.unless is None or self.unless.search(text) is None)


def _rule(says: re.Pattern[str], signs: Iterable[str], unless: re.Pattern[str] | None = None) -> Rule:
    return Rule(says, frozenset(signs), unless, in_small_letters(says))


# In the order in which they are tried.
ENGLISH: Mapping[Intent, Rule] = {
    Intent.WANTS_PERSON: _rule(PERSON_EN, _PERSON_WORDS.split(), NOT_PERSON_EN),
    Intent.COMPLAINT: _rule(COMPLAINT_EN, _COMPLAINT_WORDS.split(), NOT_COMPLAINT_EN),
    Intent.ORDER_QUESTION: _rule(ORDER_EN, _ORDER_WORDS.split()),
}
CHINESE: Mapping[Intent, Rule] = {
    Intent.WANTS_PERSON: _rule(PERSON_ZH, "人客经店老主负电", NOT_PERSON_ZH),
    Intent.COMPLAINT: _rule(COMPLAINT_ZH, "诉评劲骗坑黑死气忍像过欺协权5烂失差谱恶满糟敷好也法破垃", NOT_COMPLAINT_ZH),
    Intent.ORDER_QUESTION: _rule(ORDER_ZH, "单递裹流货到发"),
}
URGENT_RULE = _rule(URGENT, _URGENT_WORDS.split())
URGENT_ZH_RULE = _rule(URGENT_ZH, "急马立赶尽警律诉院光反毒监了第")
# Most messages have none of them.
_ENGLISH_SIGNS = frozenset().union(*(rule.signs for rule in ENGLISH.values()))


def by_rules(text: str) -> Intent | None:
    """The intent whose words are unmistakable; None if there are none of any."""
    text = simplified(text[:READ])
    if not text.isascii():
        characters = frozenset(text)
        for intent, rule in CHINESE.items():
            if rule.found(text, characters):
                return intent
    words = _words(text)
    if not _ENGLISH_SIGNS.isdisjoint(words):
        for intent, rule in ENGLISH.items():
            if rule.found(text, words):
                return intent
    return Intent.SMALL_TALK if SMALL_TALK.match(text) else None


def urgent_words(text: str) -> tuple[str, ...]:
    """The words of ``text`` that say that it is urgent; none: it is calm."""
    text = simplified(text[:READ])
    found: set[str] = set()
    if URGENT_RULE.found(text, _words(text)):
        found.update(match.group().strip().casefold() for match in URGENT.finditer(text))
    if not text.isascii() and URGENT_ZH_RULE.found(text, frozenset(text)):
        found.update(match.group() for match in URGENT_ZH.finditer(text))
    return tuple(sorted(found)) if found else ()


@lru_cache(100)
def _words(text: str) -> frozenset[str]:
    if text.isascii():
        return frozenset(text.lower().translate(_LETTERS_ALONE).split())
    return frozenset(_WORD.findall(text.lower()))
