"""Forms of English words, as far as the templates have them."""

from __future__ import annotations

import re

__all__ = ["inflected", "plural", "with_articles"]

_VOWELS = "aeiou"

_PAST = {
    **{"begin": "began", "bow": "bowed", "box": "boxed", "break": "broke"},
    **{"build": "built", "buy": "bought", "carry": "carried", "catch": "caught", "cut": "cut"},
    **{"dig": "dug", "do": "did", "drink": "drank", "drive": "drove", "eat": "ate"},
    **{"edge": "edged", "fall": "fell", "feed": "fed", "fight": "fought", "find": "found"},
    **{"fly": "flew", "forget": "forgot", "freeze": "froze", "fry": "fried", "get": "got"},
    **{"give": "gave", "grow": "grew", "hang": "hung", "hide": "hid", "hit": "hit"},
    **{"hold": "held", "keep": "kept", "kneel": "knelt", "lead": "led", "learn": "learned"},
    **{"leave": "left", "lend": "lent", "lie": "lay", "lose": "lost", "make": "made"},
    **{"meet": "met", "mow": "mowed", "pay": "paid", "put": "put", "quit": "quit"},
    **{"read": "read", "reset": "reset", "ride": "rode", "rise": "rose", "run": "ran"},
    **{"say": "said", "sell": "sold", "send": "sent", "sew": "sewed", "shake": "shook"},
    **{"shoot": "shot", "sing": "sang", "sit": "sat", "sleep": "slept", "slide": "slid"},
    **{"speak": "spoke", "speed": "sped", "spread": "spread", "stand": "stood", "steal": "stole"},
    **{"stick": "stuck", "sweep": "swept", "swim": "swam", "take": "took", "teach": "taught"},
    **{"tell": "told", "throw": "threw", "try": "tried", "undo": "undid", "wear": "wore"},
    **{"win": "won", "withdraw": "withdrew", "write": "wrote"},
}

_DOUBLED = {
    *("run", "sit", "cut", "swim", "chop", "put", "hit", "get", "stop", "jog", "slip", "drop"),
    *("dig", "hug", "pet", "stir", "skip", "win", "quit", "step", "rub", "ban", "sip", "clap"),
    *("plan", "grab", "mop", "bat", "reset", "commit", "transfer", "forget", "begin"),
}

_UNCHANGED = {"sheep", "fish", "deer", "shrimp", "cattle", "salmon", "moose"}
_PLURALS = {"mouse": "mice", "goose": "geese", "wolf": "wolves", "puppy": "puppies"}
_SOUNDED = ("uni", "use", "one", "eu", "uk", "us ", "ukulele", "university", "uniform")
_SILENT = ("hour", "honest", "8", "11", "18")
_ARTICLE = re.compile(r"\b([Aa]) (?=(\w+))")


def inflected(phrase: str, form: str) -> str:
    """A phrase that begins with a verb, with that verb as `ing`, `s` or `ed`.

    >>> inflected("ride a bike", "ing"), inflected("try to win", "s"), inflected("sit down", "ed")
    ('riding a bike', 'tries to win', 'sat down')
    """
    verb, _, rest = phrase.partition(" ")
    rest = re.sub(r"^and (play)\b", lambda found: f"and {_verb(found[1], form)}", rest)
    made = phrase if verb == "not" else _verb(verb, form)
    if verb == "not":  # "not start" of a device: what it does not do
        return {"s": f"does {phrase}", "ed": f"did {phrase}"}.get(form, phrase)
    return f"{made} {rest}" if rest else made


def _verb(verb: str, form: str) -> str:
    if verb == "be":
        return {"s": "is", "ed": "was", "ing": "being"}[form]
    return {"s": _third_person, "ed": _past, "ing": _participle}[form](verb)


def _third_person(verb: str) -> str:
    if _ends_in_y(verb):
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "sh", "ch", "x", "z", "o")) else "s")


def _past(verb: str) -> str:
    if verb in _PAST:
        return _PAST[verb]
    if _ends_in_y(verb):
        return verb[:-1] + "ied"
    return _stem(verb) + ("d" if verb.endswith("e") else "ed")


def _participle(verb: str) -> str:
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    is_silent = verb.endswith("e") and not verb.endswith("ee")
    return (verb[:-1] if is_silent else _stem(verb)) + "ing"


def _stem(verb: str) -> str:
    return verb + verb[-1] if verb in _DOUBLED else verb


def _ends_in_y(verb: str) -> bool:
    return verb.endswith("y") and verb[-2] not in _VOWELS


def plural(noun: str) -> str:
    """More than one of what a noun with its adjectives names.

    >>> plural("black dog"), plural("puppy"), plural("fox")
    ('black dogs', 'puppies', 'foxes')
    """
    before, _, last = noun.rpartition(" ")
    if last in _UNCHANGED:
        made = last
    elif last in _PLURALS:
        made = _PLURALS[last]
    else:
        made = last + ("es" if last.endswith(("s", "sh", "ch", "x")) else "s")
    return f"{before} {made}" if before else made


def with_articles(text: str) -> str:
    """The same with "an" before vowels.

    >>> with_articles("A owl and a unicycle in a hour")
    'An owl and a unicycle in an hour'
    """

    def article(found: re.Match[str]) -> str:
        word = found[2].lower()
        sounds = word[0] in _VOWELS and not word.startswith(_SOUNDED)
        return f"{found[1]}n " if sounds or word.startswith(_SILENT) else found[0]

    return _ARTICLE.sub(article, text)
