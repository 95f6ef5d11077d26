"""The element types of tensors: numpy's numbers, booleans and text, as exact as columns are.

Elements are taken and refused as in columns of the same kind (`scalars`); null is always refused,
and so is text that ends with NUL, which numpy would drop.
Not taken are numpy's `object`, `bytes`, `datetime64` and complex types, of which JSON has none.
"""

from collections.abc import Mapping
from typing import Final

from service.contract.reading import Checker
from service.contract.types.numeric import Boolean, Floating, Integral
from service.contract.types.scalars import FLOAT_32, FLOAT_64
from service.contract.types.texts import String

TENSOR_TYPES: Final[Mapping[str, Checker]] = {
    "bool": Boolean(),
    "int8": Integral.signed("b", 8),
    "int16": Integral.signed("h", 16),
    "int32": Integral.signed("i", 32),
    "int64": Integral.signed("q", 64),
    "uint8": Integral.unsigned("B", 8),
    "uint16": Integral.unsigned("H", 16),
    "uint32": Integral.unsigned("I", 32),
    "uint64": Integral.unsigned("Q", 64),
    # No `array` has 16-bit floats; doubles are rounded once, by whoever makes the tensor.
    "float16": Floating("d", bits=16, digits=11, bound=65520.0),
    "float32": FLOAT_32,
    "float64": FLOAT_64,
    "str": String(for_numpy=True),
}
