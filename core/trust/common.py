"""What every shop says of its goods and rules, whatever words its own notes have for it."""

from __future__ import annotations

from core.knowledge.words import stemmed

COMMON = stemmed(
    "price prices shipping delivery postage item items product products order orders standard express returns refunds both each "
    "everything opening closing hours time times pack packs package parcel set size weight total one tin box bag piece unit pair "
    "customers shoppers shop store team staff someone people goods stock quantity temperature water infusion you we it they this that "
    "payment membership warranty sending posting ordering buying getting returning choosing yours ours courier carrier mail number phone email website address page charge sell call ring write "
    "visit way door doors place places top begin begins start starts last lasts room money valid".split()
)
HAN_COMMON = frozenset(
    "这款 这个 该款 商品 产品 货品 价格 售价 单价 价钱 定价 运费 邮费 费用 快递 快递费 配送 配送费 送货 订单 收货 下单 购买 购物 库存 目前 现在 本店 我们 店铺 时间 营业 门店 "
    "包裹 退货 退款 换货 一般 通常 大约 左右 标准 总共 合计 一共 每次 我们店 小店 门市 周末 平时 平日 实体店 顾客 客人 客户 会员 您 你 如果 订购 寄送 邮寄 发货 到货 "
    "寄到 寄往 送到 送往 发往 两样 二者 两者 两件 两个 一件 一个 一盒 一罐 一包 一套 目前 其中 因此 所以 想要 需要 泡茶 冲泡 水温 用水 建议 按照 上午 下午 早上 早晨 中午 晚上 凌晨 傍晚 打折 单件 单次 首次 支付 消费 金额 满额 全场 "
    "价位 零售价 原价 现价 市价 定金 押金 数量 重量 尺寸 容量 净重 规格 保修 保修期 质保 质保期 送达 到达 签收 预计 大概 差不多 任何 所有 全部 预算 收费 未开封 已开封 开封 使用 课程 活动 报名".split()
)
