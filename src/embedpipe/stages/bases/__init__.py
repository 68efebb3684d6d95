"""Base classes and shared parameters of annotators."""
