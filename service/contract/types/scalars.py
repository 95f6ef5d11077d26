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
"""

from collections.abc import Mapping
from typing import Final

from service.contract.reading import Checker
from service.contract.types.numeric import Boolean, Floating, Integral
from service.contract.types.texts import Binary, Datetime, String

FLOAT_32: Final = Floating("f", bits=32, digits=24, bound=(2 - 2**-24) * 2.0**127)
FLOAT_64: Final = Floating("d", bits=64, digits=53)

# mlflow/types/schema.py, DataType.
COLUMN_TYPES: Final[Mapping[str, Checker]] = {
    "boolean": Boolean(),
    "integer": Integral.signed("i", 32),
    "long": Integral.signed("q", 64),
    "float": FLOAT_32,
    "double": FLOAT_64,
    "string": String(),
    "binary": Binary(),
    "datetime": Datetime(),
}

# As elements of MLflow's arrays, which its enforcement takes through numpy's text and bytes.
ARRAY_TYPES: Final[Mapping[str, Checker]] = {
    **COLUMN_TYPES,
    "string": String(for_numpy=True),
    "binary": Binary(for_numpy=True),
}
