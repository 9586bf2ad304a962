"""The small words of names, without their dots, in lower case."""

TITLES = frozenset({
    "mr", "mrs", "ms", "mx", "dr", "prof", "professor", "herr", "frau", "hr", "dipl-ing", "ing", "dr-ing", "drmed",
    "mag", "mme", "mlle", "monsieur", "madame", "sr", "sra", "srta", "señor", "señora", "dott", "dottssa", "sig",
    "sigra", "avv", "dra", "dhr", "mevr", "drs", "ir", "mgr", "mudr", "judr", "phdr", "rndr", "bc", "inż", "lic",
})  # fmt: skip
TITLES_OF_GIVEN_NAMES = frozenset({"sir", "dame", "miss", "fr", "rev", "don", "doña"})
"""Behind these a lone name is the first; behind the others it is the last."""
TITLES_AFTER_TITLES = frozenset({"med", "rer", "nat", "jur", "iur", "phil", "hc", "habil", "pol", "oec", "dent", "vet"})
SUFFIXES = frozenset({
    "jr", "ii", "iii", "iv", "2nd", "3rd", "phd", "mba", "msc", "bsc", "esq", "cpa", "llm", "pmp", "cfa", "dds",
})  # fmt: skip
SUFFIXES_IN_CAPITALS = frozenset({"sr", "md", "ma", "ba", "pe", "jd", "rn", "ext", "extern", "external"})
"""These are names as well (Jack Ma)."""
JOBS = frozenset({
    "ceo", "cto", "cfo", "coo", "cio", "cmo", "vp", "svp", "director", "manager", "president", "founder",
    "co-founder", "partner", "owner", "chairman", "chair", "cpo", "cro", "ciso", "evp", "principal", "associate",
    "counsel", "attorney", "lawyer", "advisor", "accountant", "developer", "architect", "designer", "analyst",
    "recruiter", "inhaber", "gesellschafter", "prokurist", "vertrieb", "leiter", "gérant", "directeur", "directrice",
    "directora", "gerente", "socio", "titolare", "direttore", "eigenaar", "head", "of", "sales", "marketing",
    "engineer", "consultant", "assistant", "geschäftsführer", "geschäftsführerin", "gründer", "gründerin", "inhaberin",
    "leiterin", "vorstand", "gérante", "fondateur", "fondatrice", "fundador", "fundadora", "commerciale",
    "dyrektor", "prezes", "ředitel", "директор", "менеджер",
})  # fmt: skip

FIRM = frozenset({"inc", "ltd", "llc", "gmbh", "corp", "plc", "srl", "llp", "pty", "sarl", "mbh", "ug", "ev", "spa",
                  "sro", "doo", "kft", "zrt", "oü", "eood", "oyj"})  # fmt: skip
FIRM_IN_CAPITALS = frozenset({"ag", "co", "sa", "bv", "oy", "ab", "kg", "se", "nv", "as", "sas", "aps", "sl"})
"""These are names as well, where they are not written in capitals."""
FIRM_BEFORE = frozenset({"ооо", "оао", "зао", "пао", "тов", "фоп", "株式会社", "有限会社"})
"""Legal forms that stand before a company's name."""
FIRM_PHRASES = ("sp z oo", "sp zoo", "spółka zoo", "co kg")
"""Legal forms of several words, without their dots."""

NO_NAMES = frozenset({"null", "undefined", "unknown", "none", "nil", "nan", "n/a", "(null)", "anonymous", "noname",
                      "unbekannt", "inconnu", "desconocido", "sconosciuto", "неизвестно", "%name%"})  # fmt: skip
"""What programs write where a name is missing."""
PRONOUNS = r"she|her|hers|he|him|his|they|them|theirs|sie|ihr|er|ihn|elle|il|iel|ella|él|elle"

PARTICLES = frozenset({
    "van", "von", "vom", "zu", "zum", "zur", "der", "den", "de", "del", "della", "dello", "di", "da", "das", "do",
    "dos", "du", "des", "la", "le", "las", "los", "ten", "ter", "te", "af", "av", "bin", "ibn", "bint", "al", "el",
    "ben", "st", "d", "e", "y", "i", "t", "'t", "op", "in", "auf", "mac", "mc", "ó", "ní", "nic", "uí",
    "بن", "ابن", "بنت", "آل", "أبو", "ابو", "בן", "בת",
})  # fmt: skip
SURE_PARTICLES = PARTICLES - {"e", "y", "i", "d", "t", "in", "auf", "ben", "al", "el", "st", "mac", "mc"}
"""Those that begin a family name where they are in lower case; the others only continue one."""
CONJUNCTIONS = frozenset({"&", "and", "und", "et", "en", "och", "og"})

SITES = (".com", ".net", ".org", ".info", ".io", ".co", ".ai", ".app", ".dev", ".eu", ".de", ".at", ".ch", ".fr", ".nl",
         ".be", ".it", ".es", ".pl", ".uk", ".us", ".ca", ".se", ".shop", ".online")  # fmt: skip
"""A name that ends so is a website's."""
PATRONYMICS = ("вич", "вна", "ична", "оглы", "кызы")
VIETNAMESE_FAMILIES = frozenset({
    "nguyễn", "nguyen", "trần", "lê", "phạm", "hoàng", "huỳnh", "phan", "vũ", "võ", "đặng", "bùi", "đỗ", "hồ", "ngô",
    "dương", "lý",
})  # fmt: skip
"""They stand first, and keep their marks where the name is written in Vietnamese."""
COMPOUND_HANGUL = frozenset({"남궁", "황보", "제갈", "선우", "독고", "사공", "서문"})

ASIDE_WORDS = r"via|on behalf of|im auftrag von|de la part de|w/|por cuenta de|per conto di|namens"
"""What follows these says who passed the mail on."""
