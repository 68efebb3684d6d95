"""Patterns of java.util.regex for Python's `re`; `regex` is the way in."""
