"""Annotations: as single objects (`Annotation`), and as columns for stages.

Nothing here computes annotations; that is the work of `embedpipe.stages`.
"""

from embedpipe.annotation.column import AnnotationColumn
from embedpipe.annotation.metadata import metadata_map
from embedpipe.annotation.record import Annotation
from embedpipe.annotation.schema import (
    ANNOTATION_FIELDS,
    ANNOTATION_TYPE,
    METADATA_TYPE,
    WITH_VECTORS,
    AnnotatorType,
    OffsetUnit,
    annotation_field,
    annotator_type_of,
    is_annotation_type,
)

__all__ = [
    "ANNOTATION_FIELDS",
    "ANNOTATION_TYPE",
    "METADATA_TYPE",
    "WITH_VECTORS",
    "Annotation",
    "AnnotationColumn",
    "AnnotatorType",
    "OffsetUnit",
    "annotation_field",
    "annotator_type_of",
    "is_annotation_type",
    "metadata_map",
]
