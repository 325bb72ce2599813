"""catalog.csv with our own columns, strictly: whoever writes it by hand wants to know of each mistake."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from core.config import ProductConfig
from core.knowledge.sources.catalogue.build import Catalogue, Finding
from core.knowledge.sources.config import PLAIN_FIELDS, TRANSLATED_FIELDS
from core.sections import LANGUAGE_TAG
from core.yamlfile import nearest, what_is_right, what_is_wrong

REQUIRED = ("sku", "category", "price", "currency", "stock")
KNOWN = (*PLAIN_FIELDS, "name_en", "name_zh", "description_en", "description_zh")


def read_own(text: str) -> Catalogue:
    found = _Own(text)
    products = tuple(found.products())
    return Catalogue(products, tuple(found.findings))


class _Own:
    def __init__(self, text: str) -> None:
        self._rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        self.findings: list[Finding] = []

    def products(self) -> Iterator[ProductConfig]:
        seen: dict[str, int] = {}
        try:
            header = [cell.strip() for cell in next(self._rows, [])]
            if not self._check_header(header):
                return
            for row in self._rows:
                if not any(cell.strip() for cell in row):
                    continue
                product = self._product(header, row)
                if product is None:
                    continue
                if product.sku in seen:
                    self._wrong("sku", f"'{product.sku}' is used twice", f"First used in line {seen[product.sku]}")
                    continue
                seen[product.sku] = self._rows.line_num
                yield product
        except csv.Error as error:
            right = 'A cell with a comma or a line break stands in "quotation marks"'
            self._wrong("", f"is no proper CSV: {error}", right)

    def _wrong(self, key: str, wrong: str, right: str = "", line: int = 0) -> None:
        self.findings.append(Finding(line or self._rows.line_num, key, wrong, right))

    def _check_header(self, header: Sequence[str]) -> bool:
        for name in header:
            kind, _, language = name.partition("_")
            if name not in PLAIN_FIELDS and kind not in TRANSLATED_FIELDS:
                self._wrong(name, "is no known column", nearest(name, KNOWN), line=1)
            elif name not in PLAIN_FIELDS and not LANGUAGE_TAG.fullmatch(language):
                self._wrong(name, "ends in no language tag", f"Write for example {kind}_en or {kind}_pt-BR", line=1)
        for name in sorted({name for name in header if header.count(name) > 1}):
            self._wrong(name, "this column stands here twice", "Write each column once", line=1)
        for name in REQUIRED:
            if name not in header:
                self._wrong(name, "this column is missing", f"The columns are: {', '.join(KNOWN)}", line=1)
        return not self.findings

    def _product(self, header: Sequence[str], row: Sequence[str]) -> ProductConfig | None:
        if len(row) != len(header):
            wrong = f"has {len(row)} cells, the header has {len(header)}"
            self._wrong("", wrong, 'Is a cell with a comma missing its "quotation marks"?')
            return None
        cells = {name: cell.strip() for name, cell in zip(header, row, strict=True)}
        data: dict[str, object] = {name: cells[name] for name in PLAIN_FIELDS if name in cells}
        for prefix, key in (("name_", "names"), ("description_", "descriptions")):
            data[key] = {
                name.removeprefix(prefix): cell for name, cell in cells.items() if name.startswith(prefix) and cell
            }
        try:
            return ProductConfig.model_validate(data)
        except ValidationError as error:
            for details in error.errors():
                path = tuple(str(part) for part in details["loc"])
                key = {"names": "name_", "descriptions": "description_"}.get(path[0] if path else "", "")
                key += path[-1] if path else ""
                self._wrong(key, what_is_wrong(details), what_is_right(details, ProductConfig))
            return None
