"""Texts of every sort and length that encoders are tried on."""

TEXTS = [
    "A man with a hard hat is dancing.",
    "",
    "Antibiotics aren't painkillers; “naïve” ones (2009, 20,000) less so!",
    "word " * 700,
    "漢字 and \U0001f600 and zzxqy",
    " \t\n",
    "one",
]
