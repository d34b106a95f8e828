"""Sentences for what the renderer drew: several words per value, the last two of which are held out for tests.

    python captions.py SHARDS       prints captions of some rooms

The rooms pack has no text model yet; these are for whoever trains one.
"""
import random
import sys

from dataset import ATTRIBUTES, Rooms

COLOUR = {
    "red": ["red", "crimson", "dark red", "scarlet", "ruby", "cherry red", "brick red"],
    "blue": ["blue", "navy", "royal blue", "cobalt", "dark blue", "azure", "sapphire"],
    "green": ["green", "emerald", "dark green", "forest green", "leaf green", "moss green", "jade"],
    "white": ["white", "snow white", "off-white", "bright white", "chalk white", "ivory", "pale"],
    "beige": ["beige", "sand-coloured", "cream", "tan", "oatmeal", "ecru", "straw-coloured"],
    "yellow": ["yellow", "golden", "mustard", "ochre", "lemon yellow", "amber", "honey-coloured"],
    "purple": ["purple", "violet", "lilac", "plum", "mauve", "aubergine", "lavender"],
    "grey": ["grey", "gray", "slate", "ash grey", "silver grey", "charcoal", "stone-coloured"],
    "brown": ["brown", "chestnut", "dark brown", "chocolate", "walnut brown", "russet", "coffee-coloured"],
    "pink": ["pink", "rose", "salmon pink", "dusty pink", "light pink", "blush", "coral"],
}
THING = {
    "bed": ["bed", "double bed", "made bed", "bed with pillows", "wooden bed", "place to sleep", "bedstead"],
    "sofa": ["sofa", "couch", "settee", "upholstered sofa", "two-seater", "lounge seat", "divan"],
    "lamp": ["lamp", "light", "reading lamp", "shaded lamp", "lamp with a shade", "luminaire", "lampshade on a pole"],
    "curtains": ["curtains", "drapes", "window curtains", "paired curtains", "hangings", "draperies",
                 "blinds of cloth"],
    "rug": ["rug", "carpet", "round rug", "floor mat", "woven rug", "oval carpet", "floor covering"],
    "picture": ["picture", "painting", "framed picture", "poster", "print on the wall", "artwork", "canvas"],
    "plant": ["a plant", "a potted plant", "a house plant", "greenery", "a pot with leaves", "a small tree", "foliage"],
    "nightstand": ["a nightstand", "a bedside table", "a small cabinet", "a side table", "a chest with drawers",
                   "a night table", "a low cupboard"],
    "wardrobe": ["a wardrobe", "a closet", "a tall cupboard", "an armoire", "a cabinet for clothes", "a clothes press",
                 "a tall wooden cabinet"],
    "day": ["a window", "a sunny window", "a window with a view", "daylight outside", "a bright window",
            "a window onto hills", "blue sky outside"],
    "night": ["a window at night", "a dark window", "night outside", "darkness outside", "an evening window",
              "a black window", "a starless night outside"],
    "on": ["that is on", "switched on", "lit", "burning", "glowing", "shining", "casting light"],
    "off": ["that is off", "switched off", "unlit", "not lit", "dark", "extinguished", "giving no light"],
    "checks": ["checked", "chequered", "with checks", "with a checked pattern", "plaid", "tartan", "gingham"],
    "walls": ["walls", "painted walls", "wallpaper", "wall surfaces", "plaster walls", "paintwork", "wall paint"],
    "floor": ["floor", "floorboards", "flooring", "ground", "floor planks", "parquet", "boards"],
    "bright": ["a bright room", "a well-lit room", "strong light", "a light room", "bright light", "brilliant light",
               "a luminous room"],
    "dim": ["a dim room", "a dark room", "weak light", "a gloomy room", "low light", "a shadowy room", "half-light"],
}  # fmt: skip
HELD_OUT = 2


def word(words, rng, held_out=False):
    return rng.choice(words[-HELD_OUT:] if held_out else words[:-HELD_OUT])


def phrases(row, rng, held_out=False):
    """What can be said of a room, one phrase for each thing; `row` has a value for each attribute."""
    say = lambda key: word(THING[key], rng, held_out)
    coloured = lambda column, key: f"{word(COLOUR[row[column]], rng, held_out)} {say(key)}"
    seat = coloured("seat_colour", row["seat"])
    said = [seat if row["checks"] == "no" else f"{seat}, {say('checks')}", coloured("walls", "walls"),
            coloured("floor", "floor"), say(row["light"])]  # fmt: skip
    if row["lamp"] != "none":
        said.append(f"{coloured('lamp_colour', 'lamp')} {say(row['lamp'])}")
    if row["window"] != "none":
        said.append(say(row["window"]))
    said += [coloured(column, key) for key, column in
             (("curtains", "curtain_colour"), ("picture", "picture_colour"), ("rug", "rug_colour"))
             if row[key] == "yes"]  # fmt: skip
    return said + [say(key) for key in ("plant", "nightstand", "wardrobe") if row[key] == "yes"]


def caption(row, rng, count, held_out=False):
    """A sentence of up to `count` phrases."""
    said = phrases(row, rng, held_out)
    return "a room with " + ", ".join(rng.sample(said, min(count, len(said))))


def named(labels):
    """A row of `labels` by name."""
    return {name: values[int(v)] for (name, values), v in zip(ATTRIBUTES.items(), labels)}


if __name__ == "__main__":
    dice = random.Random(0)
    for labels in Rooms(sys.argv[1:], "shard-*.npz").labels[:20]:
        print(caption(named(labels), dice, dice.randint(2, 5)), "|", caption(named(labels), dice, 2, held_out=True))
