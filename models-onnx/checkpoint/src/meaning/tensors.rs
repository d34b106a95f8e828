//! PyTorch's descriptions of tensors.

use super::{Meaning, Outside, numpy};
use crate::checkpoint::Entry;
use crate::container::legacy;
use crate::dtype::Dtype;
use crate::pickle::{Id, Object, Objects};
use crate::tensor::{Storage, Tensor};

/// A tensor may be wrapped (a parameter of a tensor), but nobody wraps deeper than this.
const WRAPPED: usize = 8;

/// Letters of the key of a storage, which is a number.
const KEY: usize = 64;

/// A reference to a storage: `('storage', class, key, device, elements, view)`.
pub(crate) struct StorageName {
    pub(crate) dtype: Dtype,
    pub(crate) key: String,
    elements: usize,
    /// First element and number of elements, if only a part is meant.
    view: Option<(usize, usize)>,
}

impl StorageName {
    /// Reads a reference.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn of(objects: &Objects, id: Id) -> Result<Self, String> {
        let wrong = || "its numbers are referred to in an unknown form".to_owned();
        let Object::Persistent(named) = objects.get(id) else { return Err(wrong()) };
        let Some([kind, class, key, _device, elements, rest @ ..]) = objects.tuple(*named) else {
            return Err(wrong());
        };
        if objects.text(*kind).is_none_or(|kind| &**kind != "storage") {
            return Err(wrong());
        }
        let class = objects.global(*class).ok_or_else(wrong)?;
        let dtype =
            Dtype::of_storage(class).ok_or_else(|| format!("numbers of {class} are not supported"))?;
        let view = match rest.first().map(|view| objects.get(*view)) {
            None | Some(Object::None) => None,
            Some(Object::Tuple(view)) => match view[..] {
                [_, start, len] => Some(objects.size(start).zip(objects.size(len)).ok_or_else(wrong)?),
                _ => return Err(wrong()),
            },
            Some(_) => return Err(wrong()),
        };
        let key = objects.text(*key).filter(|key| key.len() <= KEY).ok_or_else(wrong)?.to_string();
        Ok(Self { dtype, key, elements: objects.size(*elements).ok_or_else(wrong)?, view })
    }

    /// The storage that is meant.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn take(&self, outside: Outside) -> Result<(Dtype, Storage), String> {
        let storage = outside(&self.key)?;
        let size = self.dtype.size() as u64;
        let announced = (self.elements as u64).checked_mul(size);
        if announced.is_none_or(|announced| announced > storage.len()) {
            return Err(format!(
                "the file announces {} numbers, but holds {}",
                self.elements,
                storage.len() / size
            ));
        }
        let Some((start, len)) = self.view else { return Ok((self.dtype, storage)) };
        let Storage::Plain(source) = storage else {
            return Err("it is a view of a compressed storage".into());
        };
        let bytes = (start as u64).checked_mul(size).zip((len as u64).checked_mul(size));
        let part = bytes.and_then(|(start, len)| source.part(start, len));
        part.map(|part| (self.dtype, Storage::Plain(part)))
            .ok_or_else(|| "it is a view beyond its storage".into())
    }
}

impl Meaning<'_> {
    /// The tensor that an object describes, or why it cannot be had; nothing if it describes none.
    pub(super) fn tensor(&mut self, id: Id) -> Option<Entry> {
        if let Some(known) = self.tensors.get(&id) {
            return known.clone();
        }
        let tensor = self.described(id).map(Entry::from);
        self.tensors.insert(id, tensor.clone());
        tensor
    }

    fn described(&mut self, id: Id) -> Option<Result<Tensor, String>> {
        let mut id = id;
        for _ in 0..WRAPPED {
            let call = self.call(id)?;
            let mut name = &**self.class(call.function)?;
            let mut arguments = self.objects().tuple(call.arguments)?;
            if let (
                "torch._tensor._rebuild_from_type_v2" | "torch._tensor._rebuild_from_type",
                [function, _, inner, ..],
            ) = (name, arguments)
            {
                name = self.class(*function)?;
                arguments = self.objects().tuple(*inner)?;
            }
            match name {
                "torch._utils._rebuild_parameter"
                | "torch._utils._rebuild_parameter_with_state"
                | "torch.nn.parameter.Parameter"
                | "torch.jit._pickle.restore_type_tag" => id = *arguments.first()?,
                "torch._utils._rebuild_tensor"
                | "torch._utils._rebuild_tensor_v2"
                | "torch._utils._rebuild_tensor_v3" => {
                    return Some(self.view(name.ends_with("_v3"), arguments));
                }
                _ => return numpy::array(self, name, arguments, call.state),
            }
        }
        Some(Err(format!("it is wrapped more than {WRAPPED} times")))
    }

    /// `(storage, offset, sizes, strides, requires_grad, hooks, …)`; the third version adds a dtype.
    fn view(&mut self, typed: bool, arguments: &[Id]) -> Result<Tensor, String> {
        let [storage, offset, sizes, strides, rest @ ..] = arguments else {
            return Err("its description is too short".into());
        };
        let (mut dtype, storage) = self.storage(*storage)?;
        if typed {
            let name = rest.get(2).and_then(|dtype| self.objects().global(*dtype));
            let name = name.ok_or("the kind of its numbers is missing")?;
            dtype =
                Dtype::of_torch(name).ok_or_else(|| format!("numbers of kind {name} are not supported"))?;
        }
        let offset = self.objects().size(*offset).ok_or_else(|| self.stranger("its offset", *offset))?;
        let (sizes, strides) = (self.sizes(*sizes)?, self.sizes(*strides)?);
        Tensor::new(dtype, sizes, strides, offset, storage)
    }

    /// Sizes or strides: a tuple of numbers, also as `torch.Size`.
    pub(super) fn sizes(&self, id: Id) -> Result<Vec<usize>, String> {
        let objects = self.objects();
        let inner = match self.named_call(id) {
            Some(("torch.Size", [inner])) => *inner,
            _ => id,
        };
        let sizes = objects.sequence(inner).ok_or_else(|| self.stranger("its size", id))?;
        let sizes = sizes.iter().take(65).map(|size| objects.size(*size));
        sizes.collect::<Option<_>>().ok_or_else(|| "its size is not made of natural numbers".into())
    }

    fn storage(&mut self, id: Id) -> Result<(Dtype, Storage), String> {
        if let Object::Persistent(_) = self.objects().get(id) {
            return StorageName::of(self.objects(), id)?.take(self.outside);
        }
        match self.named_call(id) {
            Some(("torch.storage._load_from_bytes", [bytes])) => {
                let written = self.written(*bytes).ok_or_else(|| self.stranger("its storage", *bytes))?;
                if let Some(known) = self.streams.get(&written) {
                    return known.clone();
                }
                let stream = self.bytes(*bytes).ok_or_else(|| self.stranger("its storage", *bytes));
                let storage = stream.and_then(|stream| legacy::bare_storage(&stream));
                self.streams.insert(written, storage.clone());
                storage
            }
            _ => Err(self.stranger("its storage", id)),
        }
    }
}
