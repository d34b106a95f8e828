"""Words that packs are asked about: those of the captions they were trained with, and others."""
from common import captions

# Nobody trains on these. Those that a pack's captions hold after all are left out when it is evaluated (`new_words`).
NEW = {
    "hair": {
        "bald": ["a bare scalp", "a smooth bald scalp"],
        "buzz": ["hair shorn to the skin", "a military haircut"],
        "short": ["a short back and sides", "hair trimmed above the ears"],
        "bob": ["a pageboy haircut", "hair that ends at the jaw"],
        "afro": ["a big round cloud of curls", "a mop of frizz"],
        "long": ["hair flowing over the shoulders", "a long mane"],
    },
    "hair_colour": {
        "black": ["coal-black hair", "inky hair"],
        "brown": ["brunet hair", "nut-brown hair"],
        "blond": ["straw-coloured hair", "flaxen hair"],
        "red": ["rust-coloured hair", "carrot-coloured hair"],
        "grey": ["salt and pepper hair", "steel-grey hair"],
        "white": ["hair white as milk", "ivory hair"],
        "blue": ["sapphire hair", "hair the colour of the sea"],
        "pink": ["fuchsia hair", "bubblegum-coloured hair"],
        "green": ["hair the colour of moss", "lime-coloured hair"],
        "purple": ["lavender hair", "violet-dyed hair"],
    },
    "glasses": {
        "none": ["nothing on the nose", "uncovered eyes"],
        "glasses": ["specs", "a pair of spectacles with a frame"],
        "sunglasses": ["tinted sunglasses", "black aviators"],
    },
    "beard": {
        "none": ["a cleanly shaved chin", "hairless cheeks"],
        "stubble": ["three days without a razor", "short bristles on the chin"],
        "moustache": ["whiskers under the nose", "hair on the upper lip"],
        "beard": ["a bushy bearded guy", "a beard like a lumberjack"],
        "goatee": ["a pointed beard on the chin", "a tuft on the chin"],
    },
    "gender": {
        "man": ["a bloke", "a fellow"],
        "woman": ["a lass", "a gentlewoman"],
    },
    "age": {
        "young": ["in the prime of youth", "a teenager"],
        "old": ["a pensioner", "someone in their eighties"],
    },
    "expression": {
        "neutral": ["a blank face", "without any emotion"],
        "smiling": ["beaming", "a friendly smile"],
        "laughing": ["roaring with laughter", "cracking up"],
        "surprised": ["startled", "dumbfounded"],
        "angry": ["enraged", "glaring with fury"],
        "sad": ["sorrowful", "heartbroken"],
        "eyes-closed": ["lids down", "dozing"],
    },
    "hat": {"yes": ["a bobble hat", "a knitted cap"], "no": ["nothing on the head", "an uncovered head"]},
    "skin": {
        "pale": ["porcelain skin", "a pallid complexion"],
        "light": ["peach-coloured skin", "a light complexion"],
        "tan": ["sun-kissed skin", "bronzed skin"],
        "brown": ["caramel skin", "hazelnut-coloured skin"],
        "dark": ["ebony skin", "a deep dark complexion"],
    },
}  # fmt: skip


def trained():
    """{trait: {value: phrases}} of the captions, for the traits that are asked about."""
    return {trait: captions.PHRASES[trait] for trait in NEW}


def new_words():
    """The same of words that no caption holds, and the phrases that had to be left out."""
    known = {p for values in captions.PHRASES.values() for phrases in values.values() for p in phrases}
    kept = {t: {v: [p for p in phrases if p not in known] for v, phrases in values.items()} for t, values in NEW.items()}
    return kept, sorted(p for values in NEW.values() for phrases in values.values() for p in phrases if p in known)
