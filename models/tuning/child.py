"""The process that measures: ``python -m models.tuning.child`` reads orders and writes answers, a line of JSON each.

If the library crashes, only this process ends. It ends by itself when its input does.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import structlog

from models.llama import LlamaError, LoadOptions, Opened, open_model, set_up_library
from models.llama.library import LOG, lib
from models.machine import Others
from models.runner import DecodeFailed
from models.tuning.measure import CELLS, SEQUENCES, measure
from models.tuning.orders import ORDER, REPACK_TYPES, Answer, MeasureOrder, RepackOrder
from models.tuning.values import Measured


class Worker:
    """Keeps a model open as long as only the threads change."""

    def __init__(self) -> None:
        self._opened: Opened | None = None
        self._open: tuple[Path, LoadOptions] | None = None

    def carry_out(self, order: MeasureOrder | RepackOrder) -> Answer:
        try:
            if isinstance(order, RepackOrder):
                self._close()
                return Answer(failed=_repack(order))
            opened = self._model(order)
            others = Others()
            measured = measure(opened.runner, opened.vocabulary.size, order.choices, order.prompt)
            return Answer(measured=measured.model_copy(update={"others": others.cpus() or 0.0}))
        except (LlamaError, DecodeFailed) as error:
            reason = str(error)
        if isinstance(order, MeasureOrder):
            return Answer(measured=Measured(choices=order.choices, failed=reason))
        return Answer(failed=reason)

    def _model(self, order: MeasureOrder) -> Opened:
        options = LoadOptions(
            context=CELLS,
            cells=CELLS,
            parallel=SEQUENCES,
            idle_sequences=0,
            threads=1,  # set for each measurement
            flash_attention=order.choices.flash_attention,
            kv_type=order.choices.kv_type,
            batch=order.choices.batch,
            gpu_layers=order.asked.gpu_layers,
            gpu_split=order.asked.gpu_split,
            gpu_shares=order.asked.gpu_shares,
            main_gpu=order.asked.main_gpu,
            gpu_cache=order.asked.gpu_cache,
        )
        if self._opened is None or self._open != (order.model, options):
            self._close()
            self._opened, self._open = open_model(order.model, options), (order.model, options)
        return self._opened

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.runner.close()
        self._opened = self._open = None


def _repack(order: RepackOrder) -> str:
    """Empty if it worked."""
    set_up_library()
    LOG.errors()
    params = lib.llama_model_quantize_default_params()
    params.ftype = REPACK_TYPES[order.type]
    params.nthread = order.threads
    params.allow_requantize = True
    if lib.llama_model_quantize(str(order.model).encode(), str(order.target).encode(), ctypes.byref(params)):
        return LOG.errors()
    return ""


def serve(orders: Iterable[str], answers: TextIO) -> None:
    worker = Worker()
    for line in orders:
        print(worker.carry_out(ORDER.validate_json(line)).model_dump_json(), file=answers, flush=True)


def main() -> None:
    # Whatever else is printed, also by the library, goes to stderr: stdout belongs to the answers.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
        serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
