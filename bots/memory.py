"""How Python looks for what can be thrown away, set for a process that answers for weeks."""

from __future__ import annotations

import gc

# A turn leaves some hundreds of values and hardly a circle among them.
_VALUES = 20_000
_TIMES = 20


def settle() -> None:
    """What is open by now stays to the end: the collector need not go through it again and again.

    Measured with the sample shop, 32 shoppers at once: an eighth more turns a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_VALUES, _TIMES, _TIMES)
