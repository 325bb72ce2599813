"""``lookups:`` of the mug shop: its orders, which are somebody's, and its stock, which is nobody's."""

from __future__ import annotations

from tests.core.shop import FILES

ORDER = """
lookups:
  order:
    description: {en: the state of an order, zh: 订单状态}
    server: SERVER
    path: /orders/{number}?email={email}
    headers: {Authorization: {value: "Bearer {secret}", secret: MUGS_TOKEN}}
    arguments:
      number:
        name: {en: order number, zh: 订单号}
        asks: {en: What is your order number?, zh: 请问您的订单号是多少？}
        pattern: W\\d{5}
        case: upper
        examples: [W12345]
        identifies: true
        matches: number
      email:
        name: {en: e-mail address, zh: 邮箱}
        asks: {en: Which e-mail address did you order with?, zh: 请问您下单时用的邮箱是什么？}
        type: email
        case: lower
        identifies: true
        matches: customer.email
    when:
      en: [where is my order, has my order been shipped, track my parcel, what is the status of my order]
      zh: [我的订单到哪了, 订单发货了吗, 查一下我的订单, 订单状态]
    keywords: {en: [parcel, arrived, delivered, shipped], zh: [包裹, 收到, 发货, 快递]}
    result:
      fields:
        status:
          path: status
          words:
            shipped: {en: on its way, zh: 已发货}
            packing: {en: being packed, zh: 正在打包}
        eta: {path: delivery.date, type: day, optional: true}
        tracking: {path: delivery.tracking, type: link, optional: true}
        items: items[].title
        total: {path: total, type: money}
        currency: currency
      says:
        - text: {en: "Order {number} is {status}.", zh: "订单 {number} {status}。"}
        - text: {en: "It should arrive on {eta}.", zh: "预计 {eta} 送达。"}
          asked: {en: [when will it arrive, when does it come], zh: [什么时候到, 几号能到]}
        - text: {en: "In it: {items}; {total} {currency}.", zh: "商品：{items}，共 {total} {currency}。"}
          asked: {en: [what is in it, how much was it], zh: [里面有什么, 一共多少钱]}
        - text: {en: "Follow it here: {tracking}", zh: "物流查询：{tracking}"}
"""
STOCK = """
  stock:
    description: {en: the stock of a mug in one of the shops, zh: 门店库存}
    server: SERVER
    path: /stock/{sku}?shop={shop}
    headers: {Authorization: {value: "Bearer {secret}", secret: MUGS_TOKEN}}
    arguments:
      sku:
        name: {en: article number, zh: 货号}
        asks: {en: Which article number?, zh: 请问货号是多少？}
        pattern: "[A-Z]{2}-\\\\d{2}"
        case: upper
      shop:
        name: {en: shop, zh: 门店}
        asks: {en: In which shop?, zh: 请问在哪家门店？}
        enum:
          - {value: lisbon, words: {en: [Lisbon], zh: [里斯本]}}
          - {value: porto, words: {en: [Porto], zh: [波尔图]}}
    when: {en: [is it on the shelf in your shop], zh: [门店有没有库存]}
    result:
      fields: {count: {path: count, type: number}}
      says: [{text: {en: "There are {count} of {sku} in the shop.", zh: "门店有 {count} 件 {sku}。"}}]
"""


def bot_yaml(url: str, lookups: str = ORDER + STOCK) -> str:
    return FILES["bot.yaml"] + lookups.replace("SERVER", url)
