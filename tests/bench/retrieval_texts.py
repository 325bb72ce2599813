"""Generated passages, and questions on them in other words: what a shop of furniture knows of its goods.

Every passage is about one thing of one colour and material, and one topic; a question names thing and topic otherwise (a
couch for a sofa, "wash" for "cleaning"), so that words alone do not find it and meaning alone does not tell the colours
apart: at 100,000 passages every one has thousands of near ones.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product

# In English and in Chinese; things and topics each as the passage says it and as the question does.
THINGS = """
sofa = couch = 沙发 = 长沙发
wardrobe = closet = 衣柜 = 衣橱
armchair = easy chair = 扶手椅 = 单人沙发椅
nightstand = bedside table = 床头柜 = 床边小柜
bookcase = bookshelf = 书柜 = 书架
lamp = light = 台灯 = 灯
rug = carpet = 地毯 = 毯子
mirror = looking glass = 镜子 = 穿衣镜
desk = writing table = 书桌 = 写字台
stool = small seat = 凳子 = 小板凳
bench = long seat = 长椅 = 长凳
cabinet = cupboard = 橱柜 = 柜子
mattress = bed pad = 床垫 = 垫子
curtain = drapes = 窗帘 = 帘子
vase = flower pot = 花瓶 = 插花的瓶子
cushion = pillow = 靠垫 = 抱枕
clock = timepiece = 挂钟 = 钟
basket = hamper = 收纳篮 = 篮子
tray = serving plate = 托盘 = 端盘
screen = room divider = 屏风 = 隔断
crib = baby bed = 婴儿床 = 宝宝的床
hammock = hanging bed = 吊床 = 挂着的床
chest = trunk = 储物箱 = 箱子
blanket = throw = 毛毯 = 盖毯
coat rack = clothes stand = 衣帽架 = 挂衣服的架子
"""
COLOURS = """
crimson = 深红色
ivory = 象牙白
azure = 天蓝色
charcoal = 炭灰色
emerald = 翠绿色
amber = 琥珀色
lavender = 薰衣草紫
beige = 米色
scarlet = 猩红色
navy = 藏青色
turquoise = 青绿色
coral = 珊瑚色
olive = 橄榄绿
silver = 银色
black = 黑色
white = 白色
pink = 粉色
brown = 棕色
yellow = 黄色
orange = 橙色
"""
MATERIALS = """
oak = 橡木
walnut = 胡桃木
bamboo = 竹子
leather = 真皮
velvet = 天鹅绒
linen = 亚麻
cotton = 纯棉
wool = 羊毛
steel = 钢
glass = 玻璃
marble = 大理石
rattan = 藤编
brass = 黄铜
pine = 松木
ceramic = 陶瓷
felt = 毛毡
cork = 软木
plastic = 塑料
silk = 丝绸
beech = 榉木
"""
TOPICS = """
Cleaning: wipe it with a soft damp cloth and never soak it. = how do I wash the {}? = 清洁：用柔软的湿布擦拭，切勿浸泡。 = {}脏了怎么洗？
Assembly: two people put it together in about forty minutes. = how long does it take to build the {}? = 组装：两个人大约四十分钟装好。 = {}自己装要多久？
Warranty: we repair or replace it for five years. = what if the {} breaks after a year? = 保修：五年内免费维修或更换。 = {}用一年坏了怎么办？
Load: it carries up to one hundred and twenty kilograms. = how heavy may I be for the {}? = 承重：最多承受一百二十公斤。 = {}能撑多重？
Origin: it is made by hand in a small workshop in Porto. = where is the {} produced? = 产地：在波尔图的小作坊手工制作。 = {}是哪里生产的？
Delivery: two carriers bring it upstairs within ten working days. = when would the {} arrive at my home? = 配送：十个工作日内由两名搬运工送货上楼。 = {}什么时候能到我家？
Size: it is ninety centimetres wide and two metres long. = does the {} fit in a small room? = 尺寸：宽九十厘米，长两米。 = {}占地方吗？
Returns: it can be sent back unused within sixty days. = I changed my mind about the {}, can I give it back? = 退货：未使用可在六十天内退回。 = 不想要{}了能退掉吗？
Spare parts: screws, feet and covers can be ordered later. = I lost a screw of the {}, can I get another? = 配件：螺丝、脚垫和罩子可以另购。 = {}少了颗螺丝能补吗？
Outdoor use: it must be kept dry and out of the sun. = can I leave the {} in the garden? = 户外使用：须保持干燥，避免日晒。 = {}能放院子里吗？
"""
MOST = 25 * 20 * 20 * 10


@dataclass(frozen=True, slots=True)
class Text:
    """A passage in both languages, and a question on it in both."""

    title: dict[str, str]
    text: dict[str, str]
    question: dict[str, str]


def texts(count: int, seed: int = 0) -> list[Text]:
    """``count`` different ones, at most MOST; of a smaller count they are the first ones of a bigger one."""
    every = list(product(_table(THINGS), _table(COLOURS), _table(MATERIALS), _table(TOPICS)))
    random.Random(seed).shuffle(every)
    return [_text(*one) for one in every[:count]]


def _table(block: str) -> list[list[str]]:
    return [line.split(" = ") for line in block.splitlines() if line.strip()]


def _text(thing: list[str], colour: list[str], material: list[str], topic: list[str]) -> Text:
    english, chinese = f"{colour[0]} {material[0]} {thing[0]}", f"{colour[1]}{material[1]}{thing[2]}"
    return Text(
        {"en": english.capitalize(), "zh": chinese},
        {"en": f"The {english}. {topic[0]}", "zh": f"{chinese}。{topic[2]}"},
        {
            "en": topic[1].format(f"{colour[0]} {material[0]} {thing[1]}"),
            "zh": topic[3].format(f"{colour[1]}{material[1]}{thing[3]}"),
        },
    )
