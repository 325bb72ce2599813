"""Products from catalog.csv, by a mapping, and from the exports of Shopify and WooCommerce."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.botfile import Bot, load_bot
from core.config import ProductConfig
from core.errors import ConfigError, Problem
from core.knowledge.sources.catalogue.values import Wrong, price, stock
from tests.core.shop import make_shop

SHOP = """
title: {en: Mug Shop, zh: 杯子店}
languages: [en, zh]
persona: mia
model: {path: none.gguf, languages: [en]}
person: {contact: {en: mail us, zh: 请写信}}
"""


def shop(folder: Path, catalogue: str, **files: str | bytes) -> Path:
    """``files``: named with _ for the dot."""
    made = make_shop(folder, bot_yaml=SHOP + catalogue)
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (made / name.replace("_", ".")).write_bytes(data)
    return made


def products(folder: Path, catalogue: str, **files: str | bytes) -> dict[str, ProductConfig]:
    return {product.sku: product for product in load_bot(shop(folder, catalogue, **files)).catalogue}


def problems(folder: Path, catalogue: str, **files: str | bytes) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load_bot(shop(folder, catalogue, **files))
    return list(caught.value.problems)


def lenient(folder: Path, catalogue: str, **files: str | bytes) -> Bot:
    return load_bot(shop(folder, catalogue, **files), strict=False)


# ── our own columns ──────────────────────────────────────────────────────────────────────────────────────

OWN = "sku,name_en,category,price,currency,stock,url,image\nM-1,Mug,mugs,12.50,EUR,3,{url},https://mugs.example/1.jpg\n"


def test_a_row_may_name_its_page_and_its_picture(tmp_path: Path) -> None:
    found = products(tmp_path, "", catalog_csv=OWN.format(url="https://mugs.example/m-1"))["M-1"]
    assert (found.url, found.image) == ("https://mugs.example/m-1", "https://mugs.example/1.jpg")
    assert found.in_stock


def test_an_address_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "", catalog_csv=OWN.format(url="mugs.example/m-1"))
    assert (problem.file, problem.line, problem.key) == ("catalog.csv", 2, "url")
    assert "is no address of the web" in problem.wrong


def test_a_table_that_excel_saved_in_chinese(tmp_path: Path) -> None:
    text = "sku,name_zh,category,price,currency,stock\nM-1,蓝色马克杯,杯子,12.50,CNY,3\n"
    assert products(tmp_path, "", catalog_csv=text.encode("gb18030"))["M-1"].names == {"zh": "蓝色马克杯"}


# ── a mapping ────────────────────────────────────────────────────────────────────────────────────────────

NESTED = {
    "products": {
        "77": {
            "name": "T-Shirt",
            "product_id": "77",
            "variants": {
                "771": {"item_id": "771", "options": {"color": "blue", "size": "M"}, "available": True, "price": 50.88},
                "772": {"item_id": "772", "options": {"color": "red", "size": "L"}, "available": False, "price": 46.85},
                "773": {"item_id": "773", "options": {"color": "red", "size": "M"}, "available": True, "price": 48},
            },
        }
    },
    "users": {},
}
NESTED_MAPPING = """
catalogue:
  file: shop.json
  items: products
  currency: USD
  columns: {sku: product_id, name: name}
  variants: variants
  variant_columns: {sku: item_id, price: price, stock: available, options: options}
"""


def test_nested_json_with_variants(tmp_path: Path) -> None:
    bot = load_bot(shop(tmp_path, NESTED_MAPPING, shop_json=json.dumps(NESTED)))
    (found,) = bot.catalogue
    assert (found.sku, found.names, found.price, found.currency) == ("77", {"en": "T-Shirt"}, "48", "USD")
    assert [(one.sku, one.price, one.in_stock, dict(one.options)) for one in found.variants] == [
        ("771", "50.88", True, {"color": "blue", "size": "M"}),
        ("772", "46.85", False, {"color": "red", "size": "L"}),
        ("773", "48", True, {"color": "red", "size": "M"}),
    ]
    (best, *_) = bot.knowledge.search("How much is the blue T-Shirt in size M?", "en")
    assert best.passage.text == "**T-Shirt**, color blue, size M (771): 50.88 USD, in stock."
    assert (best.passage.sku, best.passage.variant, best.passage.source) == ("77", "771", "shop.json")
    whole = next(one for one in bot.knowledge.passages if one.id == "catalog/77.en")
    assert whole.text == (
        "**T-Shirt** (77): 46.85–50.88 USD, in stock. 3 variants, 2 of them in stock. color: blue, red; size: M, L."
    )
    whole = next(one for one in bot.knowledge.passages if one.id == "catalog/77.zh")
    assert "共 3 种规格，2 种有货。" in whole.text


FLAT = "Nr;Titel;Preis;Menge;Groesse;Link\n1;Tasse;12,50 €;3;klein;/tasse\n1;Tasse;1.299,00 €;0;gross;/tasse\n2;Teller;9 €;ja;;\n"
FLAT_MAPPING = """
catalogue:
  - file: waren.csv
    shop_url: https://mugs.example
    language: en
    columns: {sku: Nr, name: Titel, price: Preis, stock: Menge, url: Link}
    variant_columns: {price: Preis, stock: Menge, options: Groesse}
"""


def test_a_table_with_a_row_for_each_variant_and_prices_as_germans_write_them(tmp_path: Path) -> None:
    found = products(tmp_path, FLAT_MAPPING.replace("Menge, url", "Menge, url"), waren_csv=FLAT.replace("ja", "7"))
    assert [(one.price, one.stock, dict(one.options)) for one in found["1"].variants] == [
        ("12.50", 3, {"Groesse": "klein"}),
        ("1299.00", 0, {"Groesse": "gross"}),
    ]
    assert (found["1"].price, found["1"].currency, found["1"].stock) == ("12.50", "EUR", 3)
    assert found["1"].url == "https://mugs.example/tasse"
    assert found["2"].stock == 7


def test_json_lines_with_names_in_each_language_and_paths_through_dots(tmp_path: Path) -> None:
    lines = [
        {"id": 1, "title": {"en": "Mug", "zh": "杯子"}, "cost": {"amount": "12.50", "unit": "EUR"}, "photos": [{"src": "https://m.example/1.png"}]},
        {"id": 2, "title": {"en": "Plate", "zh": "盘子"}, "cost": {"amount": 9, "unit": "EUR"}, "photos": []},
    ]  # fmt: skip
    mapping = (
        "\ncatalogue: {file: mugs.jsonl, columns: {sku: id, name: title, price: cost.amount, currency: cost.unit, "
        "image: photos.0.src}}\n"
    )
    found = products(tmp_path, mapping, mugs_jsonl="\n".join(map(json.dumps, lines)))
    assert found["1"].names == {"en": "Mug", "zh": "杯子"}
    assert (found["1"].price, found["1"].image, found["1"].stock) == ("12.50", "https://m.example/1.png", None)
    assert found["1"].in_stock
    assert found["2"].image == ""


WRONG = [
    ("price: Preis, stock", "price: Pries, stock", "columns.price", "no record has a field 'Pries'", "Did you mean 'Preis'?"),
    ("options: Groesse", "options: Farbe", "variant_columns.options", "no record has a field 'Farbe'", ""),
    ("sku: Nr, ", "", "columns", "names no field for sku", "Write columns: {sku: …} with one of Nr, Titel"),
    ("name: Titel", "nmae: Titel", "columns", "has the field 'nmae'; known are name, description, sku", ""),
    ("file: waren.csv", "file: ware.csv", "file", "there is no ware.csv", "Name the file"),
    ("file: waren.csv", "file: waren.xlsx", "file", "there is no waren.xlsx", ""),
    ("    language: en", "    form: shopify\n    language: en", "", "columns are for a mapped file", ""),
    ("shop_url: https", "shop_uri: https", "shop_uri", "is no known key", "Did you mean 'shop_url'?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key", "wrong", "right"), WRONG)
def test_a_wrong_mapping_names_file_line_key_and_what_would_be_right(
    tmp_path: Path, old: str, new: str, key: str, wrong: str, right: str
) -> None:
    assert old in FLAT_MAPPING
    catalogue = FLAT_MAPPING.replace(old, new)
    (problem,) = problems(tmp_path, catalogue, waren_csv=FLAT)
    assert problem.file == "bot.yaml"
    assert problem.key == f"catalogue.0.{key}".removesuffix(".")
    assert problem.line > SHOP.count("\n")
    assert wrong in problem.wrong
    assert right in problem.right


def test_a_mapping_of_one_file_needs_no_dash_and_still_has_its_line(tmp_path: Path) -> None:
    wrong = NESTED_MAPPING.replace("price: price,", "price: prise,")
    (problem,) = problems(tmp_path, wrong, shop_json=json.dumps(NESTED))
    assert (problem.file, problem.key) == ("bot.yaml", "catalogue.0.variant_columns.price")
    assert (SHOP + wrong).splitlines()[problem.line - 1].strip().startswith("variant_columns")
    assert (problem.wrong, problem.right) == ("no record has a field 'prise' (shop.json)", "Did you mean 'price'?")


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ('{"products": [', "is no proper JSON in line 1"),
        ('{"goods": []}', "has no 'products' where the products should stand"),
        ('{"products": 7}', "has int where the products should stand"),
        ('{"products": {"a": 1}}', "has no product at products.a"),
        ("[" * 100_000, "is no proper JSON"),
    ],
)
def test_a_broken_file_says_where(tmp_path: Path, content: str, wrong: str) -> None:
    (problem,) = problems(tmp_path, NESTED_MAPPING, shop_json=content)
    assert problem.file == "shop.json"
    assert wrong in problem.wrong


def test_a_row_that_cannot_be_used_is_left_out_and_named(tmp_path: Path) -> None:
    bot = lenient(tmp_path, FLAT_MAPPING, waren_csv=FLAT.replace("9 €;ja", "neun;ja"))
    assert [product.sku for product in bot.catalogue] == ["1"]
    (problem,) = bot.sources.unread
    assert (problem.file, problem.line) == ("waren.csv", 4)
    assert "'neun' is no price" in problem.wrong
    with pytest.raises(ConfigError, match="'neun' is no price"):
        load_bot(bot.folder)


def test_two_files_with_products(tmp_path: Path) -> None:
    catalogue = "\ncatalogue: [catalog.csv, {file: more.csv, currency: EUR, columns: {sku: id, name: n, price: p}}]\n"
    with pytest.raises(ConfigError):  # each entry is a mapping
        load_bot(shop(tmp_path, catalogue))
    catalogue = catalogue.replace("[catalog.csv", "[{file: catalog.csv}")
    found = products(tmp_path, catalogue, catalog_csv=OWN.format(url=""), more_csv="id,n,p\n7,Bowl,3\n")
    assert sorted(found) == ["7", "M-1"]


# ── Shopify ──────────────────────────────────────────────────────────────────────────────────────────────

SHOPIFY = """Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,\
Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Image Src,Image Position,Variant Image,Status
mug,Blue Mug,"<p>Stoneware &amp; cork, 350&nbsp;ml.</p>",Mugs,Mugs,"blue, gift",true,Size,Small,Colour,Blue,MUG-S,shopify,3,deny,12.50,\
https://cdn.example/mug.jpg,1,https://cdn.example/s.jpg,active
mug,,,,,,,,Large,,Blue,MUG-L,shopify,-2,deny,15.00,https://cdn.example/mug2.jpg,2,,
mug,,,,,,,,,,,,,,,,https://cdn.example/mug3.jpg,3,,
card,Gift Card,,Mugs,Cards,,true,Title,Default Title,,,'GC-1,,0,deny,25.00,,,,active
cup,Old Cup,,Mugs,Mugs,,true,Title,Default Title,,,CUP,shopify,5,deny,5.00,,,,archived
bowl,Bowl,,Mugs,Mugs,,true,Title,Default Title,,,BOWL,shopify,0,continue,8.00,,,,active
"""  # fmt: skip
EXPORT = "\ncatalogue: {file: export.csv, currency: EUR, shop_url: 'https://mugs.example'}\n"


def test_a_shopify_export(tmp_path: Path) -> None:
    bot = load_bot(shop(tmp_path, EXPORT, export_csv=SHOPIFY))
    found = {product.sku: product for product in bot.catalogue}
    assert list(found) == ["mug", "GC-1", "BOWL"]
    assert sum(file.left_out for file in bot.sources.files) == 1
    mug = found["mug"]
    assert (mug.names, mug.category, mug.tags) == ({"en": "Blue Mug"}, "Mugs", "blue;gift")
    assert mug.descriptions == {"en": "Stoneware & cork, 350 ml."}
    assert (mug.url, mug.image) == ("https://mugs.example/products/mug", "https://cdn.example/mug.jpg")
    assert [(one.sku, one.price, one.stock, dict(one.options), one.image) for one in mug.variants] == [
        ("MUG-S", "12.50", 3, {"Size": "Small", "Colour": "Blue"}, "https://cdn.example/s.jpg"),
        ("MUG-L", "15.00", 0, {"Size": "Large", "Colour": "Blue"}, ""),
    ]
    assert (found["GC-1"].stock, found["GC-1"].variants) == (None, ())  # nobody counts gift cards
    assert found["BOWL"].in_stock  # sold also without stock


def test_a_shopify_export_with_the_new_names_of_its_columns(tmp_path: Path) -> None:
    new = (
        "Title,URL handle,Description,Type,Tags,Published on online store,Status,SKU,Option1 name,Option1 value,Price,"
        "Inventory tracker,Inventory quantity,Continue selling when out of stock,Product image URL,Variant image URL\n"
        "Blue Mug,mug,Stoneware.,Mugs,,true,Active,MUG-S,Size,Small,12.50,shopify,3,DENY,https://cdn.example/mug.jpg,\n"
        ",mug,,,,,,MUG-L,,Large,15.00,shopify,0,CONTINUE,,\n"
    )
    (mug,) = products(tmp_path, EXPORT, export_csv=new).values()
    assert [(one.sku, one.price, one.stock, dict(one.options)) for one in mug.variants] == [
        ("MUG-S", "12.50", 3, {"Size": "Small"}),
        ("MUG-L", "15.00", None, {"Size": "Large"}),
    ]


@pytest.mark.parametrize("name", ["export.csv", "catalog.csv"])
def test_an_export_without_a_currency_says_what_to_write(tmp_path: Path, name: str) -> None:
    catalogue = "\ncatalogue: {file: export.csv}\n" if name == "export.csv" else ""
    (problem,) = problems(tmp_path, catalogue, **{name.replace(".", "_"): SHOPIFY})
    assert problem.key.endswith("currency")
    assert "an export of Shopify names none" in problem.wrong
    assert "currency: EUR" in problem.right


# ── WooCommerce ──────────────────────────────────────────────────────────────────────────────────────────

WOO = """ID,Type,SKU,Name,Published,Short description,Description,Date sale price starts,Date sale price ends,In stock?,Stock,\
Sale price,Regular price,Categories,Tags,Images,Parent,Attribute 1 name,Attribute 1 value(s)
10,variable,MUG,Blue Mug,1,<b>Stoneware</b>,,,,1,,,,"Home > Mugs, Gifts","blue, gift",https://m.example/a.jpg,,Size,"Small, Large"
11,variation,MUG-S,Blue Mug - Small,1,,,,,1,3,,12.50,,,,id:10,Size,Small
12,variation,MUG-L,Blue Mug - Large,1,,,,,0,,,15.00,,,,MUG,Size,Large
20,simple,PLATE,Plate,1,,A plate.,,,1,,7.00,9.00,Plates,,"https://m.example/p.jpg, https://m.example/q.jpg",,,
21,simple,BOWL,Bowl,1,,,2020-01-01,2020-01-31,backorder,,7.00,9.00,Plates,,,,,
22,simple,DRAFT,Secret,0,,,,,1,1,,9.00,Plates,,,,,
"""  # fmt: skip


def test_a_woocommerce_export(tmp_path: Path) -> None:
    found = products(tmp_path, EXPORT, export_csv=WOO)
    assert list(found) == ["MUG", "PLATE", "BOWL"]
    mug = found["MUG"]
    assert (mug.category, mug.tags, mug.descriptions) == ("Mugs", "blue;gift", {"en": "**Stoneware**"})
    assert (mug.url, mug.image) == ("https://mugs.example/?post_type=product&p=10", "https://m.example/a.jpg")
    assert [(one.sku, one.price, one.stock, dict(one.options)) for one in mug.variants] == [
        ("MUG-S", "12.50", 3, {"Size": "Small"}),
        ("MUG-L", "15.00", 0, {"Size": "Large"}),
    ]
    assert (found["PLATE"].price, found["PLATE"].stock, found["PLATE"].image) == (
        "7.00",
        None,
        "https://m.example/p.jpg",
    )
    assert found["BOWL"].price == "9.00"  # the sale is over
    assert found["BOWL"].in_stock


# ── cells ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "amount", "currency"),
    [
        ("12.50", "12.50", ""), ("12,50 €", "12.50", "EUR"), ("€ 12", "12.00", "EUR"), (12, "12", ""), (12.5, "12.50", ""),
        ("$1,299.00", "1299.00", "USD"), ("1.299,00 EUR", "1299.00", "EUR"), ("￥99", "99.00", "CNY"), ("99元", "99.00", "CNY"),
        ("1 299,00", "1299.00", ""), ("1,299", "1299.00", ""), ("0.5", "0.50", ""),
    ],
)  # fmt: skip
def test_prices_as_shops_write_them(written: object, amount: str, currency: str) -> None:
    assert price(written) == (amount, currency)


@pytest.mark.parametrize(
    "written", ["", None, "free", "-3", "1.2.3", "12.505", "12,50,3", float("nan"), True, "12 apples", "1e9"]
)
def test_what_is_no_price(written: object) -> None:
    with pytest.raises(Wrong):
        price(written)


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("3", 3),
        (3.0, 3),
        ("-2", 0),
        (True, None),
        (False, 0),
        ("In Stock", None),
        ("有货", None),
        ("缺货", 0),
        ("sold out", 0),
    ],
)
def test_stocks_as_shops_write_them(written: object, count: int | None) -> None:
    assert stock(written) == count


@pytest.mark.parametrize("written", ["", None, "many", "2.5", float("inf")])
def test_what_is_no_stock(written: object) -> None:
    with pytest.raises(Wrong):
        stock(written)
