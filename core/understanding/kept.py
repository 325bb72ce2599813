"""Where a bot's classifier is kept: one file without code in it (numpy's npz), replaced in one step."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from zipfile import BadZipFile

import numpy as np
import structlog
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from core.understanding.classifier import Classifier, Terms

log = structlog.get_logger(__name__)
FORMAT = 1
FOLDER = "intents"


class _About(BaseModel):
    """What is no array, as JSON. ``terms`` in the order of their columns; none has a line break in it."""

    model_config = ConfigDict(frozen=True)

    format: int
    labels: list[str]
    terms: str
    sharpness: float
    dimensions: int
    data: str
    embedder: str


def file_of(data_dir: Path, bot: str) -> Path:
    return data_dir / FOLDER / f"{bot}.npz"


def write_classifier(file: Path, classifier: Classifier) -> None:
    """Raises OSError; then the old one is still there."""
    terms = classifier.terms
    about = _About(
        format=FORMAT,
        labels=list(classifier.labels),
        terms="\n".join(terms.columns),
        sharpness=classifier.sharpness,
        dimensions=classifier.dimensions,
        data=classifier.data,
        embedder=classifier.embedder,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=file.parent, delete=False, suffix=".tmp") as written:
        try:
            np.savez_compressed(
                written,
                about=np.frombuffer(about.model_dump_json().encode("utf-8", "replace"), np.uint8),
                idf=terms.idf,
                weights=classifier.weights,
                bias=classifier.bias,
                thresholds=classifier.thresholds,
            )
            written.flush()
            os.fsync(written.fileno())
            os.replace(written.name, file)
        except BaseException:
            with suppress(OSError):
                os.unlink(written.name)
            raise


def read_classifier(file: Path, data: str, embedder: str) -> Classifier | None:
    """The one that was trained on the examples and with the embedder of these digests; None: there is none that was."""
    try:
        found = _read(file)
    except FileNotFoundError:
        return None
    except (OSError, EOFError, BadZipFile, ValidationError, ValueError, KeyError):
        log.warning("the classifier of intents cannot be read, it is trained anew", file=str(file))
        return None
    fits = found is not None and (found.data, found.embedder) == (data, embedder)
    return found if fits else None


def _read(file: Path) -> Classifier | None:
    """None: it is of another version. Raises ValueError if its parts do not fit together."""
    with np.load(file, allow_pickle=False) as arrays:
        about = _About.model_validate_json(arrays["about"].tobytes())
        if about.format != FORMAT:
            return None
        idf, weights, bias, thresholds = (arrays[name] for name in ("idf", "weights", "bias", "thresholds"))
    terms = about.terms.split("\n")
    labels = len(about.labels)
    shapes: list[tuple[NDArray[np.generic], tuple[int, ...]]] = [
        (idf, (len(terms),)),
        (weights, (len(terms) + about.dimensions, labels)),
        (bias, (labels,)),
        (thresholds, (labels,)),
    ]
    if any(array.shape != shape for array, shape in shapes):
        raise ValueError("its parts are of different sizes")
    return Classifier(
        labels=about.labels,
        terms=Terms({term: column for column, term in enumerate(terms)}, idf.astype(np.float32)),
        weights=weights.astype(np.float32),
        bias=bias.astype(np.float32),
        sharpness=about.sharpness,
        thresholds=thresholds.astype(np.float64),
        dimensions=about.dimensions,
        data=about.data,
        embedder=about.embedder,
    )
