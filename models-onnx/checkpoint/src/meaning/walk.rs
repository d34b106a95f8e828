//! Goes through what a pickle describes and gives everything its name.

use std::sync::Arc;

use super::{Meaning, numpy};
use crate::checkpoint::Contents;
use crate::pickle::{Call, Id, Object};
use crate::{Error, Value};

/// Things that are given a name. Objects that many others hold are visited many times, so their number is no limit.
const VISITS: usize = 1 << 19;
/// Bytes of all names.
const NAMES: usize = 64 << 20;
/// Levels of nesting.
const DEPTH: usize = 128;
/// Bytes of one part of a name.
const PART: usize = 512;

/// Classes that are dictionaries.
const DICTIONARIES: [&str; 6] = [
    "collections.OrderedDict",
    "collections.defaultdict",
    "collections.Counter",
    "builtins.dict",
    "__builtin__.dict",
    "dnnlib.util.EasyDict",
];
/// Classes that hold the items of their one argument.
const COLLECTIONS: [&str; 9] = [
    "builtins.list",
    "builtins.tuple",
    "builtins.set",
    "builtins.frozenset",
    "__builtin__.list",
    "__builtin__.tuple",
    "__builtin__.set",
    "__builtin__.frozenset",
    "torch.Size",
];

/// A step of the walk.
enum Step {
    Visit {
        id: Id,
        name: String,
        depth: usize,
    },
    /// All that lies inside this object has been visited.
    Leave(Id),
}

pub(super) fn walk(meaning: &mut Meaning) -> Result<Contents, Error> {
    let mut walk = Walk {
        inside: vec![false; meaning.objects().len()],
        contents: Contents::default(),
        steps: Vec::new(),
        visits: 0,
        names: 0,
    };
    walk.start(meaning)?;
    while let Some(step) = walk.steps.pop() {
        match step {
            Step::Visit { id, name, depth } => walk.visit(meaning, id, name, depth)?,
            Step::Leave(id) => walk.inside[id.index()] = false,
        }
    }
    Ok(walk.contents)
}

/// Things with the names they are to get.
type Named = Vec<(String, Id)>;

struct Walk {
    /// Which objects hold the one being visited.
    inside: Vec<bool>,
    contents: Contents,
    /// What is still to be done, the next last. No recursion: the data decide the depth.
    steps: Vec<Step>,
    visits: usize,
    names: usize,
}

impl Walk {
    /// The whole, which has no name.
    fn start(&mut self, meaning: &mut Meaning) -> Result<(), Error> {
        let root = meaning.pickle.root;
        // TensorFlow's pickles are the three networks that all of NVIDIA's code unpacks as G, D, Gs.
        if let Some(networks @ [_, _, _]) = meaning.objects().tuple(root) {
            let mut all = true;
            for network in networks {
                all &= self.is_network(meaning, *network)?;
            }
            if all {
                let named = ["G", "D", "Gs"].into_iter().zip(networks);
                return self.plan(named.map(|(name, id)| (name.to_owned(), *id)).collect(), 1);
            }
        }
        self.plan(vec![(String::new(), root)], 0)
    }

    fn plan(&mut self, named: Vec<(String, Id)>, depth: usize) -> Result<(), Error> {
        if depth > DEPTH {
            return Err(Error::TooMuch { what: "levels of nesting", limit: DEPTH as u64 });
        }
        self.steps.extend(named.into_iter().rev().map(|(name, id)| Step::Visit { id, name, depth }));
        Ok(())
    }

    /// Takes a number of visits from what is left of them.
    fn spend(&mut self, visits: usize) -> Result<(), Error> {
        self.visits += visits;
        if self.visits > VISITS {
            return Err(Error::TooMuch { what: "named things", limit: VISITS as u64 });
        }
        Ok(())
    }

    /// The name of a part. Names are counted as they are made, not when a million of them are there.
    fn join(&mut self, name: &str, part: &str) -> Result<String, Error> {
        let dot = if name.is_empty() || name.ends_with('/') { "" } else { "." };
        let name = format!("{name}{dot}{part}");
        self.spend(1)?;
        self.names += name.len();
        if self.names > NAMES {
            return Err(Error::TooMuch { what: "bytes of names", limit: NAMES as u64 });
        }
        Ok(name)
    }

    fn value(&mut self, name: &str, value: Value) {
        self.contents.values.entry(name.trim_end_matches('/').to_owned()).or_insert(value);
    }

    fn visit(&mut self, meaning: &mut Meaning, id: Id, name: String, depth: usize) -> Result<(), Error> {
        let leaf = match meaning.objects().get(id) {
            Object::None => Value::None,
            Object::Bool(bool) => Value::Bool(*bool),
            Object::Int(int) => Value::Int(*int),
            Object::Float(float) => Value::Float(*float),
            Object::Text(text) => Value::Text(text.clone()),
            Object::Long | Object::LongText(_) | Object::Bytes(_) | Object::Raw(_) => Value::Data,
            Object::Global(class) => Value::StandIn(class.clone()),
            Object::Persistent(_) => Value::StandIn(meaning.maker(id).into()),
            Object::List(_) | Object::Tuple(_) | Object::Set(_) | Object::Dict(_) | Object::Call(_) => {
                return self.container(meaning, id, name, depth);
            }
        };
        self.value(&name, leaf);
        Ok(())
    }

    fn container(&mut self, meaning: &mut Meaning, id: Id, name: String, depth: usize) -> Result<(), Error> {
        if self.inside[id.index()] {
            self.value(&name, Value::Cycle);
            return Ok(());
        }
        if let Some(tensor) = meaning.tensor(id) {
            if let Some(value) = numpy::scalar(meaning, id) {
                self.value(&name, value);
            }
            self.contents.insert(if name.is_empty() { "tensor".into() } else { name }, tensor);
            return Ok(());
        }
        let children = match meaning.objects().get(id) {
            Object::List(items) | Object::Tuple(items) | Object::Set(items) => self.counted(&name, items)?,
            Object::Dict(pairs) => self.keyed(meaning, &name, pairs)?,
            Object::Call(call) => self.call(meaning, id, call, &name)?,
            _ => Vec::new(),
        };
        self.inside[id.index()] = true;
        self.steps.push(Step::Leave(id));
        self.plan(children, depth + 1)
    }

    /// What lies inside an object that would be made by a call.
    fn call(&mut self, meaning: &mut Meaning, id: Id, call: &Call, name: &str) -> Result<Named, Error> {
        let class =
            meaning.class(call.function).cloned().unwrap_or_else(|| "the result of another call".into());
        let arguments = meaning.objects().tuple(call.arguments).unwrap_or_default();
        if let Some(entries) = self.entries(meaning, id)? {
            return self.keyed(meaning, name, &entries);
        }
        if COLLECTIONS.contains(&&*class) {
            let items = arguments.first().and_then(|items| meaning.objects().sequence(*items));
            return self.counted(name, items.unwrap_or(&call.items));
        }
        // TorchScript wraps lists and dictionaries in calls that tell the types of what they hold.
        if let (true, Some(inside)) = (class.starts_with("torch.jit._pickle."), arguments.first()) {
            self.spend(1)?;
            return Ok(vec![(name.to_owned(), *inside)]);
        }
        if let Some(elements) = numpy::elements(meaning, id) {
            return self.counted(name, elements);
        }
        if meaning.bytes(id).is_some() {
            self.value(name, Value::Data);
            return Ok(Vec::new());
        }
        if class.ends_with("persistence._reconstruct_persistent_obj") {
            return self.persistent(meaning, arguments, name);
        }
        self.value(name, Value::StandIn(class));
        let mut children = Vec::new();
        if !arguments.is_empty() {
            let inside = self.join(name, "args")?;
            children = self.counted(&inside, arguments)?;
        }
        children.extend(self.counted(name, &call.items)?);
        children.extend(self.keyed(meaning, name, &call.pairs)?);
        if let Some(state) = call.state {
            children.extend(self.state(meaning, state, name)?);
        }
        Ok(children)
    }

    /// NVIDIA's persistent classes: their one argument is {type, version, module_src, class_name, state}. The source
    /// text is left where it is.
    fn persistent(&mut self, meaning: &mut Meaning, arguments: &[Id], name: &str) -> Result<Named, Error> {
        let mut children = Vec::new();
        let Some(meta) = arguments.first() else { return Ok(children) };
        for (key, value) in self.entries(meaning, *meta)?.unwrap_or_default() {
            match meaning.objects().text(key).map(|key| &**key) {
                Some("state") => children.extend(self.state(meaning, value, name)?),
                Some("class_name") => children.push((self.join(name, "class_name")?, value)),
                _ => {}
            }
        }
        Ok(children)
    }

    /// The attributes of an object. Those of a PyTorch module that hold its tensors and its parts do not show in the
    /// names, as in `state_dict`; nor do those of NVIDIA's TensorFlow networks.
    fn state(&mut self, meaning: &mut Meaning, state: Id, name: &str) -> Result<Named, Error> {
        let mut states = vec![state];
        // Classes with slots have two dictionaries.
        if let Some(both @ [_, _]) = meaning.objects().tuple(state) {
            states = both.to_vec();
        }
        let mut children = Vec::new();
        for state in states {
            let Some(entries) = self.entries(meaning, state)? else {
                if !matches!(meaning.objects().get(state), Object::None) {
                    children.push((self.join(name, "state")?, state));
                }
                continue;
            };
            let network = is_network_state(meaning, &entries);
            for (key, value) in entries {
                match meaning.objects().text(key).map(|key| &**key) {
                    Some("_parameters" | "_buffers" | "_modules") => {
                        let inside = self.entries(meaning, value)?.unwrap_or_default();
                        children.extend(self.keyed(meaning, name, &inside)?);
                    }
                    Some("variables") if network => children.extend(self.variables(meaning, value, name)?),
                    Some("components") if network => {
                        let inside = self.entries(meaning, value)?.unwrap_or_default();
                        let parts = self.keyed(meaning, name, &inside)?;
                        children.extend(parts.into_iter().map(|(name, id)| (name + "/", id)));
                    }
                    _ => children.extend(self.keyed(meaning, name, &[(key, value)])?),
                }
            }
        }
        Ok(children)
    }

    /// The list of (name, array) of a network of `dnnlib.tflib`.
    fn variables(&mut self, meaning: &Meaning, id: Id, name: &str) -> Result<Named, Error> {
        let variables = meaning.objects().sequence(id).unwrap_or_default();
        let pairs = variables.iter().filter_map(|variable| pair_of(meaning.objects().sequence(*variable)?));
        self.keyed(meaning, name, &pairs.collect::<Vec<_>>())
    }

    /// The entries of a dictionary, whatever its class.
    fn entries(&mut self, meaning: &Meaning, id: Id) -> Result<Option<Vec<(Id, Id)>>, Error> {
        let objects = meaning.objects();
        let pairs = match objects.get(id) {
            Object::Dict(pairs) => pairs.clone(),
            Object::Call(call)
                if meaning.class(call.function).is_some_and(|class| DICTIONARIES.contains(&&**class)) =>
            {
                // OrderedDict([(key, value), …]), as Python 2 wrote it, and dict({…}).
                let given = objects.tuple(call.arguments).and_then(|arguments| arguments.first());
                let mut pairs = match given.map(|given| objects.get(*given)) {
                    Some(Object::List(given)) => {
                        given.iter().filter_map(|pair| pair_of(objects.sequence(*pair)?)).collect()
                    }
                    Some(Object::Dict(given)) => given.clone(),
                    _ => Vec::new(),
                };
                pairs.extend(&call.pairs);
                pairs
            }
            _ => return Ok(None),
        };
        self.spend(pairs.len())?;
        Ok(Some(pairs))
    }

    fn keyed(&mut self, meaning: &Meaning, name: &str, pairs: &[(Id, Id)]) -> Result<Named, Error> {
        let named = pairs.iter().enumerate();
        named
            .map(|(index, (key, value))| Ok((self.join(name, &part(meaning, *key, index))?, *value)))
            .collect()
    }

    fn counted(&mut self, name: &str, items: &[Id]) -> Result<Named, Error> {
        let named = items.iter().enumerate();
        named.map(|(index, id)| Ok((self.join(name, &index.to_string())?, *id))).collect()
    }

    fn is_network(&mut self, meaning: &Meaning, id: Id) -> Result<bool, Error> {
        let Some(state) = meaning.call(id).and_then(|call| call.state) else { return Ok(false) };
        let entries = self.entries(meaning, state)?;
        Ok(entries.is_some_and(|entries| is_network_state(meaning, &entries)))
    }
}

/// Whether these are the attributes of a network of `dnnlib.tflib`.
fn is_network_state(meaning: &Meaning, entries: &[(Id, Id)]) -> bool {
    ["variables", "build_func_name", "static_kwargs"].iter().all(|attribute| {
        entries.iter().any(|(key, _)| meaning.objects().text(*key).is_some_and(|key| &**key == *attribute))
    })
}

fn pair_of(pair: &[Id]) -> Option<(Id, Id)> {
    if let [key, value] = pair { Some((*key, *value)) } else { None }
}

/// A key as a part of a name.
fn part(meaning: &Meaning, key: Id, index: usize) -> String {
    let text: Option<Arc<str>> = match meaning.objects().get(key) {
        Object::Text(text) => Some(text.clone()),
        Object::Int(int) => Some(int.to_string().into()),
        Object::Float(float) => Some(float.to_string().into()),
        Object::Bool(bool) => Some(if *bool { "True".into() } else { "False".into() }),
        Object::None => Some("None".into()),
        // Python 2 wrote its texts as bytes.
        Object::Raw(bytes) if bytes.len() <= PART => Some(String::from_utf8_lossy(bytes).into()),
        Object::Bytes(span) if span.len <= PART as u64 => {
            let bytes = meaning.span(*span).and_then(|bytes| bytes.read().ok());
            bytes.map(|bytes| String::from_utf8_lossy(&bytes).into())
        }
        _ => None,
    };
    match text {
        // Names are shown to people: nothing in them may steer a terminal.
        Some(text) if text.len() <= PART => text.replace(char::is_control, "\u{fffd}"),
        _ => format!("#{index}"),
    }
}
