"""The marks against a plain reading of the rules: one substitution after another, nothing merged.

The oracle shares no code with `sentence_marks` and `dot_rules`: it rewrites the whole text for each
rule, gives each kind of stop its own symbol and searches for each sentence in the text.
"""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from embedpipe.text.sentences import SentenceRules, split_sentences

END, SHIELD, UNSHIELD = "\uf050", "\uf056", "\uf057"
KEPT_STOP, KEPT_THREE, ENDING_STOP, ENDING_SEMICOLON = "\uf0a0", "\uf0a1", "\uf0a2", "\uf0a3"
BACK = {END: "", SHIELD: "", UNSHIELD: "", KEPT_STOP: ".", KEPT_THREE: "..."} | {
    ENDING_STOP: ".",
    ENDING_SEMICOLON: ";",
}

TITLES = "dr mr ms prof mt st"
NUMBERS = "no p px"
OTHERS = (
    "adj bros btw co col corp cpl dec aug del dept dist dr e.g etc exp feb fy hr i.e id inc jan jr "
    "jul jun lt ltd mar may min mr mrs ms no nov oct ok p px plz prof rep sec sep sept sr st u.s "
    "ver vs"
)


def _rewrite(pattern: str, replacement: str, text: str) -> str:
    return re.sub(pattern, lambda m: m.expand(replacement), text, flags=re.ASCII)


def _item_labels(text: str) -> str:
    label = rf"{END}{SHIELD}\g<0>{UNSHIELD}"
    text = _rewrite(r"\([a-z]+\)|\A[a-z]+\)", label, text)
    number = r"\d{1,2}\."
    forms = (
        rf"\s{number}\s",
        rf"\A{number}\s",
        rf"\s{number}\)",
        rf"\A{number}\)",
        rf"\s-{number}\s",
        rf"\A-{number}\s",
        rf"s-{number}\)",
        r"\A-\d{1,2}[^\n\r\x85\u2028\u2029]\)",
    )
    return _rewrite("|".join(forms), label, text)


def _numbers(text: str) -> str:
    text = _rewrite(r"\.(?=\d)", KEPT_STOP, text)
    text = _rewrite(r"(?<=\d)\.(?=\S)", KEPT_STOP, text)
    text = _rewrite(r"\A(\d)\.(?=\s\S)", rf"\1{KEPT_STOP}", text)
    return _rewrite(r"\A(\d\d)\.(?=\s\S)", rf"\1{KEPT_STOP}", text)


def _abbreviations(text: str, dictionary: bool) -> str:
    shielded = rf"{SHIELD}\g<0>{UNSHIELD}"
    # Only texts without superscript digits and combining marks come here, for which Python's
    # Unicode \w is what Java's \b goes by.
    text = re.sub(
        r"(?<!\w)[a-zA-Z](?:\.[a-zA-Z])+(?:\.(?![ \t\n\x0b\f\r][A-Z]))*",
        lambda m: m.expand(shielded),
        text,
    )
    text = _rewrite(r"(?i)p\.m\.*", shielded, text)
    text = _rewrite(r"(?i)a\.m\.*", shielded, text)
    text = _rewrite(r"\.(?='s\s|'s\$|'s\Z)", KEPT_STOP, text)
    text = _rewrite(r"(?<=Co)\.(?=\sKG)", KEPT_STOP, text)
    text = _rewrite(r"(\A[A-Z])\.(?=\s)", rf"\1{KEPT_STOP}", text)
    text = _rewrite(r"(\s[A-Z])\.(?=\s)", rf"\1{KEPT_STOP}", text)
    if dictionary:
        for words, follows, follows_at_start in (
            (TITLES, r"\s", r"\s"),
            (TITLES, r":\d", r":\d"),
            (NUMBERS, r"\s\d", r"\s\d"),
            (NUMBERS, r"\s+\(", r"\s+\("),
            (OTHERS, r"[.:?-]|\s([a-z]|I\s|I'm|I'll|\d)", r"[.:?]|\s([a-z]|I\s|I'm|I'll|\d)"),
            (OTHERS, ",", ","),
        ):
            word = words.replace(".", r"[^\n\r\x85\u2028\u2029]").replace(" ", "|")
            for before, after in ((r"(?<=\s)", follows), (r"\A", follows_at_start)):
                text = _rewrite(rf"({before}(?i:{word}))\.(?={after})", rf"\1{KEPT_STOP}", text)
    return text


def _rest(text: str) -> str:
    text = _rewrite(r"(?<=\S)[!?]+(?=\s|\Z|\$)", rf"\g<0>{END}", text)
    text = _rewrite(r"(?<=\w)\.(?=\w)", KEPT_STOP, text)
    text = _rewrite(r"(?<=[A-z]°)\.(?=\s*\d)", KEPT_STOP, text)
    text = _rewrite(r"\.\.\.(?=\s+[A-Z])", KEPT_THREE + END, text)
    text = _rewrite(r"(?<=\S)\.{3}(?=\.\s[A-Z])", KEPT_THREE + END, text)
    shielded = rf"{SHIELD}\g<0>{UNSHIELD}"
    text = _rewrite(r"(?:(?<=\s)|\A)'[\w\s?!.,|']+'\W", shielded, text)
    for opening, closing in (('"', '"'), (r"\[", r"\]"), (r"\(", r"\)")):
        text = _rewrite(rf"{opening}[\w\s?!.,]+{closing}", shielded, text)
    return text.replace(".", ENDING_STOP + END).replace(";", ENDING_SEMICOLON + END)


def plain_sentences(
    text: str, *, dictionary: bool, lists: bool, bounds: tuple[str, ...], strategy: str
) -> list[tuple[str, int, int]]:
    marked = text
    for bound in bounds:
        form = {"none": END, "prepend": rf"{END}\g<0>", "append": rf"\g<0>{END}"}[strategy]
        marked = _rewrite(bound, form, marked)
    if lists:
        marked = _item_labels(marked)
    if bounds:
        marked = _numbers(_abbreviations(marked, dictionary))
    else:
        marked = _abbreviations(_numbers(marked), dictionary)
    marked = _rest(marked)
    found, position = [], 0
    for part in re.split(f"{END}(?![^{SHIELD}{UNSHIELD}]*{UNSHIELD})", marked):
        sentence = "".join(BACK.get(c, c) for c in part).strip("".join(map(chr, range(33))))
        begin = text.find(sentence, position)
        position = begin + len(sentence)
        if sentence:
            found.append((sentence, begin, position))
    return found


SPELLED = (
    "a|A|I|p|m|s|Co|KG|dr|Dr|e.g|egg|etc|no|px|u.s|p.m.|a.m|A.M.|I'm|1|12|123|2.5|.|.|.|..|...|....|"
    ";|!|?|?!|!!|'|'s|\"|(|)|[|]|-|°|N°|:|,| | | |\n|  |\t|$|é|é.|_|the|The|\u2028|\u00a0|\x01|1.|"
    "X. | 1. |p.m. A|(a)|a)|-1.|s-1.)|字|😀| 'a|a' |'a'.|\"a.|a.\"|(a.|a.)|... A|dr. A|"
    "Dr.-|etc..|no. ("
)
PIECES = st.sampled_from(SPELLED.split("|"))


@settings(max_examples=400, deadline=None)
@given(
    st.lists(PIECES, max_size=22).map("".join),
    st.booleans(),
    st.booleans(),
    st.sampled_from([(), (), (), (",",), ("\n", ":"), (r"\d+\. ",), (r"[!?]", "the")]),
    st.sampled_from(["prepend", "append"]),
)
def test_sentences_are_those_of_the_plain_reading(
    text: str, dictionary: bool, lists: bool, bounds: tuple[str, ...], strategy: str
) -> None:
    rules = SentenceRules(
        use_abbreviations=dictionary,
        detect_lists=lists,
        custom_bounds=bounds,
        custom_bounds_strategy=strategy,
    )
    expected = plain_sentences(
        text, dictionary=dictionary, lists=lists, bounds=bounds, strategy=strategy
    )
    assert split_sentences(text, rules) == expected


def test_a_word_of_any_script_before_a_dotted_word_keeps_it_from_being_one() -> None:
    # Java 17's word boundary: é and 字 belong to words, as does a mark behind a letter; ² does not.
    for before, ends in (("é", True), ("字", True), ("e\u0301", True), ("²", False), (" ", False)):
        text = f"x {before}a.b. c"
        assert len(split_sentences(text)) == (2 if ends else 1), before
