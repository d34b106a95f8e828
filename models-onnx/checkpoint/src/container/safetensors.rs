//! safetensors: the length of a JSON header, the header, the numbers.

use std::collections::BTreeMap;
use std::fmt::{self, Formatter};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::checkpoint::Contents;
use crate::dtype::Dtype;
use crate::error::quoted;
use crate::source::Source;
use crate::tensor::{Storage, Tensor};
use crate::{Error, Value};

/// Bytes of the header. The format's own library allows 100 million, but a tensor takes about a hundred.
const HEADER: u64 = 16 << 20;

/// Bytes of a name.
const NAME: usize = 1024;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

/// What the header says, in its order, so that names which stand twice are seen.
#[derive(Default)]
struct Header {
    metadata: BTreeMap<String, String>,
    tensors: Vec<(String, Described)>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
                formatter.write_str("tensors by name")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Header, M::Error> {
                let mut header = Header::default();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        header.metadata = map.next_value()?;
                    } else {
                        header.tensors.push((name, map.next_value()?));
                    }
                }
                Ok(header)
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

pub(super) fn is_header(head: &[u8]) -> bool {
    header_len(head).is_some_and(|len| len <= HEADER) && head.get(8) == Some(&b'{')
}

fn header_len(head: &[u8]) -> Option<u64> {
    head.first_chunk::<8>().map(|len| u64::from_le_bytes(*len))
}

pub(super) fn read(source: &Source) -> Result<Contents, Error> {
    let cut = || Error::Cut { length: source.len(), what: "the table of its tensors" };
    let len = header_len(&source.head(8)?).ok_or_else(cut)?;
    let header = source.part(8, len).ok_or_else(cut)?.read()?;
    let header: Header = serde_json::from_slice(&header).map_err(|error| {
        Error::damaged(format!("the table of its tensors: {}", quoted(&error.to_string())))
    })?;
    let numbers = source.part(8 + len, source.len() - 8 - len).ok_or_else(cut)?;
    let mut contents = Contents::default();
    for (name, described) in header.tensors {
        if name.len() > NAME {
            return Err(Error::damaged("a tensor with an endless name"));
        }
        let [start, end] = described.data_offsets;
        let len = end.checked_sub(start).ok_or_else(|| Error::damaged(format!("the place of “{name}”")))?;
        let missing = || Error::Cut { length: source.len(), what: "the numbers of a tensor" };
        let part = numbers.part(start, len).ok_or_else(missing)?;
        let tensor = match Dtype::of_safetensors(&described.dtype) {
            Some(dtype) => {
                let sizes =
                    described.shape.iter().try_fold(dtype.size(), |size, count| size.checked_mul(*count));
                if sizes.is_none_or(|size| size as u64 != len) {
                    return Err(Error::damaged(format!("the size of “{name}” does not fit its place")));
                }
                Tensor::dense(dtype, described.shape, false, Storage::Plain(part))
            }
            None => Err(format!("numbers of kind {} are not supported", quoted(&described.dtype))),
        };
        contents.insert(name, tensor);
    }
    contents.values =
        header.metadata.into_iter().map(|(name, text)| (name, Value::Text(text.into()))).collect();
    Ok(contents)
}
