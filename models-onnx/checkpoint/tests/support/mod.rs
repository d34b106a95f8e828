//! Writers of pickles and zips that say what no library would.
#![allow(dead_code, clippy::unwrap_used)] // Each test uses a part.

/// A pickle under construction.
#[derive(Clone)]
pub(crate) struct Pickle(Vec<u8>);

impl Pickle {
    pub(crate) fn new() -> Self {
        Self(vec![0x80, 2])
    }

    /// Instructions as they are.
    pub(crate) fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend(bytes.as_ref());
        self
    }

    pub(crate) fn global(self, name: &str) -> Self {
        let (module, name) = name.rsplit_once('.').unwrap();
        self.raw(format!("c{module}\n{name}\n"))
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.raw("X").raw(u32::try_from(text.len()).unwrap().to_le_bytes()).raw(text)
    }

    pub(crate) fn bytes(self, bytes: &[u8]) -> Self {
        self.raw("B").raw(u32::try_from(bytes.len()).unwrap().to_le_bytes()).raw(bytes)
    }

    /// An integer of 64 bits.
    pub(crate) fn int(self, int: i64) -> Self {
        self.raw([0x8a, 8]).raw(int.to_le_bytes())
    }

    pub(crate) fn ints(self, ints: &[i64]) -> Self {
        ints.iter().fold(self.raw("("), |pickle, int| pickle.int(*int)).raw("t")
    }

    /// What `torch.save` refers to storages by.
    pub(crate) fn storage(self, class: &str, key: &str, elements: i64) -> Self {
        self.raw("(").text("storage").global(class).text(key).text("cpu").int(elements).raw("tQ")
    }

    /// A tensor of floats in the storage `0`.
    pub(crate) fn tensor(self, elements: i64, offset: i64, sizes: &[i64], strides: &[i64]) -> Self {
        let begun = self.global("torch._utils._rebuild_tensor_v2").raw("(");
        begun
            .storage("torch.FloatStorage", "0", elements)
            .int(offset)
            .ints(sizes)
            .ints(strides)
            .raw(b"\x89NtR")
    }

    /// A call of one text: the classic way to take over whoever loads a pickle.
    pub(crate) fn call(self, name: &str, argument: &str) -> Self {
        self.global(name).raw("(").text(argument).raw("tR")
    }

    pub(crate) fn end(self) -> Vec<u8> {
        self.raw(".").0
    }
}

/// One entry of a zip, with everything that can be lied about.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) local_name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) packed: u32,
    pub(crate) len: u32,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    /// Where the table says that the entry lies; nothing for the truth.
    pub(crate) at: Option<u32>,
}

pub(crate) fn entry(name: &str, bytes: &[u8]) -> Entry {
    let len = u32::try_from(bytes.len()).unwrap();
    Entry {
        name: name.into(),
        local_name: name.into(),
        bytes: bytes.into(),
        packed: len,
        len,
        method: 0,
        flags: 0,
        at: None,
    }
}

pub(crate) fn zip(entries: &[Entry]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut table = Vec::new();
    for entry in entries {
        let at = entry.at.unwrap_or(u32::try_from(file.len()).unwrap());
        let middle = |file: &mut Vec<u8>, name: &str| {
            file.extend(20_u16.to_le_bytes());
            file.extend(entry.flags.to_le_bytes());
            file.extend(entry.method.to_le_bytes());
            file.extend([0; 8]);
            file.extend(entry.packed.to_le_bytes());
            file.extend(entry.len.to_le_bytes());
            file.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            file.extend([0; 2]);
        };
        file.extend(b"PK\x03\x04");
        middle(&mut file, &entry.local_name);
        file.extend(entry.local_name.as_bytes());
        file.extend(&entry.bytes);
        table.extend(b"PK\x01\x02\x14\0");
        middle(&mut table, &entry.name);
        table.extend([0; 10]);
        table.extend(at.to_le_bytes());
        table.extend(entry.name.as_bytes());
    }
    let start = u32::try_from(file.len()).unwrap();
    let count = u16::try_from(entries.len()).unwrap();
    file.extend(&table);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend(count.to_le_bytes());
    file.extend(count.to_le_bytes());
    file.extend(u32::try_from(table.len()).unwrap().to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0; 2]);
    file
}

/// What `torch.save` writes, with four floats (0, 1, 2, 3) as the storage `0`.
pub(crate) fn torch_zip(pickle: Vec<u8>) -> Vec<u8> {
    zip(&[entry("archive/data.pkl", &pickle), entry("archive/data/0", &floats(4))])
}

pub(crate) fn floats(count: u16) -> Vec<u8> {
    (0..count).flat_map(|value| f32::from(value).to_le_bytes()).collect()
}
