"""General words for what people look for, in every shop; what a shop itself calls its goods stands in its catalogue.

A line: the kind of need, its name, the words in which it is said, the words by which a product is known to have it, and
the names of its opposites. Words with spaces between them stand for themselves; "_" joins a phrase. Of the words of the
catalogue a Han word counts wherever it stands, any other as a whole word, whatever its ending.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.recommend.wishes import NeedKind


@dataclass(frozen=True, slots=True)
class Concept:
    kind: NeedKind
    name: str
    says: tuple[str, ...]
    finds: tuple[str, ...]
    opposites: tuple[str, ...] = ()


_TABLE = """
occasion | gift | gift present gifts presents 礼物 礼品 送礼 送人 伴手礼 | gift present 礼盒 礼物 送礼 礼品 | self
occasion | evening | evening evenings night bedtime before_bed sleep late_at_night 晚上 晚间 睡前 夜里 临睡 | evening night bedtime sleep caffeine-free 晚间 晚上 睡前 无咖啡因 不含咖啡因 | morning
occasion | morning | morning mornings breakfast wake_up 早上 早晨 早餐 提神 | morning breakfast brisk 早餐 早晨 提神 | evening
occasion | office | office at_work workplace desk 办公室 上班 公司 | office desk 办公室 上班 |
occasion | travel | travel travelling traveling journey trip on_the_go on_the_road 旅行 出差 路上 出门 旅途 | travel portable handy 便携 随行 旅行 出门 |
occasion | everyday | everyday every_day daily for_every_day 日常 每天 平时 口粮 | daily everyday 口粮 日常 每天 |
occasion | guests | guests visitors party dinner_party 客人 待客 聚会 招待 | guest party festive 待客 聚会 客人 |
occasion | birthday | birthday birthdays 生日 | birthday gift 生日 礼盒 礼物 |
occasion | wedding | wedding marriage 婚礼 结婚 | wedding gift 婚礼 礼盒 |
occasion | christmas | christmas xmas 圣诞 圣诞节 | christmas gift 圣诞 礼盒 |
occasion | new_year | lunar_new_year chinese_new_year spring_festival 春节 过年 新年 | gift 春节 礼盒 |
occasion | sport | sport sports gym jogging workout 运动 健身 跑步 | sport running gym jogging training 运动 跑步 健身 |
occasion | hiking | hiking trekking mountains 徒步 登山 爬山 | hiking trekking mountain trail 徒步 登山 |
occasion | rain | rain rainy wet_weather 下雨 雨天 | waterproof rain 防水 雨 |
occasion | summer | summer hot_days 夏天 夏季 | summer breathable 夏 透气 清凉 |
occasion | winter | winter cold_days 冬天 冬季 | winter warm lined warming 冬 保暖 暖 |
occasion | holiday | holiday holidays vacation beach 度假 假期 海边 | holiday vacation beach summer 度假 海边 |

recipient | mother | mother mum mom mama mother-in-law 妈妈 母亲 老妈 妈 婆婆 岳母 丈母娘 | women ladies 长辈 女 |
recipient | father | father dad papa father-in-law 爸爸 父亲 老爸 爸 公公 岳父 | men 长辈 男 |
recipient | elders | grandmother grandma granny grandfather grandpa grandparents parents elders 奶奶 爷爷 外婆 外公 姥姥 姥爷 父母 爸妈 长辈 老人 | 长辈 老人 |
recipient | wife | wife girlfriend fiancee 妻子 老婆 太太 女朋友 女友 | women ladies 女 |
recipient | husband | husband boyfriend fiance 丈夫 老公 先生 男朋友 男友 | men 男 |
recipient | friend | friend friends 朋友 闺蜜 好友 | |
recipient | colleague | colleague colleagues boss coworker coworkers client clients teacher 同事 老板 领导 客户 老师 | luxury 高端 |
recipient | child | child children kid kids son daughter nephew niece toddler 孩子 小孩 儿子 女儿 儿童 小朋友 宝宝 侄子 侄女 | children kids child 儿童 孩子 少儿 |
recipient | sibling | brother sister siblings 哥哥 弟弟 姐姐 妹妹 兄弟 姐妹 | |
recipient | self | myself for_me 自己 给我自己 自用 | |

taste | mild | mild light gentle soft delicate subtle 清淡 淡一点 淡 柔和 温和 淡雅 清香型 | mild light gentle soft delicate 清淡 柔和 温和 轻盈 温润 清淡型 | strong
taste | strong | strong bold full-bodied robust intense 浓郁 浓一点 浓 醇厚 味道重 浓的 口味重 | strong full bold robust thick intense rich 浓郁 醇厚 浓香 霸气 有力 | mild
taste | sweet | sweet sweetish 甜 甜的 甘甜 甜味 甜一点 | sweet sweetness honey caramel 甜 甘 蜜香 | bitter
taste | bitter | bitter astringent 苦 苦的 苦味 涩 苦涩 | bitter bitterness astringent 苦 涩 | sweet
taste | floral | floral flowery flower flowers blossom 花香 花香味 鲜花 | floral flower blossom orchid jasmine rose osmanthus 花香 兰花香 茉莉 玫瑰 桂花 兰香 |
taste | fruity | fruity fruit fruits 果香 水果味 水果 果味 | fruit fruity peach apricot apple citrus plum lychee berry melon grape 果香 桃 杏 苹果 柠檬 荔枝 葡萄 |
taste | citrus | citrus citrusy lemony 柑橘 柠檬味 | citrus lemon bergamot orange 柑橘 柠檬 佛手柑 |
taste | smoky | smoky smoked smokey smoke 烟熏 烟熏味 烟味 烟熏的 | smoky smoke smoked 烟熏 松烟 |
taste | roasted | roasted roasty toasted toasty 烘焙 焙火 炭焙 烤香 | roasted roast toasted toast 焙火 炭焙 烘焙 焙香 |
taste | nutty | nutty chestnut 坚果香 栗香 | nutty chestnut nuts 坚果 栗香 |
taste | creamy | creamy milky 奶香 奶味 | creamy cream milk buttery 奶香 奶甜 |
taste | fresh | fresh refreshing grassy crisp 清新 清爽 鲜爽 爽口 | fresh refreshing bright grassy crisp 清新 鲜爽 清爽 清香 |
taste | earthy | earthy woody 陈香 木香 | earthy earth woody wood 陈香 木香 |
taste | spicy | spicy spice spiced 辛香 辣 | spicy spice ginger cinnamon 辛香 姜 肉桂 |
taste | malty | malty 麦芽 麦香 | malt malty 麦芽 麦香 |
taste | chocolate | chocolate chocolatey cocoa 巧克力 可可 | chocolate cocoa 巧克力 可可 |
taste | organic | organic bio 有机 | organic 有机 |
taste | beginner | beginner beginners newbie starter new_to_tea easy_to_start 新手 入门 初学者 初学 刚开始 | beginner starter 新手 入门 |
taste | luxury | luxury luxurious premium exclusive fancy high-end finest 高端 高档 奢华 体面 上档次 | luxury finest rare premium 高端 臻选 珍稀 |
taste | rare | rare special unusual 稀有 珍稀 特别的 少见 | rare 珍稀 |
taste | comfortable | comfortable comfy comfort 舒适 舒服 | comfortable comfort cushioned soft 舒适 舒服 柔软 |
taste | waterproof | waterproof water-resistant 防水 | waterproof water-resistant 防水 |
taste | exciting | exciting thriller thrillers suspense thrilling suspenseful gripping page-turner 刺激 惊险 悬疑 | thriller gripping suspense exciting crime 悬疑 惊险 推理 |
taste | funny | funny humorous humor humour laugh 搞笑 幽默 好笑 有趣 | funny humorous humour comic comedy 幽默 搞笑 |
taste | romantic | romantic romance love_story 浪漫 爱情 | romance romantic love 爱情 浪漫 |
taste | short | short quick_read 短篇 短的 | short 短篇 |

without | caffeine | caffeine caffeinated decaf decaffeinated 咖啡因 脱因 脱咖啡因 | caffeine 咖啡因 |
without | gluten | gluten wheat barley 麸质 小麦 大麦 | gluten wheat barley 麸质 小麦 大麦 |
without | nuts | nuts nut peanuts peanut almonds 坚果 花生 杏仁 | nuts nut nutty peanut almond hazelnut chestnut 坚果 花生 杏仁 栗 |
without | milk | milk dairy lactose 牛奶 乳制品 乳糖 奶制品 | milk dairy lactose 牛奶 乳 |
without | sugar | sugar sweetener 糖 蔗糖 加糖 | sugar 蔗糖 加糖 |
without | soy | soy soya 大豆 黄豆 | soy soya 大豆 |
without | egg | egg eggs 鸡蛋 蛋 | egg 鸡蛋 |
without | flavouring | flavouring flavoring additives artificial_flavours 香精 添加剂 | flavouring flavoring additive 香精 添加剂 |
without | leather | leather 皮革 真皮 皮的 | leather suede 皮 |
without | wool | wool 羊毛 | wool merino 羊毛 |
without | violence | violence violent blood gore 暴力 血腥 | violent violence murder bloody 暴力 血腥 凶杀 |
"""


def _concept(line: str) -> Concept:
    kind, name, says, finds, *opposites = (part.strip() for part in line.split("|"))
    words = tuple(word.replace("_", " ") for word in says.split())
    return Concept(kind, name, words, tuple(finds.split()), tuple(" ".join(opposites).split()))  # type: ignore[arg-type]  # the kinds of the table above


CONCEPTS = tuple(_concept(line) for line in _TABLE.splitlines() if line.strip())
NAMES = frozenset(concept.name for concept in CONCEPTS)
# What may hide in a product of which nothing is said.
INGREDIENTS = frozenset(concept.name for concept in CONCEPTS if concept.kind == "without")
OPPOSITES = {concept.name: concept.opposites for concept in CONCEPTS}

# Words of a wish that say nothing about the product.
FILLERS = """
recommend recommendation suggest suggestion suggestions look looking search searching want wanted like need needs would love prefer
something anything nothing thing things one ones find choose pick choice help give gives show buy purchase get order shop present
idea ideas maybe perhaps please thanks also but rather instead actually really quite pretty bit little too enough very more most less
nice good great best better lovely perfect fine suitable right some any other another else option options kind sort type types
price budget cost costs money spend euro euros eur dollars cheap cheaper expensive inexpensive affordable reasonable around about maximum
max minimum least than under over between person people who whom loves likes enjoys drinks wears reads sure hello hi hey okay ok well
yes no today tomorrow soon now new old time first again always usually often mostly especially taste tastes flavour flavor
have has had sell sells stock carry available there here shall should could can will be is are am was want wants going go
i'd i'm i'll i've it's don't doesn't isn't can't won't that's let's us me my mine our him her his their them they she he we
prefers wishes hoping hope trying try dear product products item items goods price-wise favourite favorite somebody someone without stand start begin goes going make makes making
allergic allergy allergies avoid hate hates dislike dislikes except free contain contains containing intolerant intolerance

推荐 介绍 建议 想要 想 想买 想找 需要 要 买 找 找找 选 挑 挑选 帮 帮我 给 给我 送 送给 适合 合适 一款 一个 一种 一点 一些 一盒 一份 几款 款 个 种 点 些
什么 哪款 哪种 哪个 有没有 有 吗 呢 好 好的 不错 最好 比较 更 太 很 一下 看看 可以 能 喝 吃 用 穿 看 读 东西 产品 商品 价格 预算 左右 以内 以下 以上
便宜 贵 便宜点 欧 欧元 元 块 钱 不要 不想 不喜欢 不能 不含 过敏 没有 喜欢 爱 爱喝 的 了 我 我们 你们 您 你 店里 这里 请 请问 谢谢 还 还是 也 就 都 吧 啊 和 或者 但 但是 不过 而且
另外 其他 别的 口味 味道 口感 类型 种类 一双 一本 双 本 件 套 盒 罐 瓶 包 杯 壶 人 大概 大约 差不多 最多 不超过 之间 到 多少 多少钱 来 来点 来一款 推 求 比如 例如 改成 换成 换 其实 算了 那 那就 是 不是 平时 有点 稍微 一般 主要 特别 非常 最近 现在 今天 明天 第一次 想喝 想看 想送 打算 准备 对
"""
