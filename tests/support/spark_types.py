"""Arrow types of Spark's schemas as they were recorded."""

from __future__ import annotations

import pyarrow as pa


def spark_type(kind):
    """An Arrow type as Spark writes its own, but for the names of what lies in lists."""
    names = {pa.string(): "string", pa.int32(): "integer", pa.float32(): "float"}
    if kind in names:
        return names[kind]
    if pa.types.is_map(kind):
        return {"type": "map", "keyType": "string", "valueType": "string",
                "valueContainsNull": True}  # fmt: skip
    if pa.types.is_list(kind):
        contains_null = kind.value_field.nullable
        element = "vector" if kind.value_type == VECTOR else spark_type(kind.value_type)
        return {"type": "array", "elementType": element, "containsNull": contains_null}
    fields = [{"name": f.name, "type": spark_type(f.type), "nullable": f.nullable, "metadata": {}}
              for f in kind]  # fmt: skip
    return {"type": "struct", "fields": fields}


VECTOR = pa.list_(pa.field("element", pa.float64(), nullable=False))


def spark_field(field):
    metadata = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
    return field.name, spark_type(field.type), field.nullable, without_uid(metadata)


def recorded_field(field):
    kind = field["type"]
    if isinstance(kind, dict) and "VectorUDT" in str(kind["elementType"]):
        kind = {**kind, "elementType": "vector"}
    return field["name"], kind, field["nullable"], without_uid(field["metadata"])


def without_uid(metadata):
    return {key: str(value).partition("_EMBEDDINGS_")[0] for key, value in metadata.items()}
