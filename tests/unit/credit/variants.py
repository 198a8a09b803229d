"""How the same name comes otherwise: other letters, another order, another legal form, a slip of the finger."""

from random import Random

from tests.unit.credit.companies import FORMS

_OTHERWISE = [
    ("sh", "sch"), ("ou", "u"), ("v", "w"), ("ks", "x"), ("ph", "f"), ("y", "i"), ("kh", "h"), ("ts", "c"), ("zh", "j"), ("ch", "tch"), ("ck", "k"),
    ("oo", "u"), ("ee", "i"), ("ff", "f"), ("ss", "s"), ("c", "k"), ("q", "k"), ("dj", "j"), ("ya", "ia"), ("ö", "oe"), ("ü", "ue"), ("ö", "o"), ("ü", "u"),
]  # fmt: skip


def transliterated(random: Random, name: str) -> str:
    """Up to three letters written as another country writes their sound."""
    lowered = name.lower()
    for one, other in random.sample(_OTHERWISE, len(_OTHERWISE)):
        if one in lowered and random.random() < 0.5:
            lowered = lowered.replace(one, other, 1)
    return lowered.title()


def reordered(random: Random, name: str) -> str:
    """Its words in another order, perhaps with a comma."""
    words = name.replace(",", "").split()
    random.shuffle(words)
    return (words[0] + ", " + " ".join(words[1:])) if random.random() < 0.3 and len(words) > 1 else " ".join(words)


def with_form(random: Random, name: str) -> str:
    """With another legal form than the list's."""
    return f"{name} {random.choice(FORMS)}"


def mistyped(random: Random, name: str) -> str:
    """One letter changed, left out, doubled or swapped with the next."""
    at = random.randrange(1, max(2, len(name) - 1))
    kind = random.randrange(4)
    if kind == 0:
        return name[:at] + random.choice("aeiourstln") + name[at + 1 :]
    if kind == 1:
        return name[:at] + name[at + 1 :]
    if kind == 2:
        return name[: at + 1] + name[at:]
    return name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :]


VARIANTS = {"transliterated": transliterated, "reordered": reordered, "another form": with_form, "mistyped": mistyped}
