"""Words that shoppers use for one another, and words that say little about what is asked.

General words of every shop, none of one shop: what a shop itself calls its goods belongs into the tags of its catalogue
and into the questions of its approved answers.
"""

from __future__ import annotations

# One line, one meaning; its first word stands for all. Only for finding: what is said must still stand in the facts.
SAME = """
deliver delivery ship shipping shipment postage post send mail
cost price fee rate
parcel package packet
damage damaged broken broke crack cracked crushed smashed dented
brew steep
pay payment paid
buy purchase
agent operator representative
talk speak
gift present
pot teapot
phone telephone
temperature temp degree degrees
address location
wrong incorrect
near nearest nearby closest close
incl include included contain contains
thanks thank thx ty
you u
are r
please pls plz
decline declined reject rejected refuse refused
photo picture

寄 寄到 寄往 寄去 送 送到 送达 送往 配送
运费 邮费 快递费 配送费 邮资 邮寄费
快递 包裹 物流
退 退货 退掉 退回
泡 冲泡 冲 沏 泡制
保存 存放 储存 存储 收藏
付款 支付 付 付钱 付费 结账
坏 坏了 破 碎 破损 损坏 碎了 破了
优惠 折扣 打折
营业 开门
温度 水温 度
含 包含 包括 含有
价格 价钱 价位 标价 售价
地址 位置
牛奶 奶
填 写
取消 撤销
订单 单子
礼物 礼品
人工 真人
怎么 怎样 如何 怎么样
多久 几天 几分钟 多长时间 时间
"""

# These count little: "may I bring my dog" is about the dog.
LIGHT = """
bring come go happen happens make made use used using take took put give find see look show help allow allowed permit permitted
possible try receive received arrive arrived accept type typed enter own home house family wife husband friend mother
father today now still already again currently kind sort good best nice great different thing stuff way shop sell
policy rule question answer information info wonder think mean say ask drink offer suit suitable recommend suggest
someone people must while after before through around

用 做 去 来 看 店 店里 家 家里 喝 卖 带 时候 东西 情况 介绍 推荐 应该 需要 必须 允许 现在 一款 一种 比较 适合 喜欢 收到 里 上 下 办
钱 在家 几次 提供 有关 关于 方法 帮 帮我 帮忙 自己 一直 还是 或者 的话
"""

# A passage with one of these signs answers questions with these words, though the words do not stand in it.
SIGNS = (
    ("°C", "temperature degrees hot water 温度 水温 度"),
    ("€", "price cost 价格 多少钱 钱"),
    ("欧元", "price cost 价格 多少钱 钱"),
)
