"""How the model in the package is made again: texts, training, comparison, compact form.

`make model` runs it; `docs/default-model.md` says what went in and what came out.
"""
