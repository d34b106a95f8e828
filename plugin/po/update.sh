#!/bin/sh
# Gathers the text of the program into pentimento.pot and brings every translation up to date.
# Needs gettext (xgettext, msgmerge, msgfmt) and perl. Run it from anywhere; see README.md.
set -eu

cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# xgettext reads Rust only since 0.24, so it is told C. Two things of Rust would mislead it: lifetimes look
# like the start of a character, and a backslash at the end of a line swallows the indentation that follows.
# Line numbers stay as they are.
git ls-files --cached --others --exclude-standard 'plugin/src/*.rs' 'plugin/ui/src/*.rs' 'ffi/src/*.rs' | sort |
while read -r file; do
    [ -f "$file" ] || continue
    mkdir -p "$work/$(dirname "$file")"
    perl -0pe "s/(?<!\w)'([a-z_]\\w*)\\b(?!')/\$1/g; s/'\"'/QUOTE/g; 1 while s/\\\\\\n(\\h*)([^\\n]*)/\$2\\n/" "$file" > "$work/$file"
done

# What roles of packs are called is read in the plug-in, too.
mkdir -p "$work/models-onnx/src/pack"
perl -ne 'print /words: "([^"]+)"/ ? "msgid(\"$1\");\n" : "\n"' models-onnx/src/pack/role.rs \
    > "$work/models-onnx/src/pack/role.rs"

(cd "$work" && find . -name '*.rs' | sed 's,^\./,,' | sort > files)
xgettext --directory="$work" --files-from="$work/files" --language=C --from-code=UTF-8 \
    --keyword --keyword=tr --keyword=msgid --add-comments=TRANSLATORS: \
    --package-name=Pentimento --output=- |
    # The date would change with every run.
    grep -v '^"POT-Creation-Date:' > plugin/po/pentimento.pot

for catalogue in plugin/po/*.po; do
    msgmerge --quiet --update --backup=none --no-fuzzy-matching "$catalogue" plugin/po/pentimento.pot
    printf '%s: ' "$(basename "$catalogue")"
    msgfmt --check --statistics --output-file=/dev/null "$catalogue" 2>&1
done
