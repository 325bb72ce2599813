"""The catalogue as a vocabulary: what its words are, which product has which, and what a shopper's words mean in it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache

from core.config import ProductConfig
from core.knowledge.passages import Passage, of_product
from core.knowledge.words import HAN, meaning, terms
from core.language import base
from core.recommend.config import RecommendConfig
from core.recommend.lexicon import CONCEPTS, FILLERS
from core.recommend.wishes import NeedKind

# "Free of caffeine", "no bitterness", 不含牛奶: what a product has not.
_HAS_NOT = re.compile(
    r"\b(?:free\s+(?:of|from)|without|contains?\s+no|not|no)\s+(?:any\s+)?(?:[\w'-]+\s*){1,3}?(?=[^\w\s'-]|\b(?:and|but|or|for)\b|$)"
    r"|\b[\w]+-free\b"
    r"|(?:不含|不加|不带|没有|无|不(?!锈钢|同|仅|但|错|少|断|论|论))[㐀-䶿一-鿿]{1,4}",
    re.IGNORECASE,
)
# A tag that so much of a category has, and that so little else has, is a name of the category.
_NAMES_CATEGORY = 0.75
# A word that so many products have tells nothing.
_TOO_COMMON = 0.4
FILLER_WORDS = frozenset(FILLERS.split())
# How much a wish counts that a name, a tag or the category has, and one that only the description has.
_MARKED, _DESCRIBED = 1.0, 0.7
# By so many characters of its beginning a product's name is found.
_BEGINNING = 3
LATIN_WORD = re.compile(r"[^\W\d_㐀-䶿一-鿿]+(?:['’-][^\W\d_㐀-䶿一-鿿]+)*")


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A word of an alphabet, whatever its ending."""
    found = meaning(terms(word))
    return " ".join(found) if found else word.casefold()


@lru_cache(maxsize=20_000)
def stems(phrase: str) -> tuple[str, ...]:
    return tuple(stem(word) for word in LATIN_WORD.findall(phrase))


@dataclass(frozen=True, slots=True)
class Said:
    """A text to look words up in; ``text`` in small letters, ``stems`` of its words that are not Han."""

    text: str
    stems: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Said:
        text = text.casefold()
        return cls(text, frozenset(stem(word) for word in LATIN_WORD.findall(text)))

    def has(self, word: str) -> bool:
        if HAN.search(word):
            return word.casefold() in self.text
        wanted = stems(word)
        return bool(wanted) and self.stems.issuperset(wanted)

    def first(self, words: Iterable[str]) -> str:
        """The first of ``words`` that stands in it; empty: none."""
        return next((word for word in words if self.has(word)), "")


def is_lack(word: str) -> bool:
    """Whether a word says that something is not there: caffeine-free, 无咖啡因."""
    return _HAS_NOT.fullmatch(word) is not None


@dataclass(frozen=True, slots=True)
class Good:
    """A product as it is chosen from. ``words``: all that is said of it; ``marks``: its names, category and tags;
    ``lacks``: what is said not to be in it; ``place``: in the catalogue; ``tags`` in small letters."""

    product: ProductConfig
    price: Decimal
    place: int
    words: Said
    marks: Said
    lacks: Said
    sku: str
    tags: frozenset[str]
    _texts: dict[str, Said] = field(default_factory=dict, compare=False)
    _passages: dict[str, Sequence[Passage]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, product: ProductConfig, place: int) -> Good:
        marked = "\n".join([*product.names.values(), product.category, *tags_of(product)])
        written = "\n".join([marked, *product.descriptions.values()])
        lacks = "\n".join(match.group() for match in _HAS_NOT.finditer(written))
        words, marks = (Said.of(_HAS_NOT.sub(" ", text)) for text in (written, marked))
        tags = frozenset(map(str.casefold, tags_of(product)))
        return cls(product, Decimal(product.price), place, words, marks, Said.of(lacks), product.sku, tags)

    def text_in(self, language: str) -> Said:
        """What is said of it in one language, for quoting; read when it is first wanted."""
        said = self._texts.get(language)
        if said is None:
            texts = [*self.product.names.items(), *self.product.descriptions.items()]
            own = [text for written, text in texts if written.split("-")[0] == language.split("-")[0]]
            said = self._texts[language] = Said.of("\n".join(own))
        return said

    def passages_in(self, language: str) -> Sequence[Passage]:
        """The product's passages; those in ``language`` first, if it has a name in it."""
        found = self._passages.get(language)
        if found is None:
            every = of_product(self.product, list(self.product.names))
            found = sorted(every, key=lambda passage: base(passage.language) != base(language))
            self._passages[language] = found
        return found


def tags_of(product: ProductConfig) -> list[str]:
    return [tag.strip() for tag in product.tags.split(";") if tag.strip()]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a phrase means: a kind of need, its name, and the words by which products have it."""

    kind: NeedKind
    name: str
    finds: tuple[str, ...]


class Assortment:
    """The products of one version of a bot. Read when somebody first looks for something."""

    def __init__(self, products: Sequence[ProductConfig], config: RecommendConfig) -> None:
        self._products = products
        self.config = config
        # Of this assortment alone: a cache of the class would keep those alive that a saved file has replaced.
        self.tells = lru_cache(4096)(self._tells)
        self.marked = lru_cache(4096)(self._marked)
        self.marks_lack = lru_cache(1024)(self._marks_lack)
        self.having = lru_cache(1024)(self._having)
        self.lacking = lru_cache(1024)(self._lacking)
        self.meeting = lru_cache(1024)(self._meeting)

    def __bool__(self) -> bool:
        return bool(self._products)

    async def ready(self) -> Assortment:
        """The same, read: beside the event loop, for a large catalogue takes seconds."""
        if "_beginning" not in self.__dict__:
            await asyncio.to_thread(self._read)
        return self

    def _read(self) -> None:
        """What is computed when it is first wanted; _beginning, which is made of names, is the last of it."""
        _ = self.phrases, self._longest, self.meanings, self.by_sku, self.there, self._counts, self._beginning

    @cached_property
    def goods(self) -> tuple[Good, ...]:
        return tuple(Good.of(product, place) for place, product in enumerate(self._products))

    @cached_property
    def there(self) -> tuple[Good, ...]:
        """Those in stock."""
        return tuple(good for good in self.goods if good.product.in_stock)

    @cached_property
    def by_sku(self) -> Mapping[str, Good]:
        return {good.sku: good for good in self.goods}

    @cached_property
    def currency(self) -> str:
        """That of most products."""
        return Counter(product.currency for product in self._products).most_common(1)[0][0]

    @cached_property
    def category_names(self) -> Mapping[str, tuple[str, ...]]:
        """Category → what it is called: as the catalogue does, and by tags that stand for it."""
        tagged: defaultdict[str, set[int]] = defaultdict(set)
        within: defaultdict[str, set[int]] = defaultdict(set)
        for good in self.goods:
            within[good.product.category].add(good.place)
            for tag in tags_of(good.product):
                tagged[tag].add(good.place)
        within.pop("", None)
        general = {word.casefold() for concept in CONCEPTS for word in concept.says}
        names = {
            category: tuple(
                tag
                for tag, having in tagged.items()
                if len(having & places) >= max(2, _NAMES_CATEGORY * max(len(places), len(having)))
                and not (tag.casefold() in general or _HAS_NOT.search(tag))
            )
            for category, places in within.items()
        }
        endings = Counter(ending for found in names.values() for ending in {name[-1] for name in found})
        return {category: (category, *_shorter(found, endings)) for category, found in names.items()}

    def called(self, category: str, language: str) -> str:
        """The category's name in ``language``, as far as it has one."""
        names = self.category_names.get(category, (category,))
        han = language.startswith("zh")
        return next((name for name in names if bool(HAN.search(name)) == han), category)

    @cached_property
    def phrases(self) -> Mapping[str, Meaning]:
        """What shoppers may say → what it means; Han phrases as they stand, others by the stems of their words."""
        found: dict[str, Meaning] = {}
        for phrase, known in self._known():
            found.setdefault(phrase.casefold() if HAN.search(phrase) else " ".join(stems(phrase)), known)
        found.pop("", None)
        return found

    def longest_from(self, word: str) -> int:
        """How many words at most the phrases have that begin with the stem of a word; of those that begin with a Han
        character, how many characters. 0: none begins so."""
        return self._longest.get(word.partition(" ")[0], 0)

    @cached_property
    def _longest(self) -> Mapping[str, int]:
        longest: dict[str, int] = {}
        for phrase in self.phrases:
            words = phrase if HAN.match(phrase) else phrase.split(" ")
            begins, length = words[0], len(words)
            longest[begins] = max(length, longest.get(begins, 0))
        return longest

    def _known(self) -> Iterator[tuple[str, Meaning]]:
        categories = {category.casefold(): category for category in self.category_names}
        for words in self.config.words.values():
            for phrase, finds in words.items():
                named = tuple(categories[word.casefold()] for word in finds if word.casefold() in categories)
                kind: NeedKind = "category" if named else "taste"
                yield phrase, Meaning(kind, phrase, named or tuple(finds))
        for category, names in self.category_names.items():
            for name in names:
                yield name, Meaning("category", category, (category,))
        for concept in CONCEPTS:
            for word in concept.says:
                yield word, Meaning(concept.kind, concept.name, tuple(concept.finds))
        for good in self.goods:
            for tag in tags_of(good.product):
                if tag.casefold() not in FILLER_WORDS and not _HAS_NOT.search(tag):
                    yield tag, Meaning("taste", tag, (tag,))

    @cached_property
    def meanings(self) -> frozenset[str]:
        """The names of all that phrases mean; other words stand in some descriptions only."""
        return frozenset(known.name for known in self.phrases.values())

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(word for good in self.goods for word in good.words.stems)

    def _tells(self, word: str) -> bool:
        """Whether some products have a word, and not too many."""
        count = sum(word in good.words.text for good in self.goods) if HAN.search(word) else self._counts[stem(word)]
        return 0 < count <= max(1, _TOO_COMMON * len(self.goods))

    def _marked(self, word: str) -> bool:
        """Whether a word stands in the name, a tag or the category of some product."""
        return any(good.marks.has(word) for good in self.goods)

    def _marks_lack(self, finds: tuple[str, ...]) -> bool:
        """Whether the shop says of more products that they lack it than that they have it: then the others may have it."""
        return len(self.lacking(finds)) > len(self.having(finds))

    def _having(self, finds: tuple[str, ...]) -> Mapping[int, str]:
        """The places of the goods of which one of these words is said → which."""
        return {good.place: word for good in self.goods if (word := good.words.first(finds))}

    def _lacking(self, finds: tuple[str, ...]) -> frozenset[int]:
        """The places of the goods that are said to have none of it."""
        return frozenset(good.place for good in self.goods if good.lacks.first(finds))

    def _meeting(self, finds: tuple[str, ...]) -> Mapping[int, tuple[str, float]]:
        """The places of the goods that are so → the word that says it, and how much that counts."""
        lacks = tuple(filter(is_lack, finds))
        found: dict[int, tuple[str, float]] = {}
        for good in self.goods:
            if word := good.marks.first(finds):
                found[good.place] = word, _MARKED
            elif word := good.words.first(finds) or good.lacks.first(lacks):
                found[good.place] = word, _DESCRIBED
        return found

    @cached_property
    def names(self) -> Mapping[str, str]:
        """A product's name in small letters, or its SKU → its SKU."""
        found = {good.sku.casefold(): good.sku for good in self.goods}
        for good in self.goods:
            for name in good.product.names.values():
                found.setdefault(name.casefold(), good.sku)
        return found

    def names_in(self, folded: str) -> list[str]:
        """The names of products, and their SKUs, that stand in a text of small letters."""
        pieces = {"", *(folded[at : at + _BEGINNING] for at in range(len(folded) - _BEGINNING + 1))}
        begun = self._beginning.keys() & pieces
        found = [one for beginning in begun for one in self._beginning[beginning] if one[1] in folded]
        return [name for _, name in sorted(found)]

    @cached_property
    def _beginning(self) -> Mapping[str, list[tuple[int, str]]]:
        """The names with their places, by how they begin (shorter ones by nothing): few of many begin as something in a text does."""
        found: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for place, name in enumerate(self.names):
            found[name[:_BEGINNING] if len(name) >= _BEGINNING else ""].append((place, name))
        return found


def _shorter(names: Sequence[str], endings: Counter[str]) -> list[str]:
    """The names, the Han ones also without a last character that many categories end in: 乌龙 of 乌龙茶."""
    short = [name[:-1] for name in names if HAN.fullmatch(name) and len(name) >= 3 and endings[name[-1]] > 2]
    return [*names, *short]
