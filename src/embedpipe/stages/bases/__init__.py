"""What several annotators have in common: base classes, shared parameters, spans."""
