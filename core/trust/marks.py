"""What is claimed without a figure: promises, stock, what became of an order; links, telephone numbers, codes.

For the facts the signs are read widely, for what is said narrowly: "cheaper by 5 %" allows a discount to be named, but
who recommends something cheaper has promised none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.trust.values import Kind, Value


@dataclass(frozen=True, slots=True)
class Promise:
    """``said``: what makes it one in a reply; ``known``: what allows it when it stands in the facts."""

    name: str
    said: re.Pattern[str]
    known: re.Pattern[str]


def _promise(name: str, said: str, also_known: str = "") -> Promise:
    return Promise(name, re.compile(said), re.compile(f"{said}|{also_known}" if also_known else said))


PROMISES = (
    _promise("refund", r"\brefund\w*|\bmoney[ -]back\b|\breimburs\w*|退款|退钱|退还|全额退|退回货款", r"退回"),
    _promise(
        "discount",
        r"\bdiscount\w*|\bpercent\s+(?:off|less|below|cheaper)\b|\brebate|\bcashback|\bmarked down|打折|折扣|优惠|立减|减免|降价|返现",
        r"\bcheaper\b|\breduc\w+|\bpercent\s+(?:off|less|below)|\boffer\b|\bsale\b|\bsave\b|便宜|低|减",
    ),
    _promise("voucher", r"\bvouchers?\b|\bcoupons?\b|\bstore credit\b|代金券|优惠券|抵用券|红包", r"\bcodes?\b|券|码"),
    _promise("compensation", r"\bcompensat\w+|赔偿|补偿|赔付|双倍返还|假一赔", r"赔"),
    _promise(
        "replacement",
        r"\breplac(?:e|es|ed|ement|ements)\b|\bexchang\w+|\bnew one\b|更换|换货|换新|补发|调换|换一",
        r"换|重新寄|重发",
    ),
    _promise(
        "free",
        r"(?<!feel )\bfree\b(?! (?:to|of(?! charge)|from (?:caff|alc|glut|lact|plast|sugar)|time|day|place|seat|table)\b)(?<!-free)"
        r"|\bgratis\b|\bcomplimentary\b|\b(?:no|without|at no) (?:extra |additional )?(?:charge|cost|fee)s?\b|\bfor nothing\b"
        r"|\bon the house\b|免费|包邮|免运费|免邮|赠送|附赠|白送|不收费|不收取?费|零运费|不要钱|无需付费|不另收费|不用(?:付|出)?(?:运费|钱)",
        r"免|赠|无需|不用付|送一|送两|没有运费|不收",
    ),
    _promise(
        "guarantee",
        r"\bguarante\w+|\bpromis\w+|\bassur\w+|\bmake sure\b|\bensur\w+|保证|承诺|确保|担保|包退|包换|包您",
        r"包[退换赔修]",
    ),
    _promise("warranty", r"\bwarrant\w*|保修|质保", r"\bguarante\w+"),
    _promise(
        "at once",
        r"\bimmediate\w*|\binstant(?:ly)?\b|\bright away\b|\bsame[ -]day\b|立即|立刻|马上|即刻|当天|当日|即时",
        r"\bat once\b|秒|同一天",
    ),
    _promise("today", r"\btoday\b|\btonight\b|今天|今日|今晚"),
    _promise("tomorrow", r"\btomorrow\b|\bovernight\b|\bnext[ -]day\b|明天|明日|明早|次日|隔日|第二天", r"次一"),
    _promise("best", r"\bcheapest\b|\bbest\b|\blowest\b|最便宜|最低|最好|全网最|独家"),
    _promise(
        "cure",
        r"\bcur(?:e|es|ed|ing)\b|\bheal(?:s|ed|ing)?\b|\btreats? \w+|治疗|治愈|根治|疗效|药效|包治",
        r"\btreat\w*|治",
    ),
    _promise("for life", r"\blifetime\b|\bfor life\b|\bforever\b|\bunlimited\b|终身|永久|终生|无限", r"永远"),
)
# None of them without one of these; that is told much faster.
PROMISE_STEMS = (
    "refund money reimburs discount percent rebate cashback marked voucher coupon credit compens replac exchang new free gratis "
    "complimentary charge cost fee nothing house guarante promis warrant assur sure ensur immediate instant away day today tonight "
    "tomorrow overnight cheapest best lowest cur heal treat lifetime life forever unlimited"
).split()

_PROMISING = re.compile(
    r"refund|money|reimb|disco|percent|rebate|cashb|marked|vouch|coupon|store c|compens|replac|exchang|new one|free|gratis|compli|"
    r"\bno |without |nothing|on the h|guarant|promis|assur|make s|ensur|warrant|immedi|instan|right a|same|today|tonig|tomor|overn|"
    r"next|cheap|best|lowest|cur|heal|treat|lifet|for life|forev|unlim|reduc|offer|sale|save|code|at once"
)
IN_STOCK = re.compile(
    r"\bin stock\b|\bavailable\b|有现货|有货|现货|有库存|库存充足|有售|到货了|(?<!没)(?<!没有)库存\s*\d"
)
OUT_OF_STOCK = re.compile(
    r"\bout[ -]of[ -]stock\b|\bsold[ -]out\b|\b(?:not|isn't|aren't|no longer|currently not|not currently|never) (?:\w+ )?(?:in stock|available)\b"
    r"|\bunavailable\b|\bnone left\b|\bback-?ordered?\b|缺货|售罄|无货|没货|没有货|断货|没有现货|无现货|没有库存|无库存|卖完|卖光|库存\s*0(?!\d)|暂无|没有了"
)
_STOCK_SIGNS = ("stock", "avail", "sold", "none left", "back")
# Not every "available" is about stock: a teacher may be, too.
_SURE_STOCK = re.compile(r"stock|sold|\bis available|\bare available|货|售|库存|卖")

ORDER_STATES = {
    "delivered": r"delivered|arrived|handed over|签收|送达|送到|妥投|收货",
    "shipped": r"shipped|dispatched|sent(?: out)?|posted|on (?:its|the) way|in transit|发货|寄出|发出|运输中|在途|派送",
    "cancelled": r"cancell?ed|取消|关闭",
    "refunded": r"refunded|退款",
    "returned": r"returned|退回|退货",
    "paid": r"paid|付款|支付",
    "packed": r"packed|processed|prepared|being (?:packed|processed|prepared)|processing|打包|处理中|备货|配货|出库",
    "pending": r"pending|unpaid|awaiting|待付款|待发货|待处理|待支付",
    "lost": r"lost|missing|丢失|丢件",
    "delayed": r"delayed|late|延误|延迟",
}
_STATES = "|".join(f"(?P<{name}>{words})" for name, words in ORDER_STATES.items())
_ORDER = r"\b(?:orders?|parcels?|packages?|shipments?)\b|订单|包裹|快递|物流|快件"
_STATE_SAID = re.compile(
    rf"\b(?:has|have|had|is|was|were|are|got|been)(?: now| already| just| been| not| yet)* (?:being )?(?:{_STATES})\b"
    rf"|(?:已经?|正在|刚刚?|现在|目前|还未|尚未|未|被)(?:被|为|在)?(?:{_STATES.replace('?P<', '?P<z')})|(?:{_STATES.replace('?P<', '?P<y')})了"
)
_STATE_FIELD = re.compile(
    rf"(?:status|state|状态|物流)\s*[:：=]?\s*(?:is |为|是)?(?:{_STATES})|已(?:{_STATES.replace('?P<', '?P<z')})"
)
_NOT_YET = re.compile(r"\bnot\b|未")
_IF = re.compile(
    r"\b(?:if|when|once|until|before|after|unless|as soon as|can|may|must|will|should|whenever|policy)\b|如果|一旦|之?后|之?前|若|可以|会|的话|时候"
)
_ITS_ORDER = re.compile(_ORDER)

_PHONE = re.compile(r"(?<![\w.,:/-])(?:\+|00)?\(?\d{1,4}\)?(?:[ \-./]?\d{2,5}){1,5}(?![\w:]|[.,]\d|-\d)")
_DECIMALS = re.compile(r"\d\.\d{1,2}(?!\d)")
_GROUPED = re.compile(r"\d{1,3}(?:[ .]\d{3})+")
_ISO_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}")
_CODE = re.compile(
    r"(?<![\w.@/-])(?=[a-z-]*\d)(?=[\d-]*[a-z])(?!\d+(?:st|nd|rd|th|g|kg|mg|ml|cl|l|cm|mm|km|m|w|v|mah|gb|mb|tb|hz|lm|oz|lb|lbs|s|h|hr|hrs|min|"
    r"am|pm|x|day|days|hours?|minutes?|weeks?|months?|years?|pack|piece|pcs|k|inch|ft|eur|usd|gbp|cny|percent|m2|cm2|wh|kwh|mp|atm|bar|off|"
    r"person|way|step|in|part|fold|star)(?![a-z0-9]))"
    r"(?!\d+-[a-z]+(?![a-z0-9-]))(?!(?:pre|mid|post|non|co|sub|multi|part)-\d)[a-z0-9]+(?:-[a-z0-9]+)*(?![\w@])",
    re.ASCII,
)
_ORDER_NUMBER = re.compile(r"(?:\border(?: no\.?| number)?|\bno\.|订单号?|编号|单号|#)\s*[:：#]?\s*(\d{3,})")


def contacts(text: str) -> Iterator[Value]:
    """Telephone numbers of a text in small letters and one form of each character; digits only."""
    for match in _PHONE.finditer(text):
        written = match.group()
        digits = "".join(filter(str.isdigit, written))
        if (
            7 <= len(digits) <= 15
            and not _ISO_DATE.fullmatch(written)
            and not _GROUPED.fullmatch(written)
            and not _DECIMALS.search(written)
        ):
            yield Value(Kind.PHONE, 0, 0, digits.removeprefix("00"), *match.span())


def codes(text: str) -> Iterator[Value]:
    """Article numbers, discount codes and order numbers."""
    for match in _ORDER_NUMBER.finditer(text):
        yield Value(Kind.CODE, 0, 0, match.group(1), *match.span(1))
    for match in _CODE.finditer(text):
        yield Value(Kind.CODE, 0, 0, match.group(), *match.span())


def promises(text: str, known: bool = False) -> Iterator[Value]:
    """``known``: the text is one of the facts."""
    if text.isascii() and not _PROMISING.search(text):
        return
    for promise in PROMISES:
        for match in (promise.known if known else promise.said).finditer(text):
            yield Value(Kind.PROMISE, 0, 0, promise.name, *match.span())


def extra_promises(text: str, words: Iterable[str]) -> Iterator[Value]:
    for word in words:
        at = text.find(word)
        if at >= 0:
            yield Value(Kind.PROMISE, 0, 0, word, at, at + len(word))


def stock(text: str, known: bool = False) -> Iterator[Value]:
    """1: in stock, 0: sold out."""
    if text.isascii() and not any(sign in text for sign in _STOCK_SIGNS):
        return
    out = [Value(Kind.STOCK, 0, 0, "stock", *match.span()) for match in OUT_OF_STOCK.finditer(text)]
    yield from out
    for match in IN_STOCK.finditer(text):
        if any(one.start < match.end() and match.start() < one.end for one in out):
            continue
        if known or _SURE_STOCK.search(text, max(0, match.start() - 5), match.end()):
            yield Value(Kind.STOCK, 1, 1, "stock", *match.span())


def order_states(text: str, known: bool = False) -> Iterator[Value]:
    """What became of an order (1) or not yet (0); not what becomes of orders in general."""
    if known:
        for match in _STATE_FIELD.finditer(text):
            yield _state(match)
    if _ITS_ORDER.search(text) and not _IF.search(text):
        for match in _STATE_SAID.finditer(text):
            yield _state(match)


def _state(match: re.Match[str]) -> Value:
    name = next(name for name, found in match.groupdict().items() if found)
    happened = 0 if _NOT_YET.search(match.group()) else 1
    return Value(Kind.ORDER_STATE, happened, happened, name if name in ORDER_STATES else name[1:], *match.span())
