"""MLflow's scalar types, and exactly which JSON values each of them takes.

======== ============================== =============================================== ============
type     taken                          refused                                         null [1]_
======== ============================== =============================================== ============
boolean  true, false                    numbers, text                                   yes
integer  5, 5.0; -2**31 to 2**31-1      1.5, 2**40, "7", true                           no [2]_
long     5, 5.0; -2**63 to 2**63-1      1.5, 2**63, "7", true                           no [2]_
float    1.5, 3; rounded to 32 bits     1e300, 2**24+1 [3]_, "3.5", true                yes
double   1.5, 3                         2**53+1 [3]_, "3.5", true                       yes
string   "text"                         5, true, {}, []                                 yes
binary   "aGk=", line breaks or not     "***", "aGk", numbers                           yes
datetime "2026-05-01",                  1700000000, "20260501", "2026-05", "10:00",     yes
         "2026-05-01T10:00:00.5+02:00", "2026-W18-5", "2026-121", years before 1677
         "20260501T100000.5+0200"       or after 2262
======== ============================== =============================================== ============

.. [1] Only where the signature says that the column is optional.
.. [2] MLflow has no null for integers: its enforcement refuses one even where the column is
   optional. The whole column may be left out.
.. [3] Written as an integer. JSON does not tell how precisely `16777217.0` is meant; it is rounded.
   An integer of more than 64 bits counts as a number with an exponent.

MLflow's scoring server casts before it checks, so much of what is refused here reaches a model
there as another value (mlflow/utils/proto_json_utils.py, `cast_df_types_according_to_schema`).

`SCALARS` holds all that is peculiar to a type: the readers of every format ask it, so that a new
type is a checker and an entry here, and what hosts make of it (`service.host.inputs`,
`service.host.nested_cells`).

Elements of tensors are numpy's numbers, booleans and text, taken and refused as in columns of the
same kind; null is always refused, and so is text that ends with NUL, which numpy would drop. Not
taken are numpy's `object`, `bytes`, `datetime64` and complex types, of which JSON has none.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from service.contract.model_input import Values
from service.contract.reading import Checker
from service.contract.types.numeric import Boolean, Floating, Integral
from service.contract.types.texts import Binary, Datetime, Moment, String, iso_text

FLOAT_32: Final = Floating("f", bits=32, digits=24, bound=(2 - 2**-24) * 2.0**127)
FLOAT_64: Final = Floating("d", bits=64, digits=53)


@dataclass(frozen=True, slots=True)
class ScalarTraits:
    """One scalar type: what its values are as columns, elements, params, and cells of CSV.

    Attributes:
        column: checks it as a column.
        csv: how a cell of CSV is read.
        param: what MLflow makes of a param that has passed (`DataType.to_python`).
        example: a value of it in JSON, as people would try one.
        defaults: Python's types that MLflow takes as a default of a param, of JSON that may be
            null; empty where a param cannot be of the type.
        element: checks it in MLflow's arrays, which its enforcement takes through numpy's text and
            bytes; None: as a column.
        exact: checks what becomes Python's own value: a param, or for a type hint; None: as a
            column.
        null_is_a_value: whether the type itself has one for null: NaN or NaT.
        in_objects: whether MLflow takes a value of it from JSON in an object that is a param.
        is_decoded: whether text stands for something else.
        datatype: that of a tensor of its values, in the Open Inference Protocol.
        content_type: MLServer's word for what the elements of that tensor are.
    """

    column: Checker
    csv: Literal["text", "boolean", "number"]
    param: Callable[[Any], Any]
    example: Any
    defaults: frozenset[type]
    element: Checker | None = None
    exact: Checker | None = None
    null_is_a_value: bool = False
    in_objects: bool = True
    is_decoded: bool = False
    datatype: str = "BYTES"
    content_type: Literal["np", "str", "base64", "datetime"] = "np"

    def plain(self, converted: Values) -> Iterable[Any]:
        """A checked column's values as Python has them: those of `array` know no booleans."""
        return map(bool, converted) if self.csv == "boolean" else converted


_WHOLE: Final = frozenset({int})
_REAL: Final = frozenset({int, float})
_TEXT: Final = frozenset({str})

# mlflow/types/schema.py, DataType. Integers of any size are defaults of those of 32 bits too.
SCALARS: Final[Mapping[str, ScalarTraits]] = {
    "boolean": ScalarTraits(Boolean(), "boolean", bool, True, frozenset({bool}), datatype="BOOL"),
    "integer": ScalarTraits(
        *(Integral.signed("i", 32), "number", int, 0, _WHOLE), in_objects=False, datatype="INT32"
    ),
    "long": ScalarTraits(Integral.signed("q", 64), "number", int, 0, _WHOLE, datatype="INT64"),
    "float": ScalarTraits(
        *(FLOAT_32, "number", float, 0.0, _REAL),
        null_is_a_value=True,
        in_objects=False,
        datatype="FP32",
    ),
    "double": ScalarTraits(
        FLOAT_64, "number", float, 0.0, _REAL, null_is_a_value=True, datatype="FP64"
    ),
    "string": ScalarTraits(
        *(String(), "text", str, "text", _TEXT),
        element=String(for_numpy=True),
        content_type="str",
    ),
    "binary": ScalarTraits(
        *(Binary(), "text", str, "dGV4dA==", frozenset()),
        element=Binary(for_numpy=True),
        is_decoded=True,
        content_type="base64",
    ),
    "datetime": ScalarTraits(
        *(Datetime(), "text", iso_text, "2026-01-01T00:00:00", _TEXT),
        exact=Moment(),
        null_is_a_value=True,
        in_objects=False,
        is_decoded=True,
        content_type="datetime",
    ),
}

COLUMN_TYPES: Final = {name: traits.column for name, traits in SCALARS.items()}
ARRAY_TYPES: Final = {name: traits.element or traits.column for name, traits in SCALARS.items()}
EXACT_TYPES: Final = {name: traits.exact or traits.column for name, traits in SCALARS.items()}
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
