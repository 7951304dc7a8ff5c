"""Which layers of an encoder learn."""

from __future__ import annotations

from collections.abc import Sequence

from activeloop.errors import ModelError


def chosen_layers(count: int, layers: Sequence[int] | None, last: int | None) -> tuple[int, ...]:
    """The layers asked for, in order; all when nothing was asked for.

    Args:
        count: how many the encoder has.
        layers: their numbers from 0, or None.
        last: how many counted from the end, or None.

    Raises:
        ModelError: none, layers that do not exist, or both ways of asking at once.

    >>> chosen_layers(6, None, None), chosen_layers(6, (3, 1), None), chosen_layers(6, None, 2)
    ((0, 1, 2, 3, 4, 5), (1, 3), (4, 5))
    """
    if layers is not None and last is not None:
        raise ModelError("an adapter takes either `layers` or `last`. Leave one out; nothing was attached.")
    if last is not None:
        layers = range(count - last, count)
    wanted = range(count) if layers is None else sorted(set(layers))
    if not wanted or wanted[0] < 0 or wanted[-1] >= count:
        asked = f"last={last}" if last is not None else f"layers={list(wanted)}"
        raise ModelError(f"{asked}: the model has {count} layers (0 to {count - 1}). Nothing was attached.")
    return tuple(wanted)
