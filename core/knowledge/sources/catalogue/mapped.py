"""A file of any shop's own making, read by the mapping of bot.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.knowledge.sources.catalogue import values
from core.knowledge.sources.catalogue.build import Builder, Catalogue, Draft, VariantDraft, WrongMapping
from core.knowledge.sources.catalogue.records import Record, Row, at
from core.knowledge.sources.config import PLAIN_FIELDS, TRANSLATED_FIELDS, CatalogueConfig
from core.sections import LANGUAGE_TAG
from core.yamlfile import nearest

SAMPLE = 200  # a field that none of so many records has is named wrongly


def read_mapped(rows: Sequence[Row], config: CatalogueConfig, language: str) -> Catalogue:
    """``language``: of a name that does not say its own. Raises WrongMapping."""
    mapping = _Mapping(rows, config, language)
    builder = Builder(config.currency, config.shop_url)
    for draft in mapping.drafts(rows):
        builder.add(draft)
    return Catalogue(tuple(builder.products), tuple(builder.findings))


class _Mapping:
    """Which of their fields is which of ours; a field of theirs that has our name needs no mapping."""

    def __init__(self, rows: Sequence[Row], config: CatalogueConfig, language: str) -> None:
        self._config = config
        self._language = language
        sample = [row.record for row in rows[:SAMPLE]]
        names = list(dict.fromkeys(name for record in sample for name in record if name != "@key"))
        self._columns = {**_own_names(names), **config.columns}
        self._check(sample, names)
        if config.variants:
            self._check_variants(sample, names)
        else:
            self._check_variant_columns(sample, names)

    def _check(self, sample: Sequence[Record], names: Sequence[str]) -> None:
        for field, path in self._config.columns.items():
            _check_path(f"columns.{field}", path, sample, names)
        given = {field.partition("_")[0] for field in self._columns}
        in_variants = set(self._config.variant_columns)
        wanted = ["sku", "name"] if "price" in in_variants else ["sku", "name", "price"]
        missing = [field for field in wanted if field not in given]
        if missing and sample:
            right = f"Write columns: {{{missing[0]}: …}} with one of {', '.join(names[:30])}"
            raise WrongMapping("columns", f"names no field for {', '.join(missing)}", right)

    def _check_variants(self, sample: Sequence[Record], names: Sequence[str]) -> None:
        _check_path("variants", self._config.variants, sample, names)
        inner = [record for one in sample for _, record in _listed(at(one, self._config.variants))][:SAMPLE]
        if not inner:
            wrong = f"'{self._config.variants}' holds no list or mapping of objects"
            raise WrongMapping("variants", wrong, "Each variant is an object with its own price")
        self._check_variant_columns(inner, list(dict.fromkeys(name for record in inner for name in record)))

    def _check_variant_columns(self, sample: Sequence[Record], names: Sequence[str]) -> None:
        for field, path in self._config.variant_columns.items():
            for one in [path] if field != "options" else _names(path):
                _check_path(f"variant_columns.{field}", one, sample, names)

    def drafts(self, rows: Sequence[Row]) -> list[Draft]:
        if self._config.variants or not self._config.variant_columns:
            return [self._draft(row) for row in rows]
        grouped: dict[str, Draft] = {}
        for row in rows:  # the rows with one SKU are its variants
            sku = values.text(self._get(row.record, "sku"))
            draft = grouped.setdefault(sku, self._draft(row))
            variant = self._variant(row.record, row.line, row.place)
            variant.sku = values.text(variant.sku) or f"{sku}-{len(draft.variants) + 1}"
            draft.variants.append(variant)
        return [_alone(draft) for draft in grouped.values()]

    def _draft(self, row: Row) -> Draft:
        record = row.record
        inner = _listed(at(record, self._config.variants)) if self._config.variants else []
        variants = [self._variant(one, row.line, f"{row.place}.{key}" if row.place else key) for key, one in inner]
        return Draft(
            sku=self._get(record, "sku"),
            names=self._translated(record, "name"),
            descriptions=self._translated(record, "description"),
            price=self._get(record, "price"),
            currency=self._get(record, "currency") or "",
            stock=self._get(record, "stock"),
            counted="stock" in self._columns and self._get(record, "stock") is not None,
            category=self._get(record, "category"),
            unit=self._get(record, "unit"),
            tags=self._get(record, "tags"),
            url=self._get(record, "url"),
            image=self._get(record, "image"),
            variants=variants,
            line=row.line,
            place=row.place,
        )

    def _variant(self, record: Record, line: int, place: str) -> VariantDraft:
        columns = self._config.variant_columns

        def get(field: str) -> object:
            return at(record, columns[field]) if field in columns else None

        return VariantDraft(
            sku=get("sku") or record.get("@key") or "",
            price=get("price") if "price" in columns else self._get(record, "price"),
            stock=get("stock"),
            options={name: value for name, value in _options(record, columns.get("options", "")).items() if name},
            image=get("image"),
            counted=get("stock") is not None,
            line=line,
            place=place,
        )

    def _get(self, record: Record, field: str) -> object:
        return at(record, self._columns[field]) if field in self._columns else None

    def _translated(self, record: Record, field: str) -> dict[str, object]:
        """A field for each language, or one that is itself a mapping by language, or one in the default language."""
        found: dict[str, object] = {}
        for name in self._columns:
            kind, _, language = name.partition("_")
            if kind != field:
                continue
            value = self._get(record, name)
            if isinstance(value, dict):
                found |= {key: one for key, one in value.items() if LANGUAGE_TAG.fullmatch(str(key))}
            elif values.text(value):
                found[language or self._language] = value
        return found


def _alone(draft: Draft) -> Draft:
    """A product with one row and no options is sold in one way only."""
    if len(draft.variants) == 1 and not any(values.text(value) for value in draft.variants[0].options.values()):
        (only,) = draft.variants
        draft.price, draft.stock, draft.counted, draft.variants = only.price, only.stock, only.counted, []
    return draft


def _own_names(names: Sequence[str]) -> dict[str, str]:
    own: dict[str, str] = {}
    for name in names:
        kind, _, language = name.partition("_")
        if name in (*PLAIN_FIELDS, *TRANSLATED_FIELDS) or (
            kind in TRANSLATED_FIELDS and LANGUAGE_TAG.fullmatch(language)
        ):
            own[name] = name
    return own


def _check_path(key: str, path: str, sample: Sequence[Record], names: Sequence[str]) -> None:
    if sample and path != "@key" and all(at(record, path) is None for record in sample):
        wrong = f"no record has a field '{path}'"
        raise WrongMapping(key, wrong, nearest(path, list(names)) if names else "")


def _options(record: Record, path: str) -> Mapping[str, object]:
    """A mapping in the record, or columns with commas between them, each an option of its own name."""
    if not path:
        return {}
    found = at(record, path)
    if isinstance(found, Mapping):
        return {str(name): value for name, value in found.items()}
    if isinstance(found, list):  # [{"name": "Size", "value": "M"}], as many interfaces have it
        pairs = [one for one in found if isinstance(one, dict)]
        return {values.text(one.get("name")): one.get("value", one.get("option")) for one in pairs}
    return {name.rpartition(".")[2]: at(record, name) for name in _names(path)}


def _names(path: str) -> list[str]:
    return [name.strip() for name in path.split(",") if name.strip()]


def _listed(found: object) -> list[tuple[str, Record]]:
    if isinstance(found, dict):
        return [(str(key), {"@key": str(key), **one}) for key, one in found.items() if isinstance(one, dict)]
    if isinstance(found, list):
        return [(str(number), one) for number, one in enumerate(found) if isinstance(one, dict)]
    return []
