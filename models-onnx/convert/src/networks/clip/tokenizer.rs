//! The tokenizer of CLIP, written down as `tokenizer.json`.
//!
//! All that CLIP publishes of its tokenizer is the list of byte pairs to be merged, in the order in which they were
//! learned (Sennrich et al., “Neural Machine Translation of Rare Words with Subword Units”, 2016). The numbers of the
//! tokens follow: the 256 bytes, the same at the end of a word, one for each merge, start and end of a text.

use std::io::Read;

use serde_json::{Map, Value, json};

use crate::error::Error;

/// The number of tokens in every published CLIP.
pub const VOCABULARY: usize = 49408;

/// The length of the texts of every published CLIP, start and end included.
pub const CONTEXT: usize = 77;

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// Far beyond the published file, which unpacks to 3 MB.
const LIMIT: u64 = 1 << 26;

/// `tokenizer.json` from `bpe_simple_vocab_16e6.txt.gz`, the same unpacked, or `merges.txt` of the model's folder.
///
/// `vocabulary` is the number of rows of the token embeddings and `context` the longest text in tokens. Texts are cut
/// so that the end stays last. With `padding` they are also filled up to `context`, with that token: 0 for CLIP, the
/// end of the text for the diffusion models that borrowed its text tower; graphs of open length need none.
///
/// # Errors
/// [`Error::Unsupported`] for files that hold no merges, or fewer than the vocabulary needs.
pub fn tokenizer(
    merges: &[u8],
    vocabulary: usize,
    context: usize,
    padding: Option<u32>,
) -> Result<Vec<u8>, Error> {
    let text = unpacked(merges)?;
    let symbols = byte_symbols();
    let mut tokens: Vec<String> = symbols.iter().map(char::to_string).collect();
    tokens.extend(symbols.iter().map(|c| format!("{c}</w>")));
    let wanted = vocabulary
        .checked_sub(tokens.len() + 2)
        .ok_or_else(|| unsupported(format!("{vocabulary} tokens are fewer than there are bytes")))?;
    // The first line names a version; the published file goes on beyond the vocabulary that was trained.
    let pairs = text.lines().skip(1).take(wanted);
    let pairs: Vec<(&str, &str)> = pairs.filter_map(|line| line.trim_end().split_once(' ')).collect();
    if pairs.len() != wanted {
        return Err(unsupported(format!("{} merges where {wanted} are needed", pairs.len())));
    }
    tokens.extend(pairs.iter().map(|(a, b)| format!("{a}{b}")));
    tokens.extend([START.to_owned(), END.to_owned()]);
    let vocab: Map<String, Value> =
        tokens.iter().enumerate().map(|(at, token)| (token.clone(), at.into())).collect();
    let padding = padding.map(|id| filled(context, id, tokens.get(id as usize).map_or("", String::as_str)));
    Ok(written(&vocab, &pairs, context, padding))
}

/// The same from the `vocab.json` and `merges.txt` of a model's folder, which need not be the published ones. Texts are
/// filled up to `context` with the token `fill`.
///
/// # Errors
/// [`Error::Unsupported`] for files that are none, and for vocabularies without the tokens of start and end or `fill`.
pub fn tokenizer_of(vocabulary: &[u8], merges: &[u8], context: usize, fill: &str) -> Result<Vec<u8>, Error> {
    let vocab: Map<String, Value> = serde_json::from_slice(vocabulary)
        .map_err(|e| unsupported(format!("the vocabulary cannot be read ({e})")))?;
    let number = |token: &str| vocab.get(token).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
    for token in [START, END, fill] {
        number(token).ok_or_else(|| unsupported(format!("the vocabulary has no “{token}”")))?;
    }
    let text = unpacked(merges)?;
    let lines = text.lines().filter(|line| !line.starts_with("#version"));
    let pairs: Vec<(&str, &str)> = lines.filter_map(|line| line.trim_end().split_once(' ')).collect();
    if let Some((a, b)) = pairs.iter().find(|(a, b)| number(&format!("{a}{b}")).is_none()) {
        return Err(unsupported(format!("the vocabulary has no “{a}{b}”, which its merges make")));
    }
    let padding = number(fill).map(|id| filled(context, id, fill));
    Ok(written(&vocab, &pairs, context, padding))
}

/// A `tokenizer.json` of somebody else's that cuts texts to a length and fills them up to it; without a length, one that
/// does neither.
///
/// # Errors
/// [`Error::Unsupported`] for bytes that are none, or have no token of the end.
pub fn padded(tokenizer: &[u8], length: Option<usize>) -> Result<Vec<u8>, Error> {
    let mut whole: Value = serde_json::from_slice(tokenizer)
        .map_err(|e| unsupported(format!("the tokenizer cannot be read ({e})")))?;
    let end = whole.pointer("/model/vocab").and_then(|vocab| vocab.get(END)).and_then(Value::as_u64);
    let end = end.and_then(|id| u32::try_from(id).ok());
    let end = end.ok_or_else(|| unsupported(format!("the tokenizer has no “{END}”")))?;
    let context = length.unwrap_or(CONTEXT);
    whole["truncation"] = cut(context);
    whole["padding"] = length.map_or(Value::Null, |length| filled(length, end, END));
    Ok(whole.to_string().into_bytes())
}

fn cut(context: usize) -> Value {
    json!({ "direction": "Right", "max_length": context, "strategy": "LongestFirst", "stride": 0 })
}

fn filled(context: usize, id: u32, token: &str) -> Value {
    json!({ "strategy": { "Fixed": context }, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": id, "pad_type_id": 0, "pad_token": token })
}

fn written(
    vocab: &Map<String, Value>,
    pairs: &[(&str, &str)],
    context: usize,
    padding: Option<Value>,
) -> Vec<u8> {
    let (start, end) = (&vocab[START], &vocab[END]);
    let special = |content: &str, id: &Value| {
        json!({ "id": id, "content": content, "special": true, "normalized": false,
                "single_word": false, "lstrip": false, "rstrip": false })
    };
    let whole = json!({
        "version": "1.0",
        "truncation": cut(context),
        "padding": padding,
        "added_tokens": [special(START, start), special(END, end)],
        "normalizer": { "type": "Sequence", "normalizers": [
            { "type": "NFC" },
            { "type": "Replace", "pattern": { "Regex": r"\s+" }, "content": " " },
            { "type": "Lowercase" },
        ] },
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
            { "type": "Split", "behavior": "Removed", "invert": true,
              "pattern": { "Regex": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+" } },
            { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false },
        ] },
        "post_processor": { "type": "RobertaProcessing", "cls": [START, start], "sep": [END, end],
                            "trim_offsets": false, "add_prefix_space": false },
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": { "type": "BPE", "dropout": null, "unk_token": END, "continuing_subword_prefix": "",
                   "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false,
                   "vocab": vocab,
                   "merges": pairs.iter().map(|(a, b)| format!("{a} {b}")).collect::<Vec<_>>() },
    });
    whole.to_string().into_bytes()
}

/// The text of a file that may be packed by gzip.
fn unpacked(bytes: &[u8]) -> Result<String, Error> {
    let mut text = String::new();
    let read = if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(bytes).take(LIMIT).read_to_string(&mut text)
    } else {
        bytes.take(LIMIT).read_to_string(&mut text)
    };
    read.map_err(|e| unsupported(format!("the list of merges cannot be read ({e})")))?;
    Ok(text)
}

/// The characters that stand for bytes: those that can be seen stand for themselves and come first.
fn byte_symbols() -> Vec<char> {
    let seen: Vec<char> = ('!'..='~').chain('¡'..='¬').chain('®'..='ÿ').collect();
    let others = 256 - seen.len() as u32;
    seen.into_iter().chain((256..256 + others).filter_map(char::from_u32)).collect()
}

fn unsupported(why: String) -> Error {
    Error::Unsupported(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_enough_merges_are_refused() {
        for bytes in [&b""[..], b"#version: 0.2\na b\n", b"\x1f\x8b\x08\x00 broken", b"\xff\xfe"] {
            assert!(tokenizer(bytes, 516, CONTEXT, None).is_err(), "{bytes:?}");
        }
        assert!(tokenizer(b"#version: 0.2\na b\nab c\n", 516, CONTEXT, None).is_ok());
        assert!(tokenizer(b"#version: 0.2\na b\n", 100, CONTEXT, None).is_err());
    }

    #[test]
    fn every_byte_has_a_symbol_of_its_own() {
        let symbols: std::collections::BTreeSet<char> = byte_symbols().into_iter().collect();
        assert_eq!(symbols.len(), 256);
    }
}
