"""Booleans and numbers: exact, or refused."""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.contract.findings import Findings, Loc
from service.contract.formats.json_body import LongInteger
from service.contract.model_input import Values

_LEAST: Final = -(1 << 63)
_BOOLEANS: Final = {bool}
_INTEGERS: Final = {int}
_FLOATS: Final = {float}
_NUMBERS: Final = {int, LongInteger, float}


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` and `false`, nothing else: 1 is a number."""

    nullable: bool = True

    @property
    def schema(self) -> Mapping[str, Any]:
        """A JSON boolean."""
        return {"type": "boolean", "description": "true or false; numbers are refused"}

    def convert(self, values: Sequence[Any]) -> Values | None:
        """An array of 0 and 1."""
        return array("B", values) if set(map(type, values)) <= _BOOLEANS else None

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Any other type is wrong."""
        if value is None:
            findings.add(loc, "must not be null", "null")
        elif type(value) is not bool:
            findings.add(loc, "must be true or false", "type")


@dataclass(frozen=True, slots=True)
class Integral:
    """Whole numbers of one width; 5.0 is 5.

    Not nullable: neither numpy's integers nor MLflow's enforcement have a null
    (mlflow/models/utils.py, `_enforce_mlflow_datatype`).

    Attributes:
        typecode: of the `array` that holds them.
        low: the least.
        high: the greatest.
    """

    typecode: str
    low: int
    high: int
    nullable: bool = False

    @classmethod
    def signed(cls, typecode: str, bits: int) -> "Integral":
        """Two's complement of `bits` bits."""
        return cls(typecode, -(1 << bits - 1), (1 << bits - 1) - 1)

    @classmethod
    def unsigned(cls, typecode: str, bits: int) -> "Integral":
        """From 0 up."""
        return cls(typecode, 0, (1 << bits) - 1)

    @property
    def schema(self) -> Mapping[str, Any]:
        """A JSON number without a fraction, with its bounds."""
        bounds = {"minimum": self.low, "maximum": self.high}
        return {"type": "integer", **bounds, "description": "A whole number; 5.0 is one too"}

    def convert(self, values: Sequence[Any]) -> Values | None:
        """An array of the width; floats among the values are cast where they are whole."""
        types = set(map(type, values))
        if types != _INTEGERS:
            if not types <= _NUMBERS:
                return None
            whole = list(map(int, values))
            if whole != list(values) or (self.low == _LEAST and self._may_be_rounded(values)):
                return None
            values = whole
        try:
            return array(self.typecode, values)
        except OverflowError:
            return None

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Wrong are other types, fractions, and what the width cannot hold."""
        if value is None:
            findings.add(loc, "must not be null", "null")
        elif type(value) not in _NUMBERS:
            findings.add(loc, "must be a whole number", "type")
        elif value != int(value):
            findings.add(loc, "must be a whole number, without a fraction", "fraction")
        elif not self.low <= value <= self.high or self._may_be_rounded((value,)):
            findings.add(loc, f"must lie between {self.low} and {self.high}", "out_of_range")

    def _may_be_rounded(self, values: Sequence[Any]) -> bool:
        # An integer below 64 bits has come as the double next to it, which is the least of long.
        return any(type(value) is float and value == _LEAST for value in values)


@dataclass(frozen=True, slots=True)
class Floating:
    """Numbers of one precision; 3 is 3.0. An integer of 64 bits that would be rounded is refused.

    A number written with a point or an exponent is rounded to the precision, as everywhere.

    Attributes:
        typecode: of the `array` that holds them.
        bits: of the type.
        digits: binary digits of its significand.
        bound: the least magnitude that would be rounded to infinity (IEEE 754, ties to even);
            None where JSON cannot say it.
    """

    typecode: str
    bits: int
    digits: int
    bound: float | None = None
    nullable: bool = True

    @property
    def schema(self) -> Mapping[str, Any]:
        """A JSON number."""
        words = f"A {self.bits}-bit float; a whole number must be exact as one"
        return {"type": "number", "description": words}

    def convert(self, values: Sequence[Any]) -> Values | None:
        """An array of the precision."""
        types = set(map(type, values))
        if types != _FLOATS and not (types <= _NUMBERS and self._exact(values)):
            return None
        if self.bound is not None and not self._in_range(values):
            return None
        return array(self.typecode, values)

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Wrong are other types, what the type cannot hold, and integers that it would round."""
        if value is None:
            findings.add(loc, "must not be null", "null")
        elif type(value) not in _NUMBERS:
            findings.add(loc, "must be a number", "type")
        elif not self._in_range((value,)):
            findings.add(loc, f"must fit a {self.bits}-bit float", "out_of_range")
        elif not self._exact((value,)):
            findings.add(loc, f"must be exact as a {self.bits}-bit float", "precision")

    def _in_range(self, values: Sequence[int | float]) -> bool:
        bound = self.bound
        if bound is None or not values or (-bound < min(values) and max(values) < bound):
            return True
        # JSON has no infinities, other formats have.
        return all(-bound < value < bound or math.isinf(value) for value in values)

    def _exact(self, values: Sequence[int | float]) -> bool:
        limit = 1 << self.digits
        if -limit <= min(values, default=0) and max(values, default=0) <= limit:
            return True
        return all(type(value) is not int or self._holds(value) for value in values)

    def _holds(self, value: float) -> bool:
        whole = int(value)
        # Without its trailing zeros an integer must fit the significand.
        return whole == 0 or (abs(whole) // (whole & -whole)).bit_length() <= self.digits
