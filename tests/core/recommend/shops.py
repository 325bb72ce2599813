"""Two shops that sell no tea, and a shopper who talks with one of them over several turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core.answer import Means
from core.botfile import Bot, load_bot
from core.messages import Address, Line, Person, Reply, Rung
from core.recommend.wishes import Remembered, Wishes
from core.respond import respond
from core.state import Outcome, State
from models.scripted import ScriptedModel
from tests.core.helpers import message, turn
from tests.core.shop import Shown

ANN = Person(id="ann", name="Ann")
BOT = """
title: {en: Shop, zh: 小店}
languages: [en, zh]
persona: mia
model: {path: none.gguf, languages: [en], wording: free}
person: {contact: {en: "mail us: hi@shop.example", zh: "请写信：hi@shop.example"}}
recommend: {RECOMMEND}
"""
PERSONA = """
name: {en: Mia, zh: 小米}
voice: Friendly.
instructions: You help.
greeting: {en: Hello!, zh: 欢迎！}
disclosure: {en: I am a bot., zh: 我是机器人。}
"""
ANSWERS = """
- id: delivery
  questions: {en: [How much is delivery?], zh: [运费多少]}
  answer: {en: Delivery costs 4.90 EUR., zh: 运费 4.90 欧元。}
- id: ok
  questions: {en: [ok, yes, "no"], zh: [好的, 要, 不要]}
  answer: {en: Lovely., zh: 好的。}
- id: cheap
  questions: {en: [do you have something cheaper], zh: [便宜点的]}
  answer: {en: Everything is cheap here., zh: 这里都便宜。}
"""
SHOES = """\
sku,name_en,name_zh,category,price,currency,unit,stock,description_en,description_zh,tags,url,image
S1,Trail Fox,山狐徒步鞋,hiking boots,120.00,EUR,,8,"Waterproof suede boots for mountain trails, with a warm lining.",防水磨砂皮登山靴，内里保暖。,徒步鞋;leather;waterproof;防水,https://shoes.example/s1,https://shoes.example/s1.jpg
S2,Ridge Light,山脊轻便鞋,hiking boots,89.00,EUR,,5,"Light synthetic boots for dry trails, breathable and soft.",合成材质，轻便透气，适合干燥路面。,徒步鞋;light;透气,https://shoes.example/s2,
S3,Rain Walker,雨行者,hiking boots,99.00,EUR,,0,Waterproof synthetic boots.,防水合成材质。,徒步鞋;waterproof;防水,,
S4,City Runner,都市跑鞋,running shoes,60.00,EUR,,20,"Cushioned shoes for running on roads, comfortable all day.",公路跑步鞋，缓震，舒适。,跑鞋;running;running shoe,https://shoes.example/s4,
S5,Marathon Pro,马拉松专业跑鞋,running shoes,140.00,EUR,,6,"A fast shoe for training and races, very light.",轻量，适合训练和比赛。,跑鞋;running;light,,
S6,Night Jogger,夜跑鞋,running shoes,60.01,EUR,,9,"Reflective shoes for running after dark.",反光设计，夜间跑步更安全。,跑鞋;running,,
S7,Kid Hopper,小跳童鞋,children's shoes,35.00,EUR,,30,"Soft shoes for children, easy to close.",儿童软底鞋，好穿脱。,童鞋;children;儿童,,
S8,Tiny Trekker,小小登山童鞋,children's shoes,45.00,EUR,,12,"Waterproof shoes for children who love mud.",防水儿童鞋，不怕泥水。,童鞋;children;waterproof;防水;儿童,,
S9,Velvet Oxford,丝绒牛津鞋,dress shoes,150.00,EUR,,3,"Elegant leather shoes for a wedding or a dinner.",优雅真皮皮鞋，适合婚礼和晚宴。,皮鞋;leather;wedding;婚礼,,
"""
BOOKS = """\
sku,name_en,name_zh,category,price,currency,unit,stock,description_en,description_zh,tags
B1,The Quiet Harbour,静港,crime,12.00,EUR,,10,A gripping thriller about a murder in a fishing village.,渔村凶杀案，悬疑惊险。,推理小说;thriller;悬疑
B2,Letters from Porto,波尔图来信,romance,9.50,EUR,,14,"A love story told in letters, warm and funny.",书信里的爱情故事，温暖幽默。,爱情小说;love;爱情
B3,The Moon Garden,月亮花园,children,8.00,EUR,,20,A picture book about a rabbit who plants the moon.,小兔子种月亮的图画书。,童书;children;儿童;绘本
B4,Bones of Winter,冬之骨,crime,14.90,EUR,,4,"Suspense in the snow, without violence.",雪地悬疑，没有暴力。,推理小说;悬疑
B5,A Short History of Salt,盐的简史,history,18.00,EUR,,7,How salt changed the world.,盐如何改变世界。,历史;history
B6,Dragon School,龙学校,children,11.00,EUR,,0,A funny story about dragons.,搞笑的龙的故事。,童书;children;儿童
B7,Summer of Two,两个人的夏天,romance,7.90,EUR,,9,"Romance on the beach, light holiday reading.",海边的浪漫，轻松的度假读物。,爱情小说;浪漫
"""


def open_shop(folder: Path, catalogue: str, recommend: str = "{}") -> Bot:
    files = {
        "bot.yaml": BOT.replace("{RECOMMEND}", recommend),
        "personas/mia.yaml": PERSONA,
        "answers.yaml": ANSWERS,
        "catalog.csv": catalogue,
    }
    for name, text in files.items():
        path = folder / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_bot(folder / "shop")


@dataclass(slots=True)
class KeptInMemory:
    """The port People, for conversations that need no store; the stored one is in test_people.py."""

    kept: dict[tuple[str, str], Remembered] = field(default_factory=dict)
    calls: int = 0

    async def recall(self, address: Address, person: str) -> Remembered | None:
        self.calls += 1
        return self.kept.get((address.platform, person))

    async def remember(self, address: Address, person: str, what: Remembered) -> None:
        self.calls += 1
        self.kept[address.platform, person] = what

    async def forget(self, address: Address, person: str) -> bool:
        self.calls += 1
        return self.kept.pop((address.platform, person), None) is not None


@dataclass(slots=True)
class Talk:
    """One conversation; what is kept between its turns goes through JSON, as in the store."""

    bot: Bot
    people: KeptInMemory | None = None
    state: State = field(default_factory=lambda: State(greeted=True))
    history: tuple[Line, ...] = ()

    async def outcome(self, *texts: str, group: bool = False, sender: Person = ANN) -> Outcome:
        said = (message(text, group=group, sender=sender) for text in texts)
        asked = turn(*said, history=self.history, state=self.state)
        means = Means(ScriptedModel(), people=self.people)
        outcome = await respond(asked, self.bot, means, Shown(), last_try=True)
        self.state = State.from_json(outcome.state.to_json())
        self.history = (*self.history, *outcome.lines)
        return outcome

    async def reply(self, *texts: str, group: bool = False, sender: Person = ANN) -> Reply:
        outcome = await self.outcome(*texts, group=group, sender=sender)
        assert outcome.reply is not None
        return outcome.reply

    async def skus(self, *texts: str) -> list[str]:
        """The products that are shown, in their order; each stands in the text with its price."""
        reply = await self.reply(*texts)
        assert reply.rung is Rung.RECOMMENDED, (texts, reply.rung, reply.text)
        for card in reply.cards:
            assert card.title in reply.text
            assert card.price.split(" ")[0] in reply.text
        return [card.id for card in reply.cards]

    async def text(self, *texts: str) -> str:
        reply = await self.reply(*texts)
        assert reply.rung is Rung.RECOMMENDED, (texts, reply.rung, reply.text)
        return reply.text

    @property
    def wishes(self) -> Wishes:
        assert self.state.wishes is not None
        return self.state.wishes
