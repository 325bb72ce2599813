"""Whether a message looks for a product, told by its words; most messages do not, and that is told fast."""

from __future__ import annotations

import re

from core.signs import signed

# Who says so wants to be shown something.
_ASKS_ADVICE = signed(
    "recommend suggest looking search shopping mood idea help show find what which best good suit 推荐 介绍 选 挑 找 哪 求 适合",
    r"\b(?:recommend\w*|suggest\w*|looking\s+for|search(?:ing)?\s+for|shopping\s+for|in\s+the\s+mood\s+for|any\s+ideas?|help\s+me\s+(?:choose|find|pick|decide)|"
    r"show\s+me|find\s+me|what\s+(?:\w+\s+)?(?:should|would|could|can|do|shall)\s+(?:i|you|we)\s+(?:buy|get|try|choose|pick|recommend|suggest|give|drink|read|wear|have)|"
    r"which\s+(?:\w+\s+){0,3}(?:should|would|could|is|are|goes?|fits?|suits?)\b|best\s+\w+\s+(?:\w+\s+)?for|good\s+(?:\w+\s+)?for|what(?:'s|\s+is|\s+are)\s+(?:a\s+)?good|"
    r"suits?|suitable)\b"
    r"|推荐|介绍(?:一)?[款下几]|帮我[选挑找]|怎么[选挑]|哪(?:一)?[款种个些本双](?:.{0,6})(?:好|适合|合适|不错|比较)|求(?:一)?[款个推]|选(?:什么|哪)|适合",
)
_WANTS = signed(
    "like love want need prefer after thing wish going gift present got buy 想 要 来 买 送 礼物 给我",
    r"\b(?:i(?:'d|\s+would)?\s+(?:like|love|want|need|prefer)|i'?m\s+after|(?:we|she|he)\s+(?:needs?|wants?|would\s+like)|"
    r"(?:some|any)thing\s+(?:for|that|not|under|below|with|without|nice|good|\w+y\b|mild|light|strong|sweet|cheap|fresh)|"
    r"(?:want|like|need|wish|going)\s+to\s+(?:buy|order|get|try)|(?:a\s+)?(?:gift|present)s?\s+(?:for|idea|under|to|that)|got\s+any(?:thing)?|need\s+(?:a|an|some)|buy(?:ing)?\s+(?:a|an|some))\b"
    r"|想[买要找喝看送穿试]|要[买找](?!单)|我要|需要|来(?:一)?[点款盒个些双本]|买(?:一|点|个|些|什么|款|双|本)|送(?:给)?(?:我)?(?:妈|爸|朋友|老|长辈|同事|客户|领导|女|男|人|礼|他|她|奶奶|爷爷|孩子)|礼物|给我(?:找|来|推|看)",
)
# Who says so may just ask about one product.
_ASKS_WHETHER = signed(
    "you there what any eur € $ £ 有 卖",
    r"\b(?:do\s+you\s+(?:have|sell|carry|stock|offer)|have\s+you\s+(?:got|any)|is\s+there\s+(?:a|an|any|some)|are\s+there\s+any|what\s+(?:\w+\s+){0,3}do\s+you\s+(?:have|sell|offer)|"
    r"what\s+kinds?\s+of|any\s+\w+(?:\s+\w+){0,3}\s+under)\b"
    r"|有没有|有什么|有哪些|^(?:请问|你好|您好)?[,，\s]*(?:你们|您们|店里|这里|这儿|咱们)?(?:家|店)?(?:还)?有.{1,14}[吗么嘛]|卖.{0,10}[吗么嘛]|[€$£]\s?\d|\d\s?(?:€|eur)",
)
# What a shop is asked beside its products.
_SERVICE = re.compile(
    r"\b(?:deliver(?:y|ies|ed|ing)?|shipping|shipped|ship|postage|courier|parcel|package|track(?:ing)?|customs|returns?|returning|returned|refund\w*|exchange|"
    r"(?:my|the|an?|your|last)\s+orders?|order\s+(?:number|status|\d+)|cancel\w*|invoice|receipt|pay(?:ing|ment|pal)?|card\s+declined|credit\s+card|discounts?|"
    r"coupon|promo\w*|voucher\s+code|discount\s+code|open(?:ing)?\s+(?:hours|times)|are\s+you\s+open|address|where\s+(?:are|is)\s+(?:you|your)|phone\s+number|parking|"
    r"brew(?:ing)?|steep(?:ing)?|how\s+(?:do|to|long|hot|many|old|often|much\s+(?!(?:is|are|for|does|do\s+you|would)\b)\w+)|temperature|store\s+(?:it|my|the|tea)|shelf\s+life|keep\s+(?:it|my)|expire\w*|"
    r"broken|damaged|complain\w*|wrong\s+(?:item|product|size)|missing|human|real\s+person|agent|manager|account|password|log\s?in|privacy|my\s+data|"
    r"jobs?|hiring|wholesale|reseller|warranty|repair\w*|back\s+in\s+stock|restock\w*|loyalty|points|unsubscribe|newsletter|health\w*|pregnan\w*|cures?|lose\s+weight|wrap(?:ped|ping)?|greeting\s+card|send\s+(?:it|them|this)|give\s+(?:it|them)\s+back)\b"
    r"|运费|邮费|快递|配送|送到|寄到|寄往|发货|到货|物流|清关|关税|退货|退款|退掉|能退|可以退|换货|订单|下单后|取消|发票|付款|支付|付钱|优惠码|折扣|打折|优惠|营业|几点|地址|电话|"
    r"怎么泡|怎么冲|冲泡|怎么用|水温|保存|存放|保质期|过期|多久|坏了|破了|破损|投诉|发错|少发|人工|客服|账号|密码|登录|隐私|我的数据|招聘|批发|代理|保修|维修|补货|积分|会员|功效|治|减肥|怀孕|孕妇|停车|免邮|包邮|包装|贺卡|包好看",
    re.IGNORECASE,
)
# A question about a thing, not for one.
_QUESTION = re.compile(
    r"^\W*(?:and\s+|but\s+|so\s+)?(?:(?:what|how|why|when|where|who|whose)\b(?!\s+(?:about|do\s+you\s+(?:have|recommend|suggest|sell)|would\s+you|can\s+you|should|else|\w+\s+(?:should|would|do\s+you))|'s\s+good|\s+is\s+good)"
    r"|(?:is|are|does|was|has)\s+(?!there\b)|do\s+(?:they|these|those)\b)"
    r"|\b(?:is|are|does|do|was|has|can|could|will|would)\s+(?:it|they|this|that|these|those|the\s+(?:first|second|third|last))\b"
    r"|是什么|为什么|怎么(?![选挑样])|哪里|什么时候|(?:它|[这那][个款种些]?|第.[个款种]?).{0,12}[吗么嘛?？]|是.{0,8}[吗么]$",
    re.IGNORECASE,
)
_CORRECTS = signed(
    "instead actually rather meant thought make 换 改 还是 其实 我是说",
    r"\b(?:instead|actually|rather|i\s+meant|on\s+second\s+thought|make\s+(?:it|that))\b|换成|改成|还是.{0,8}吧|其实|我是说",
)


# Of the ways to ask for advice, those that do not say for what.
_ANY_ADVICE = re.compile(
    r"\b(?:recommend\w*|suggest\w*|looking\s+for|any\s+ideas?|help\s+me\s+(?:choose|find|pick|decide)|what\s+(?:should|shall|can|could)\s+i\s+(?:buy|get|try|choose|give))\b"
    r"|推荐|帮我[选挑找]|怎么[选挑]",
    re.IGNORECASE,
)


def any_advice_is_asked(text: str) -> bool:
    return _ANY_ADVICE.search(text) is not None


def advice_is_asked(text: str) -> bool:
    return _ASKS_ADVICE.search(text) is not None


def is_wanted(text: str) -> bool:
    """Whether somebody says that they want something; perhaps no product."""
    return _WANTS.search(text) is not None


def is_asked_whether(text: str) -> bool:
    """Whether somebody asks if there is something, or names an amount of money."""
    return _ASKS_WHETHER.search(text) is not None


def is_service(text: str) -> bool:
    return _SERVICE.search(text) is not None


def is_question(text: str) -> bool:
    return _QUESTION.search(text) is not None


def corrects(text: str) -> bool:
    return _CORRECTS.search(text) is not None
