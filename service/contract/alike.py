"""Whether two answers say the same, but for the last bits of their numbers."""

import math
from typing import Any


def alike(left: Any, right: Any, tolerance: float) -> bool:
    """Of values as JSON has them: floats may differ by that much, as a part or as such.

    A float is never as good as an integer.
    """
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(left, list) and isinstance(right, list):
        pairs = zip(left, right, strict=False)
        return len(left) == len(right) and all(alike(a, b, tolerance) for a, b in pairs)
    if isinstance(left, dict) and isinstance(right, dict):
        keys = left.keys()
        return keys == right.keys() and all(alike(left[k], right[k], tolerance) for k in keys)
    return bool(left == right) and type(left) is type(right)
