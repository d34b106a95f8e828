//! What `torch.save` and `torch.jit.save` write: a zip with `<name>/data.pkl`, and one entry `<name>/data/<key>` for
//! each storage.

use std::collections::BTreeMap;

use super::Kind;
use super::archive::Member;
use crate::Error;
use crate::checkpoint::Contents;
use crate::tensor::Storage;
use crate::{meaning, pickle};

pub(super) fn read(members: &BTreeMap<String, Member>) -> Result<(Kind, Contents), Error> {
    let mut tops = members.keys().filter_map(|name| name.strip_suffix("/data.pkl"));
    let top = match (tops.next(), tops.next()) {
        (Some(top), None) if !top.contains('/') => top,
        _ => {
            return Err(Error::Other(
                "a zip, but not one that PyTorch or numpy wrote (if it is an archive of several files, unpack it first)",
            ));
        }
    };
    if let Some(order) = members.get(&format!("{top}/byteorder")) {
        let order = order.open()?.head(16)?;
        if order.trim_ascii() != b"little" {
            return Err(Error::Unsupported(
                "its numbers are big-endian (save it again on an ordinary computer)".into(),
            ));
        }
    }
    let script = members.contains_key(&format!("{top}/constants.pkl"));
    let outside = |key: &str| -> Result<Storage, String> {
        let member = members.get(&format!("{top}/data/{key}"));
        member
            .map(Member::storage)
            .ok_or_else(|| format!("its numbers (entry {key:?}) are missing in the file"))
    };
    let data = members.get(&format!("{top}/data.pkl")).ok_or(Error::Other("a zip without tensors"))?;
    let pickle = pickle::read(&data.open()?)?;
    let contents = meaning::contents(&pickle, &outside)?;
    Ok((if script { Kind::TorchScript } else { Kind::TorchZip }, contents))
}
