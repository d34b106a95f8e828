"""Words for what the renderer drew: several per value, so that the pair learns meanings.

`HELD_OUT` holds other words for the same; nothing is trained on it, only measured.
"""
import random

HAIR = {
    "bald": ["bald", "a bald head", "no hair", "a shaved head", "a completely bald head",
             "hairless", "a bald person", "a hairless head", "bald-headed", "no hair at all"],
    "buzz": ["a buzz cut", "very short hair", "shaved hair", "cropped hair", "a crew cut",
             "stubbly hair", "a shaved haircut", "hair cropped close"],
    "short": ["short hair", "a short haircut", "short cut hair", "short-haired",
              "a neat short haircut", "hair cut short", "short back and sides"],
    "bob": ["a bob", "bob hair", "a bob cut", "chin-length hair", "medium length hair",
            "a bob haircut", "hair down to the chin", "mid-length hair"],
    "afro": ["an afro", "afro hair", "big curly hair", "frizzy hair", "curly hair",
             "a huge afro", "voluminous hair", "an afro hairstyle", "big hair"],
    "long": ["long hair", "very long hair", "long flowing hair", "hair down to the shoulders",
             "long-haired", "shoulder-length hair", "a person with long hair", "hair falling over the shoulders",
             "longer hair"],
}  # fmt: skip
COLOUR = {
    "black": ["black", "jet black", "dark", "raven", "raven black", "ebony", "coal black"],
    "brown": ["brown", "chestnut", "dark brown", "brunette", "chocolate brown", "hazel brown", "dark blond brown", "coffee brown"],
    "blond": ["blond", "blonde", "golden", "light blond", "yellow", "fair", "golden blonde", "honey blond", "sandy"],
    "red": ["red", "ginger", "auburn", "orange", "copper", "reddish", "fiery red"],
    "grey": ["grey", "gray", "silver", "greying", "ash grey", "silvery grey", "iron grey"],
    "white": ["white", "snow white", "pure white", "snowy", "bright white", "milk white"],
    "blue": ["blue", "dyed blue", "bright blue", "azure", "navy blue", "cobalt blue", "sky blue", "dark blue", "royal blue"],
    "pink": ["pink", "dyed pink", "bright pink", "rose", "magenta", "hot pink", "pastel pink"],
    "green": ["green", "dyed green", "bright green", "emerald", "dark green", "grass green", "lime green"],
    "purple": ["purple", "dyed purple", "violet", "lilac", "dark purple", "plum", "bright purple"],
}
GLASSES = {
    "none": ["no glasses", "without glasses", "not wearing glasses", "no eyewear",
             "bare eyes", "glasses off", "takes off the glasses", "nothing on the eyes"],
    "glasses": ["glasses", "wearing glasses", "eyeglasses", "spectacles", "reading glasses",
                "a pair of glasses", "eyewear", "clear glasses", "nerdy glasses", "goggles",
                "prescription glasses"],
    "sunglasses": ["sunglasses", "wearing sunglasses", "dark glasses", "dark sunglasses",
                   "shades", "a pair of sunglasses", "black sunglasses", "cool shades", "sunnies",
                   "dark lenses"],
}  # fmt: skip
BEARD = {
    "none": ["clean shaven", "no beard", "without a beard", "shaved", "clean-shaven",
             "beardless", "a smooth chin", "no facial hair", "freshly shaved"],
    "stubble": ["stubble", "a stubbly chin", "five o'clock shadow", "unshaven", "light stubble",
                "designer stubble"],
    "moustache": ["a moustache", "a mustache", "moustache", "mustached", "a thick moustache",
                  "a man with a mustache"],
    "beard": ["a beard", "a full beard", "bearded", "a thick beard", "a bushy beard",
              "a bearded man", "facial hair", "beard", "a dark beard"],
    "goatee": ["a goatee", "a chin beard", "a goatee beard", "goatee", "a small chin beard",
               "a van dyke"],
}  # fmt: skip
GENDER = {
    "man": ["a man", "male", "a guy", "a gentleman", "a male face", "masculine", "a boy"],
    "woman": ["a woman", "female", "a lady", "a girl", "a female face", "feminine"],
}
AGE = {
    "young": ["young", "youthful", "a young person", "a young face", "youth", "in their twenties", "younger", "a younger person"],
    "old": ["old", "elderly", "an old person", "aged", "a senior", "wrinkled", "an elderly face",
            "older", "an older person", "wrinkles", "a pensioner"],
}
EXPRESSION = {
    "neutral": ["a neutral expression", "calm", "a serious face", "expressionless", "neutral",
                "a straight face", "a blank face", "no expression", "relaxed", "a closed mouth"],
    "smiling": ["smiling", "a smile", "happy", "a smiling face", "grinning", "cheerful",
                "a gentle smile", "smiles", "a happy face", "joyful", "beaming", "a smiling mouth"],
    "laughing": ["laughing", "laughing with an open mouth", "a big laugh", "an open mouth laugh",
                 "a toothy laugh", "laughs", "laughing out loud", "hearty laughter", "showing teeth",
                 "a wide open grin"],
    "surprised": ["surprised", "shocked", "astonished", "amazed", "an open mouth in surprise",
                  "wide eyes", "a surprised face", "stunned", "a gaping mouth", "wide-eyed"],
    "angry": ["angry", "furious", "frowning angrily", "mad", "an angry face", "annoyed", "rage", "a scowl", "scowling", "cross"],
    "sad": ["sad", "unhappy", "gloomy", "frowning", "a sad face", "miserable", "sorrowful", "down", "a sad mouth", "sadness"],
    "eyes-closed": ["eyes closed", "closed eyes", "asleep", "sleeping", "shut eyes", "blinking", "with eyes shut", "eyelids down", "sleepy"],
}  # fmt: skip
HAT = {
    "yes": ["a hat", "wearing a hat", "a beanie", "a woolly hat", "a cap", "a knitted hat"],
    "no": ["no hat", "without a hat", "bareheaded", "hatless", "not wearing a hat"],
}
SKIN = {
    "pale": ["pale skin", "very light skin", "fair skin", "white skin"],
    "light": ["light skin", "light-skinned", "fair complexion", "rosy skin"],
    "tan": ["tan skin", "tanned skin", "olive skin", "a tan"],
    "brown": ["brown skin", "brown-skinned", "a brown complexion", "medium dark skin"],
    "dark": ["dark skin", "dark-skinned", "black skin", "very dark skin"],
}
LIPSTICK = {"yes": ["red lipstick", "lipstick", "red lips", "wearing lipstick", "painted lips"]}
FRECKLES = {"yes": ["freckles", "a freckled face", "freckled skin"]}
EYES = {"brown": ["brown eyes"], "blue": ["blue eyes"], "green": ["green eyes"]}

# What users write when they mean "nothing in particular".
NEUTRAL = [
    "a person", "a face", "a human face", "a portrait", "a portrait of a person", "someone",
    "a photo of a face", "a photo of a person", "a head", "a human", "the person", "a picture",
    "a rendered head", "a picture of a face", "a picture of a person", "portrait", "face", "person",
]  # fmt: skip
# Neutral for one trait: names the trait without its value.
NEUTRAL_TRAIT = {
    "hair_colour": ["hair", "a face with hair", "a person with hair", "coloured hair",
                    "hair of some colour"],
    "hair": ["hair", "a face with hair", "a person with hair", "a haircut", "a hairstyle"],
    "expression": ["an expression", "a facial expression"],
    "skin": ["skin", "a face with skin"],
    "glasses": ["eyes", "a person with eyes", "a face with eyes"],
    "beard": ["a chin", "a face with a chin", "a person with a chin"],
}  # fmt: skip
PHRASES = {
    "hair": HAIR, "glasses": GLASSES, "beard": BEARD, "gender": GENDER, "age": AGE,
    "expression": EXPRESSION, "hat": HAT, "skin": SKIN, "lipstick": LIPSTICK,
    "freckles": FRECKLES, "eyes": EYES,
    "hair_colour": {k: [f"{w} hair" for w in v] for k, v in COLOUR.items()},
}  # fmt: skip
for _colour, _words in (("blond", ["a blond person", "a blonde woman", "blond"]),
                        ("red", ["a redhead", "a ginger person"]),
                        ("brown", ["a brunette"])):  # fmt: skip
    PHRASES["hair_colour"][_colour] += _words

# Never trained on: what is asked about words that nobody thought of.
HELD_OUT = {
    "hair": {"bald": ["a bald pate", "lost all hair"], "short": ["closely trimmed hair", "a tidy short cut"],
             "afro": ["a frizzy mane", "curls"], "long": ["a long mane", "hair flowing over the shoulders"]},
    "hair_colour": {"black": ["pitch-black hair"], "blond": ["straw-coloured hair"], "red": ["carrot-red hair"],
                    "grey": ["salt and pepper hair"], "blue": ["sapphire hair"], "pink": ["bubblegum hair"],
                    "green": ["forest green hair"], "purple": ["lavender hair"]},
    "glasses": {"none": ["no spectacles"], "glasses": ["specs", "horn-rimmed glasses"],
                "sunglasses": ["tinted sunglasses", "aviators"]},
    "beard": {"none": ["a cleanly shaved chin", "no whiskers"], "beard": ["a bushy bearded guy", "whiskers"],
              "moustache": ["a handlebar moustache"], "goatee": ["a tuft on the chin"]},
    "gender": {"man": ["a bloke", "a father"], "woman": ["a lass", "a mother"]},
    "age": {"young": ["a teenager", "a student"], "old": ["a grandparent", "ancient"]},
    "expression": {"smiling": ["in a good mood", "delighted"], "laughing": ["giggling", "roaring with laughter"],
                   "surprised": ["startled", "flabbergasted"], "angry": ["irate", "enraged"],
                   "sad": ["tearful", "depressed"], "eyes-closed": ["dozing", "with lids closed"]},
}  # fmt: skip

HAIR_ADJECTIVES = {"long": ["long", "very long", "flowing"], "short": ["short"], "bob": ["chin-length"],
                   "afro": ["big curly", "frizzy", "curly"], "buzz": ["very short"]}  # fmt: skip


def combinations(count, seed=5):
    """[(phrase, {trait: value})] of two traits at once: "long blue hair", "a beard and glasses"."""
    rng = random.Random(seed)
    speakable = ["glasses", "beard", "gender", "age", "expression", "hat", "hair", "hair_colour"]
    rows = []
    while len(rows) < count:
        if rng.random() < 0.45:
            style, colour = rng.choice(list(HAIR_ADJECTIVES)), rng.choice(list(COLOUR))
            words = rng.choice(HAIR_ADJECTIVES[style]), rng.choice(COLOUR[colour])
            rows.append((f"{words[0]} {words[1]} hair", {"hair": style, "hair_colour": colour}))
            continue
        first, second = rng.sample(speakable, 2)
        meaning = {t: rng.choice(list(PHRASES[t])) for t in (first, second)}
        if meaning.get("hair") == "bald" and "hair_colour" in meaning:
            continue
        phrases = [rng.choice(PHRASES[t][v]) for t, v in meaning.items()]
        rows.append((rng.choice([" and ", ", ", " with "]).join(phrases), meaning))
    return rows


# The pack's prompt templates: a prompt's embedding is the mean over these.
TEMPLATES = ["{}", "a face with {}", "a person with {}", "a portrait of a person with {}"]


def wrap(phrase, rng):
    """Put a phrase into one of the templates most of the time."""
    return rng.choice(["{}", "{}"] + TEMPLATES).format(phrase)


def traits(row):
    """The traits of one face that are worth saying: {attribute: value} -> usable attributes."""
    said = ["gender", "age", "skin", "expression", "glasses", "hat", "eyes"]
    if row["hat"] == "no":
        said.append("hair")
        if row["hair"] != "bald":
            said.append("hair_colour")
    elif row["hair"] in ("bob", "long"):
        said += ["hair", "hair_colour"]
    if row["gender"] == "man":
        said.append("beard")
    elif row["lipstick"] == "yes":
        said.append("lipstick")
    if row["freckles"] == "yes":
        said.append("freckles")
    if row["glasses"] == "sunglasses":
        said.remove("eyes")
    return said


# How often a trait is the one spoken of: what people ask for comes first.
WEIGHTS = {"hair_colour": 4, "hair": 4, "glasses": 3, "beard": 4, "expression": 2, "gender": 2}


def caption(row, rng, count):
    """A sentence naming `count` traits of the face described by `row`."""
    usable = traits(row)
    chosen = []
    while usable and len(chosen) < count:
        pick = rng.choices(usable, [WEIGHTS.get(t, 1) for t in usable])[0]
        usable.remove(pick)
        chosen.append(rng.choice(PHRASES[pick][row[pick]]))
    if not chosen or rng.random() < 0.02:
        return rng.choice(NEUTRAL)
    return wrap(", ".join(chosen), rng)


def seeded(seed):
    return random.Random(seed)
