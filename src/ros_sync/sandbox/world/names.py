"""Invented names: nobody here exists, and every address ends in `.example` (RFC 2606)."""

from __future__ import annotations

from random import Random

COMPANY = "Northwind Loom"
MAIL_DOMAIN = "loom.example"

# First names and last names of buyers. Accents, apostrophes, hyphens and scripts are there on purpose.
FIRST_NAMES = (
    "Adaeze", "Ásdís", "Bálint", "Božena", "Caoimhe", "Çağla", "D'Andre", "Dagný", "Eŭgena", "Fatoumata", "Gwenaël",
    "Håkon", "Ilse", "Ioana", "Jürgen", "Kjersti", "Léonie", "Łucja", "Mairéad", "Ngozi", "Nuño", "Øystein", "Paweł",
    "Quỳnh", "Raúl", "Šárka", "Siân", "Tadhg", "Ülle", "Vasilisa", "Wanjiru", "Xiadani", "Yağmur", "Zoë", "Анфиса",
    "Ждан", "Ελπίδα", "نورهان", "יעלי", "अन्विता", "美雪", "지호", "浩然", "ธิดา",
)  # fmt: skip
LAST_NAMES = (
    "Achterberg", "Ångström-Vik", "Bielawska", "Brannagh", "Čapkova", "D'Alterre", "de la Fresnée", "Dvorsky",
    "Ekwueme",
    "Fjelltun", "Garmendia", "Grünwaldt", "Hlavatý", "Iñarrea", "Jørstad", "Kapoorani", "Kőszeghy", "Lindqvister",
    # the apostrophe that phones type
    "Mac an Rí", "Mbekwa", "Nørgren", "O'Cathasaigh", "O’Dunlevy", "Özdilekli", "Pereira-Lobo",  # noqa: RUF001
    "Quillfeather", "Rasmusdal",
    "Şentürkler", "Strzelba", "Tamburello", "Ullmansson", "van der Zwaluw", "Wexcombe", "Yamashiroda", "Zubiaurre",
    "Зарецкина", "Παπαδάκος", "السلوم", "藤ノ森", "남궁하",
)  # fmt: skip

COMPANY_STEMS = (
    "Alderbrück", "Bramholt", "Cindervale", "Dornwick", "Eastermoor", "Fennimar", "Glasswing", "Harrowmere",
    "Ironquill",
    "Jasperlund", "Kestrelby", "Lindenau-West", "Marrowgate", "Nettlecombe", "Ostrava-Lux", "Pinecrest & Daughters",
    "Quarrystone", "Ravenscar", "Silberfaden", "Tarnholt", "Umbergate", "Vellichor", "Wolkenstein", "Xantheia",
    "Yarrowdale",
    "Zephyrine",
)  # fmt: skip
COMPANY_TRADES = (
    "Analytics", "Bakeries", "Carriers", "Dyeworks", "Energy", "Foundry", "Glassworks", "Health", "Instruments",
    "Joinery",
    "Kitchens", "Logistics", "Mutual", "Networks", "Optics", "Paper", "Quays", "Robotics", "Shipping", "Textiles",
    "Utilities",
    "Vineyards", "Weaving", "Yachts",
)  # fmt: skip
INDUSTRIES = ("Manufacturing", "Software", "Logistics", "Retail", "Financial Services", "Health Care", "Energy")
PRODUCTS = ("Loom Core", "Loom Weave", "Loom Pattern", "Loom Archive")
PROJECTS = ("roll-out", "pilot", "replacement", "expansion", "platform", "migration", "Phase 2", "framework")
COMPETITORS = ("Spindle & Co", "Threadbare", "WarpWorks", "in-house build")
LOSS_REASONS = ("No decision", "Price", "Competitor", "No budget", "Missing capability", "Timing")
NEXT_STEPS = (
    "Send pricing to {who}", "Demo for {who} and two colleagues", "Security questionnaire back from {who}",
    "Call {who} about the business case", "Legal review with {who}", "Workshop with {who}'s team",
    "{who} presents to the board", "Reference call for {who}", "Paper process: redlines from {who}",
)  # fmt: skip
INBOUND_SUBJECTS = {
    "email": ("Re: your proposal", "Question about pricing", "Re: next steps", "Fwd: security review"),
    "call": ("Called back", "Call about scope"),
    "meeting": ("Workshop held", "Demo attended", "Review held"),
}
OUTBOUND_SUBJECTS = {
    "email": ("Following up", "Summary and next steps", "Proposal attached"),
    "call": ("Tried to reach", "Check-in call"),
    "task": ("Prepare business case", "Update mutual action plan"),
    "note": ("Notes from the call", "Spoke to a partner"),
}
LEAD_SOURCES = ("Website", "Webinar", "Trade fair", "Referral", "Content download", "Partner")
REJECTION_CODES = ("Not ICP", "No budget signal", "Already a customer", "Competitor", "Duplicate", "Other")


def company_names(rng: Random, count: int) -> list[str]:
    """So many different company names; beyond the combinations there are, they are numbered."""
    pairs = [f"{stem} {trade}" for stem in COMPANY_STEMS for trade in COMPANY_TRADES]
    rng.shuffle(pairs)
    rounds = -(-count // len(pairs))
    return [name if turn == 0 else f"{name} {turn + 1}" for turn in range(rounds) for name in pairs][:count]


def person_name(rng: Random) -> str:
    """A buyer's full name."""
    return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"


def domain_of(company: str) -> str:
    """The company's web domain: ASCII letters and digits of its name, below `.example`."""
    plain = company.lower().replace("ü", "u").replace("&", "and")
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in plain) + ".example"
