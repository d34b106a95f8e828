//! Arguments of a call: properties of an object that GIMP fills before a run and saves after a good one.

use crate::call::{copied, text};
use crate::error::Result;
use crate::gegl::Gegl;
use crate::plugin::{ArgKind, ArgValue, Argument};
use crate::sys::common::{GObject, GType, GValue, gboolean};
use crate::sys::gimp3::GimpProcedureConfig;

// GLib's fundamental types, which are macros there.
const BOOLEAN: GType = 5 << 2;
const DOUBLE: GType = 15 << 2;
const STRING: GType = 16 << 2;

/// The configuration of one run.
pub(super) struct Config<'a> {
    gegl: &'a Gegl,
    object: *mut GObject,
}

impl<'a> Config<'a> {
    /// Over what libgimp passes to a run.
    ///
    /// # Safety
    ///
    /// `config` is valid as long as this value.
    pub(super) unsafe fn new(gegl: &'a Gegl, config: *mut GimpProcedureConfig) -> Self {
        Self { gegl, object: config.cast() }
    }

    /// One value per argument.
    pub(super) fn read(&self, arguments: &[Argument]) -> Result<Vec<ArgValue>> {
        arguments.iter().map(|argument| self.get(argument)).collect()
    }

    /// Sets them, so that GIMP saves them when the run ends well.
    pub(super) fn write(&self, arguments: &[Argument], values: &[ArgValue]) -> Result<()> {
        arguments.iter().zip(values).try_for_each(|(argument, value)| self.set(argument, value))
    }

    fn get(&self, argument: &Argument) -> Result<ArgValue> {
        let (name, api) = (text(&argument.name)?, &self.gegl.api);
        Ok(self.with_value(type_of(&argument.kind), |value| {
            // SAFETY: an object that lives (see `new`), a text and a value that outlive the calls; each getter
            // fits the type that the value was made for.
            unsafe {
                api.g_object_get_property(self.object, name.as_ptr(), value);
                match argument.kind {
                    ArgKind::Text(_) => ArgValue::Text(copied(api.g_value_get_string(value))),
                    ArgKind::Number { .. } => ArgValue::Number(api.g_value_get_double(value)),
                    ArgKind::Flag(_) => ArgValue::Flag(api.g_value_get_boolean(value) != 0),
                }
            }
        }))
    }

    fn set(&self, argument: &Argument, value: &ArgValue) -> Result<()> {
        let (name, api) = (text(&argument.name)?, &self.gegl.api);
        let words = text(if let ArgValue::Text(words) = value { words } else { "" })?;
        let kind = match value {
            ArgValue::Text(_) => STRING,
            ArgValue::Number(_) => DOUBLE,
            ArgValue::Flag(_) => BOOLEAN,
        };
        self.with_value(kind, |to| {
            // SAFETY: an object that lives (see `new`), texts and a value that outlive the calls; each setter
            // fits the type that the value was made for.
            unsafe {
                match value {
                    ArgValue::Text(_) => api.g_value_set_string(to, words.as_ptr()),
                    ArgValue::Number(number) => api.g_value_set_double(to, *number),
                    ArgValue::Flag(flag) => api.g_value_set_boolean(to, gboolean::from(*flag)),
                }
                api.g_object_set_property(self.object, name.as_ptr(), to);
            }
        });
        Ok(())
    }

    /// Lends out an empty value of a type.
    fn with_value<T>(&self, kind: GType, body: impl FnOnce(*mut GValue) -> T) -> T {
        // SAFETY: GLib asks for all zeros before `g_value_init`.
        let mut value: GValue = unsafe { std::mem::zeroed() };
        // SAFETY: a zeroed value and a fundamental type.
        unsafe { self.gegl.api.g_value_init(&mut value, kind) };
        let result = body(&mut value);
        // SAFETY: initialised above, not used again.
        unsafe { self.gegl.api.g_value_unset(&mut value) };
        result
    }
}

fn type_of(kind: &ArgKind) -> GType {
    match kind {
        ArgKind::Text(_) => STRING,
        ArgKind::Number { .. } => DOUBLE,
        ArgKind::Flag(_) => BOOLEAN,
    }
}
