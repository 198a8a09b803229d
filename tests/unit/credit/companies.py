"""Invented companies, persons and domains: the same ones for the same seed."""

from random import Random

STEMS = (
    "nord sud ost west berg tal wald see stern sonne mond eisen stahl holz glas stein silber kupfer blau grun rot hafen markt park bruck burg feld bach "
    "delta alpha omega vector nova terra aqua solar luma vita aero mecha tecto hydro thermo electro opti digi medi agri petro cargo trans inter uni "
    "brook hill lake field stone wood iron bright clear swift prime summit harbour meadow orchard granite cedar maple falcon raven heron otter badger "
    "lind gran bjork fjord vik holm sjo strand skog alv kvarn mont val clair roche fleur ruisseau pont moulin lumiere chene pierre cote plaine"
).split()
SYLLABLES = [
    first + vowel
    for first in ("b bl br ch d dr f fl g gr h j k kl kr l m n p pl r s sch sk st t tr v w z").split()
    for vowel in "aeiou"
]
ENDINGS = "er en a o ix is ia on um al ic ex ta ra no lo mo vo ka ri".split()
TRADES = (
    "Tools Packaging Logistics Foods Textiles Print Software Machinery Chemicals Paper Glass Steel Furniture Electronics Pumps Valves Cables Bearings Coatings "
    "Werkzeuge Verpackung Spedition Druck Maschinenbau Holzbau Metallbau Elektrotechnik Transports Emballage Imprimerie Menuiserie Bygg Verktyg Snickeri Trading Services Supplies"
).split()
FORMS = (
    "GmbH",
    "GmbH & Co. KG",
    "AG",
    "Ltd",
    "Limited",
    "PLC",
    "LLC",
    "Inc.",
    "SARL",
    "SAS",
    "S.A.",
    "AB",
    "Aktiebolag",
    "ApS",
    "A/S",
    "B.V.",
    "S.r.l.",
    "OHG",
)
FIRST = (
    "Anna Erik Maria Karl Sofia Johan Elena Peter Julia Thomas Claire Pierre Louise Jean Emma Oliver Grace Henry Alice Oscar Ida Nils Greta Hugo Marta Pavel "
    "Katarzyna Marek Lucia Marco Giulia Paolo Ana Miguel Ines Jorge Fatima Omar Leila Hassan Yusuf Amira Dmitri Olga Viktor Irina Wei Ling Hiroshi Yuki Priya Arjun"
).split()
LAST = (
    "Schmidt Weber Wagner Becker Hoffmann Koch Richter Klein Wolf Neumann Larsson Nilsson Eriksson Lindberg Bergman Sandberg Dubois Moreau Laurent Girard Bonnet Mercier "
    "Smith Taylor Walker Wright Turner Cooper Harrison Bennett Foster Hughes Rossi Ricci Marino Conti Garcia Romero Navarro Silva Costa Kowalski Nowak Novak Horvat "
    "Rahman Khalil Mansour Haddad Petrov Ivanov Sokolov Chen Wang Tanaka Sharma Patel Osei Mensah Okafor"
).split()
LISTED_FIRST = (
    "Abdul Rahim|Mohammad|Ahmad|Hassan|Ali Reza|Mahmoud|Ibrahim|Khalid|Yusuf|Said|Mustafa|Nasser|Aleksandr|Sergey|Vladimir|Igor|Mikhail|Andrey|Yevgeny|"
    "Nikolay|Dmitry|Viktor|Kim|Ri|Pak|Choe|Jong|Song|Aung|Min|Thein|Jean Claude|Emmanuel|Innocent|Bosco"
).split("|")
LISTED_TRADES = (
    "General Trading|Trading|Import Export|Shipping|Shipping Lines|Petroleum|Petrochemical|Oil and Gas|Industries|Heavy Industries|Aviation|Airlines|Exchange|"
    "Money Exchange|Foundation|Charity|Investment|Holding|Machinery|Electronics|Mining|Construction|Engineering|Defence Systems|Research Institute|Bank|Insurance"
).split("|")


def a_word(random: Random) -> str:
    """An invented word that could be a company's: "Holmberga", "Trivako"."""
    if random.random() < 0.5:
        return "".join(random.choice(SYLLABLES) for _ in range(random.randint(2, 4))).capitalize()
    return (random.choice(STEMS) + random.choice([*STEMS, ""]) + random.choice([*ENDINGS, ""])).capitalize()


def a_company(random: Random) -> str:
    """A company's name with its legal form."""
    kind = random.randrange(4)
    if kind == 0:
        words = [random.choice(LAST), random.choice(TRADES)]
    elif kind == 1:
        words = [a_word(random), random.choice(TRADES)]
    elif kind == 2:
        words = [random.choice(LAST), "&", random.choice(LAST)]
    else:
        words = [a_word(random), a_word(random), random.choice(TRADES)]
    return " ".join([*words, random.choice(FORMS)])


def a_person(random: Random) -> str:
    """A person's name."""
    return f"{random.choice(FIRST)} {random.choice(LAST)}"


def a_domain(random: Random) -> str:
    """A company's domain."""
    label = random.choice(
        [
            a_word(random),
            a_word(random) + random.choice(["", "-"]) + random.choice(TRADES),
            random.choice(LAST) + random.choice(["", "-"]) + a_word(random),
            a_word(random) + a_word(random),
        ]
    )
    return f"{label.lower()}.{random.choice(['com', 'de', 'co.uk', 'fr', 'se', 'net'])}"


def a_listed_name(random: Random) -> str:
    """A name as lists of sanctions have them, two of three a person's: "Sergey Trivako Banlisu", "Gromata Shipping Lines"."""
    words = [
        "".join(random.choice(SYLLABLES) for _ in range(random.randint(2, 4))).capitalize()
        for _ in range(random.choice([1, 2, 2]))
    ]
    if random.random() < 0.66:
        return " ".join([random.choice(LISTED_FIRST), *words])
    return " ".join(
        [*words, random.choice(LISTED_TRADES), random.choice(["", "Company", "LLC", "Co. Ltd", "JSC"])]
    ).strip()
