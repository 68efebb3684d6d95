"""Distillation: a small student learns the vectors that a teacher gives to texts."""
