"""What the made-up shops of tests/core/claims_set.py say, and how the same may be told in other words.

A slot is written {name}; what it holds is drawn for each case. ``facts``: how a note says it; ``says``: other words for
it; ``flips``: a true sentence and its denial; ``promises``: what nobody promised.
"""

from __future__ import annotations

from tests.core.claims_topic import NONE, Topic, both, pairs

TOPICS = (
    Topic(
        "price",
        "n=product price=money size=size",
        {"en": "{n}", "zh": "{n}"},
        both(
            "**{n}** ({sku}): {price} for {size}, in stock. {blurb}\n{n}: {price} ({size}). {blurb}",
            "**{n}**（{sku}）：{price} / {size}，有货。{blurb}\n{n}，{size}，{price}。{blurb}",
        ),
        both(
            """The {n} costs {price}.
            {price} is the price of the {n}.
            You pay {price} for the {n}.
            Our {n} is {price}, and you get {size} for it.
            For the {n} we charge {price}.
            Sure! The {n} comes at {price} for {size}.
            {n}: {price} for {size}.
            That would be the {n} at {price}.""",
            """{n}售价{price}。
            {n}的价格是{price}。
            {n}卖{price}，规格是{size}。
            购买{n}需要{price}。
            您好，{n}现在{price}。
            {n}只要{price}就可以买到，{size}装。
            我们的{n}定价{price}。
            {price}就能买到{n}。""",
        ),
        NONE,
        "n",
        3,
    ),
    Topic(
        "stock",
        "n=product price=money size=size",
        {"en": "{n}", "zh": "{n}"},
        both(
            "**{n}** ({sku}): {price} for {size}, in stock. {blurb}\n**{n}** ({sku}): {price}, {size}, available now. {blurb}",
            "**{n}**（{sku}）：{price} / {size}，有货。{blurb}\n{n}（{sku}）：{price}，{size}，现货。{blurb}",
        ),
        both(
            """The {n} is in stock.
            Yes, we have the {n} in stock.
            The {n} is available at {price}.""",
            """{n}有货。
            是的，{n}目前有现货。
            {n}有库存，售价{price}。""",
        ),
        pairs(
            """The {n} is in stock. | The {n} is sold out.
            The {n} is available. | The {n} is not available.
            Yes, the {n} is in stock at the moment. | Sorry, the {n} is out of stock at the moment.
            We have the {n} in stock. | We don't have the {n} in stock.""",
            """{n}有货。 | {n}缺货。
            {n}有现货。 | {n}已经售罄。
            {n}目前有库存。 | {n}目前没有货。
            {n}现在可以买到，有货。 | {n}暂时无货。""",
        ),
        "n",
        2,
    ),
    Topic(
        "twice",
        "n=product price=money twice=double:price",
        {"en": "{n}", "zh": "{n}"},
        both("**{n}** ({sku}): {price}, in stock. {blurb}", "**{n}**（{sku}）：{price}，有货。{blurb}"),
        both(
            """Two of the {n} are {twice}.
            Two {n} come to {twice}.
            For two pieces of the {n} you pay {twice} in all.
            The {n} is {price}, so two make {twice}.""",
            """两个{n}一共{twice}。
            {n}买两件是{twice}。
            两份{n}合计{twice}。
            {n}单价{price}，两个就是{twice}。""",
        ),
        NONE,
        "n",
        2,
        {"en": "How much are two of the {n}?", "zh": "两个{n}多少钱？"},
    ),
    Topic(
        "delivery",
        "n=country price=money days=workdays least=threshold",
        {"en": "Delivery to {n}", "zh": "寄往{n}"},
        both(
            """Delivery to {n} costs {price} and takes {days}; it is free from {least}.
            To {n} we ship for {price}. It takes {days}. Orders over {least} are delivered free of charge.""",
            """寄{n}运费 {price}，{days}送达，满 {least}包邮。
            寄往{n}：运费 {price}，一般 {days}到。订单满 {least}免运费。""",
        ),
        both(
            """Shipping to {n} is {price}.
            Delivery to {n} takes {days}.
            To {n} your parcel needs {days} and costs {price}.
            A parcel to {n} costs {price} and arrives within {days}.
            From {least} delivery to {n} is free.
            Delivery to {n} is free for orders from {least}.
            Postage to {n} is {price}; it is on its way for {days}.""",
            """寄到{n}的运费是{price}。
            寄往{n}需要{days}。
            {n}的运费为{price}，大约{days}送达。
            订单满{least}，寄{n}包邮。
            送到{n}要{days}，运费{price}。
            {n}满{least}免运费。""",
        ),
        pairs(
            "Delivery to {n} is free from {least}. | Delivery to {n} is not free from {least}.\nDelivery to {n} is free from {least}. | Delivery to {n} is free.",
            "寄往{n}满{least}包邮。 | 寄往{n}满{least}也不包邮。\n寄往{n}满{least}包邮。 | 寄往{n}包邮。",
        ),
        "n",
        3,
    ),
    Topic(
        "difference",
        "n=country least=threshold basket=basket missing=minus:least:basket",
        {"en": "Delivery to {n}", "zh": "寄往{n}"},
        both("Delivery to {n} is free from {least}.", "寄往{n}满 {least}包邮。"),
        both(
            """You are {missing} short of free delivery, which begins at {least}.
            Only {missing} more and delivery to {n} is free from {least}.
            With your budget of {basket}, {missing} are missing to free delivery.""",
            """您还差{missing}就可以包邮，满{least}包邮。
            再买{missing}，寄往{n}就满{least}包邮了。
            您的预算{basket}，还差{missing}包邮。""",
        ),
        NONE,
        "",
        1,
        {"en": "My basket is {basket}. Is delivery to {n} free?", "zh": "我的订单是{basket}，寄往{n}包邮吗？"},
    ),
    Topic(
        "hours",
        "week=weekdays open=morning close=evening shut=shutday",
        {"en": "Opening hours", "zh": "营业时间"},
        both(
            "We are open {week} from {open} to {close}. On {shut} we are closed.\nOpening hours: {week} {open}–{close}; closed on {shut}.",
            "营业时间：{week} {open}–{close}，{shut}休息。\n{week}{open}到{close}营业，{shut}不营业。",
        ),
        both(
            """We open at {open} and close at {close}.
            The shop is open from {open} to {close}, {week}.
            {week} we are here from {open} until {close}.
            You can visit us {week} between {open} and {close}.
            We close at {close}.
            Our doors are open until {close}.""",
            """我们{open}开门，{close}关门。
            {week}{open}到{close}营业。
            门店营业到{close}。
            您可以在{week}的{open}至{close}过来。
            营业时间是{open}到{close}。""",
        ),
        pairs(
            """On {shut} we are closed. | On {shut} we are open.
            We are closed on {shut}. | We are not closed on {shut}.
            We don't open on {shut}. | We open on {shut}.""",
            """{shut}休息。 | {shut}照常营业。
            {shut}不营业。 | {shut}营业。
            我们{shut}不开门。 | 我们{shut}开门。""",
        ),
    ),
    Topic(
        "holiday",
        "day=date back=date2",
        {"en": "Holidays", "zh": "假期安排"},
        both(
            "Our shop is closed from {day} and opens again on {back}.\nWe take a break from {day}; from {back} we are there again.",
            "本店自{day}起放假，{back}恢复营业。\n{day}开始放假，{back}重新开门。",
        ),
        both(
            """We are back on {back}.
            Our holiday starts on {day}.
            The shop opens again on {back}.
            From {day} the shop is closed.""",
            """我们{back}恢复营业。
            本店从{day}开始放假。
            {back}重新开门营业。
            {day}起店里放假。""",
        ),
        NONE,
    ),
    Topic(
        "returns",
        "days=days refund=workdays",
        {"en": "Returns", "zh": "退货"},
        both(
            """Unused goods can be returned within {days} of delivery. The refund is with you {refund} after we have received them. Personalised goods can't be returned.
            You can send unused goods back within {days} of delivery. We refund the price {refund} after they are here. Goods made to order are excluded from returns.""",
            """未使用的商品，收货后 {days}内可以退货。我们收到退货后 {refund}内退款。定制商品不能退货。
            收货 {days}内，未使用的商品可退。退货到店后 {refund}退款。定制品不退。""",
        ),
        both(
            """You have {days} to return unused goods.
            Unused goods may be sent back within {days}.
            Returning unused goods is possible for {days} after delivery.
            The refund takes {refund} after we have received the goods.
            We refund you {refund} after the return has reached us.""",
            """您有{days}的时间退回未使用的商品。
            收货后{days}内可以退货，商品要未使用。
            我们收到退货后，{refund}内退款给您。
            未使用的商品{days}内都可以退。""",
        ),
        pairs(
            """Unused goods can be returned within {days}. | Unused goods can't be returned within {days}.
            Unused goods can be returned within {days}. | Unused goods can never be returned.""",
            """未使用的商品，收货后{days}内可以退货。 | 未使用的商品，收货后{days}内不能退货。
            未使用的商品可以退货。 | 未使用的商品不可以退货。""",
        ),
    ),
    Topic(
        "warranty",
        "n=product years=years",
        {"en": "{n}", "zh": "{n}"},
        both(
            "The {n} comes with a warranty of {years}. It covers faults in material, but not wear.\nWarranty on the {n}: {years}. Wear is not covered.",
            "{n}保修 {years}。保修包括材料缺陷，不包括正常磨损。\n{n}的保修期为 {years}，正常磨损不保修。",
        ),
        both(
            """The {n} has a {years} warranty.
            On the {n} there is a warranty of {years}.
            You have {years} of warranty with the {n}.""",
            """{n}有{years}保修。
            {n}保修期是{years}。
            购买{n}可享受{years}保修。""",
        ),
        pairs(
            "Wear is not covered. | Wear is covered.\nThe warranty does not cover wear. | The warranty covers wear.",
            "正常磨损不保修。 | 正常磨损也保修。\n保修不包括正常磨损。 | 保修包括正常磨损。",
        ),
        "n",
        2,
    ),
    Topic(
        "discount",
        "off=percent",
        {"en": "Students", "zh": "学生优惠"},
        both(
            "Students get {off} off with a valid card. The discount does not apply to gift cards.\nWith a student card everything is {off} cheaper, except gift cards.",
            "学生凭有效证件优惠 {off}。礼品卡不参加优惠。\n学生持证购物便宜 {off}，礼品卡除外。",
        ),
        both(
            """Students get a discount of {off}.
            With a student card you save {off}.
            There is {off} off for students.
            As a student you pay {off} less.""",
            """学生凭证件可以优惠{off}。
            学生持证便宜{off}。
            出示学生证就能优惠{off}。""",
        ),
        pairs(
            "The discount does not apply to gift cards. | The discount applies to gift cards.",
            "礼品卡不参加优惠。 | 礼品卡也参加优惠。",
        ),
    ),
    Topic(
        "workshop",
        "day=date start=evening price=money people=people hours=hours",
        {"en": "Workshops", "zh": "体验课"},
        both(
            """The next workshop is on {day} at {start}. It lasts {hours}, costs {price} a person and has room for {people}.
            Our workshop on {day} begins at {start} and goes on for {hours}. A place is {price}; there are {people} places.""",
            """下一期体验课在{day} {start}开始，时长 {hours}，每人 {price}，最多 {people}。
            体验课时间：{day} {start}，为时 {hours}。费用每人 {price}，限 {people}。""",
        ),
        both(
            """The workshop takes place on {day}.
            It starts at {start} and lasts {hours}.
            A place in the workshop costs {price}.
            The next workshop is on {day} at {start}.
            The workshop goes on for {hours} and costs {price}.
            There is room for {people} in the workshop.""",
            """体验课在{day}举行。
            体验课{start}开始，时长{hours}。
            体验课每人{price}。
            下一期体验课是{day}{start}。
            体验课最多{people}参加。""",
        ),
        NONE,
    ),
    Topic(
        "care",
        "n=product heat=celsius soak=minutes",
        {"en": "Caring for the {n}", "zh": "{n}的保养"},
        both(
            """Wash the {n} at {heat} at most and let it soak for {soak}. It is not suitable for the dishwasher.
            The {n} may be washed at up to {heat}. Soak it for {soak} before. The dishwasher is not allowed.""",
            """{n}清洗水温不超过 {heat}，先浸泡 {soak}。不可放入洗碗机。
            清洗{n}时水温最高 {heat}，浸泡 {soak}即可。请勿使用洗碗机。""",
        ),
        both(
            """The {n} can be washed at up to {heat}.
            Let the {n} soak for {soak}.
            Please wash the {n} at no more than {heat}.
            Soaking the {n} takes {soak}.""",
            """{n}可以用不超过{heat}的水清洗。
            {n}要先浸泡{soak}。
            清洗{n}，水温最高{heat}。""",
        ),
        pairs(
            """The {n} is not suitable for the dishwasher. | The {n} is suitable for the dishwasher.
            The {n} isn't suitable for the dishwasher. | Yes, the {n} is suitable for the dishwasher.""",
            """{n}不可放入洗碗机。 | {n}可以放入洗碗机。
            {n}不能放洗碗机。 | {n}能放洗碗机。""",
        ),
        "n",
        2,
    ),
    Topic(
        "contact",
        "mail=mail phone=phone url=url wait=hours2",
        {"en": "Contact", "zh": "联系我们"},
        both(
            "Write to {mail} or ring {phone}. Forms are at {url}. We answer within {wait}.",
            "邮箱 {mail}，电话 {phone}，表格见 {url} 。我们会在 {wait}内回复。",
        ),
        both(
            """You can write to {mail}.
            Our phone number is {phone}.
            You find the forms at {url}.
            We answer within {wait}.
            Please ring us: {phone}.""",
            """请写信到 {mail}。
            我们的电话是 {phone}。
            表格请看 {url} 。
            {wait}内会有回复。""",
        ),
        NONE,
    ),
    Topic(
        "specs",
        "n=product weight=grams volume=millilitres size2=centimetres",
        {"en": "{n}", "zh": "{n}"},
        both(
            "The {n} weighs {weight}, holds {volume} and is {size2} high.\n{n}: weight {weight}, capacity {volume}, height {size2}.",
            "{n}重 {weight}，容量 {volume}，高 {size2}。\n{n}：重量 {weight}，容量 {volume}，高度 {size2}。",
        ),
        both(
            """The {n} weighs {weight}.
            The {n} holds {volume}.
            With {volume} the {n} is {size2} high.
            The {n} has a weight of {weight} and a capacity of {volume}.""",
            """{n}的重量是{weight}。
            {n}容量{volume}。
            {n}高{size2}，重{weight}。
            {n}能装{volume}。""",
        ),
        NONE,
        "n",
        2,
    ),
    Topic(
        "points",
        "points=points worth=money2 birthday=points2",
        {"en": "Points", "zh": "会员积分"},
        both(
            "Each purchase gives points: {points} are worth {worth}. On your birthday you get {birthday} on top. Points can't be paid out in cash.",
            "购物可得积分：{points}可抵 {worth}。生日当月多送 {birthday}。积分不能兑换现金。",
        ),
        both(
            """{points} are worth {worth}.
            On your birthday you get {birthday}.
            You get {worth} for {points}.""",
            """{points}可以抵{worth}。
            生日当月送{birthday}。
            用{points}可抵{worth}。""",
        ),
        pairs(
            "Points can't be paid out in cash. | Points can be paid out in cash.\nYou cannot have points paid out in cash. | You can have points paid out in cash.",
            "积分不能兑换现金。 | 积分可以兑换现金。\n积分无法兑换现金。 | 积分能兑换现金。",
        ),
    ),
    Topic(
        "wrapping",
        "price=money3 letters=letters",
        {"en": "Gift wrapping", "zh": "礼品包装"},
        both(
            "Gift wrapping costs {price} for each parcel. A card with up to {letters} is free. We don't wrap furniture.",
            "礼品包装每件 {price}，附 {letters}以内的贺卡，贺卡免费。家具不提供礼品包装。",
        ),
        both(
            """We wrap your gift for {price}.
            Gift wrapping is {price}.
            A card with up to {letters} is free.
            For {price} we wrap it as a gift.""",
            """礼品包装收费{price}。
            包装成礼品需要{price}。
            贺卡{letters}以内免费。""",
        ),
        pairs("We don't wrap furniture. | We wrap furniture.", "家具不提供礼品包装。 | 家具也提供礼品包装。"),
    ),
    Topic(
        "order",
        "number=order day=date days=days",
        {"en": "Order {number}", "zh": "订单 {number}"},
        both(
            "Order {number}: status shipped on {day}. Expected delivery in {days}.",
            "订单 {number}：状态：已发货（{day}）。预计 {days}后送达。",
        ),
        both(
            """Your order {number} has been shipped on {day}.
            Order {number} was shipped on {day}.
            Your order is on its way since {day}.""",
            """您的订单 {number} 已发货，发货日期是{day}。
            订单 {number} 已经在{day}发货。
            您的订单{day}已发货。""",
        ),
        pairs(
            """Your order {number} has been shipped. | Your order {number} has been delivered.
            Your order {number} has been shipped. | Your order {number} has been cancelled.
            Your order {number} was shipped on {day}. | Your order {number} was not shipped on {day}.""",
            """您的订单 {number} 已发货。 | 您的订单 {number} 已签收。
            您的订单 {number} 已发货。 | 您的订单 {number} 还未发货。
            您的订单 {number} 已发货。 | 您的订单 {number} 已取消。""",
        ),
        asked={"en": "Where is my order {number}?", "zh": "我的订单 {number} 到哪了？"},
    ),
    Topic(
        "payment",
        "least=threshold",
        {"en": "Payment", "zh": "付款方式"},
        both(
            "You can pay by card, PayPal or bank transfer. We don't accept cheques. Invoices are possible from {least}.",
            "可以用银行卡、支付宝或转账付款。不接受支票。满 {least}可以开票后付款。",
        ),
        both(
            """We accept cards, PayPal and bank transfer.
            You can pay by bank transfer.
            Invoices are possible from {least}.
            From {least} you can pay on invoice.""",
            """可以用银行卡或支付宝付款。
            我们接受转账。
            满{least}可以开票后付款。""",
        ),
        pairs(
            """We don't accept cheques. | We accept cheques.
            Cheques are not accepted. | Cheques are accepted.
            You can pay by PayPal. | You can't pay by PayPal.""",
            """不接受支票。 | 接受支票。
            我们不接受支票付款。 | 我们接受支票付款。
            可以用支付宝付款。 | 不可以用支付宝付款。""",
        ),
    ),
    Topic(
        "contents",
        "n=product share=percent",
        {"en": "{n}", "zh": "{n}"},
        both(
            "The {n} is made of {share} cotton. It contains no plastic. It is made in Portugal.",
            "{n}含 {share}棉，不含塑料，葡萄牙制造。",
        ),
        both(
            """The {n} is {share} cotton.
            {share} of the {n} is cotton.
            The {n} contains no plastic.
            There is no plastic in the {n}, which is made of {share} cotton.
            The {n} is plastic-free.""",
            """{n}含棉{share}。
            {n}不含塑料。
            {n}的棉含量是{share}。""",
        ),
        pairs(
            "The {n} contains no plastic. | The {n} contains plastic.\nThe {n} does not contain plastic. | The {n} does contain plastic.",
            "{n}不含塑料。 | {n}含塑料。\n{n}没有塑料。 | {n}含有塑料。",
        ),
        "n",
        2,
    ),
)
