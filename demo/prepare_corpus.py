"""Make devils_dictionary.txt, one sentence a line, from the dictionary text named as the argument.

    python demo/prepare_corpus.py devil.dict > bench/src/embedpipe_bench/devils_dictionary.txt

Where that text comes from is in README.md beside this file; the checkout carries the result, so
that nobody who runs the demo needs this script.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

# "BORE, n.  A person": the headword in capitals, its part of speech, the definition.
ENTRY = re.compile(
    r"(?P<head>[A-Z][A-Z'. -]+(?:(?: or|,) [A-Z]+)?),? ?"
    r"(?P<part>(?:n|v|adj|adv|pron|pp|p\.p)\.(?:[ti]\.|pl\.)?) "
)
# The transcription sets two spaces between sentences, so "Dr. Johnson" is never taken for an end.
SENTENCE_END = re.compile(r"(?<=[.!?])(?P<closing>[\"')]*)  +(?=[\"'(]*[A-Z])")
# At the end of a line the number of spaces is lost; these end in a full stop, but not a sentence.
ABBREVIATION = re.compile(r"\b(?:Dr|Mr|Mrs|Messrs|St|Hon|Rev|Jo|[A-Z])\.$")
# Entries that are, or hang on, an insult to a people or a faith.
OMITTED = frozenset(
    {
        *("AFRICAN", "ABORIGINIES", "BEARD", "HEBREW", "JOSS-STICKS", "KORAN"),
        *("MINSTREL", "MULATTO", "NEGRO", "RED-SKIN"),
    }
)


def paragraphs(text: str) -> Iterator[list[str]]:
    """The prose paragraphs, as lists of lines; verse is told by the indent of its second line."""
    for block in re.split(r"\n[ \t]*\n", text):
        paragraph: list[str] = []
        for line in block.splitlines():
            if line.startswith(" ") and paragraph:
                yield from _prose(paragraph)
                paragraph = []
            paragraph.append(line)
        yield from _prose(paragraph)


def _prose(lines: list[str]) -> Iterator[list[str]]:
    if lines and not lines[-1].startswith(" "):
        yield lines


def joined(lines: list[str]) -> str:
    """The lines of a paragraph as one, with two spaces wherever a sentence may have ended."""
    text = ""
    for line in (line.strip() for line in lines):
        if not text or re.search(r"\w-$", text):  # "cannon-" + "shot"
            text += line
        elif re.search(r"[.!?][\"')]*$", text) and not ABBREVIATION.search(text):
            text += "  " + line
        else:
            text += " " + line
    # Without notes and without the marks of emphasis and reference.
    return re.sub(r" \[[^]]*\]| \(See [^)]*\)|[_{}]", "", text)


def sentences(paragraph: str) -> Iterator[str]:
    """The sentences of a paragraph that stand on their own feet: whole, of 4 to 60 words."""
    for sentence in SENTENCE_END.sub(r"\g<closing>\n", paragraph).split("\n"):
        plain = re.sub(r"\s+", " ", sentence).strip()
        whole = re.search(r"[.!?][\"')]*$", plain) and re.match(r"[\"']*[A-Z]", plain)
        balanced = plain.count('"') % 2 == 0 and plain.count("(") == plain.count(")")
        if whole and balanced and 4 <= len(plain.split()) <= 60:
            yield plain


def corpus(text: str) -> Iterator[str]:
    """Every sentence of every entry's prose; an entry's first begins with its headword."""
    omitted = True  # what stands before the first entry is the transcription's preface
    for lines in paragraphs(text):
        paragraph = joined(lines)
        entry = ENTRY.match(paragraph)
        if entry:
            omitted = entry["head"] in OMITTED
            # One space behind the part of speech, so that it does not end a sentence.
            paragraph = f"{entry['head']}, {entry['part']} {paragraph[entry.end() :].lstrip()}"
        elif re.match(r"[A-Z]{2,}", paragraph):
            omitted = True  # an entry of another form, mostly without a definition
        if not omitted:
            yield from sentences(paragraph)


def main() -> None:
    """Write the corpus made of the file named on the command line to standard output."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    text = Path(sys.argv[1]).read_text(encoding="ascii")
    for sentence in dict.fromkeys(corpus(text)):  # the transcription has one entry twice
        print(sentence)


if __name__ == "__main__":
    main()
