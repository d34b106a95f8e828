//! GIMP 3: our plug-in type, registration, calls, and what comes back.

mod calls;
mod config;

use std::cell::OnceCell;
use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::null_mut;

use self::calls::Gimp3;
use self::config::Config;
use crate::arguments;
use crate::call::{copied, guarded, text};
use crate::error::{HostError, Result};
use crate::gegl::Gegl;
use crate::host::ImageId;
use crate::live::Live;
use crate::plugin::{ArgKind, Argument, Call, Finish, IMAGE_TYPES, PlugIn, Procedure, RunMode};
use crate::sys::common::{self, GList, gboolean, gpointer};
use crate::sys::gimp3 as sys;

const LIBRARY: &str = "libgimp-3.0.so.0";

/// What the callbacks need. They carry no data of ours, and all come on the thread that called `gimp_main`.
struct Session {
    plugin: &'static dyn PlugIn,
    api: &'static sys::Gimp3,
    gegl: &'static Gegl,
}

thread_local! {
    static SESSION: OnceCell<Session> = const { OnceCell::new() };
}

/// Opens libgimp, makes our type known and hands over to it.
pub(crate) fn main(arguments: &[CString], plugin: &'static dyn PlugIn) -> Result<i32> {
    // SAFETY: GIMP's own library; its constructors run in every plug-in.
    let api = unsafe { sys::Gimp3::new(LIBRARY) }
        .map_err(|error| HostError::Library { library: LIBRARY.into(), reason: error.to_string() })?;
    // The process is over when `gimp_main` is, so these are never given back.
    let api: &'static sys::Gimp3 = Box::leak(Box::new(api));
    let gegl: &'static Gegl = Box::leak(Box::new(Gegl::open(LIBRARY)?));
    SESSION.with(|session| session.set(Session { plugin, api, gegl }).ok());
    let count = c_int::try_from(arguments.len()).map_err(|_| HostError::Text)?;
    let mut pointers: Vec<*mut c_char> = arguments.iter().map(|word| word.as_ptr().cast_mut()).collect();
    pointers.push(null_mut());
    let kind = register(api, gegl)?;
    // SAFETY: a type derived from GimpPlugIn; `count` texts and a null, which outlive the call.
    Ok(unsafe { api.gimp_main(kind, count, pointers.as_mut_ptr()) })
}

/// Derives our type from GimpPlugIn. Nothing is added to it but our callbacks.
fn register(api: &sys::Gimp3, gegl: &Gegl) -> Result<common::GType> {
    // SAFETY: numbers and null pointers, for which all zeros are a value.
    let (mut parent, mut info): (common::GTypeQuery, common::GTypeInfo) = unsafe { std::mem::zeroed() };
    // SAFETY: a type of libgimp's, and a place for the answer.
    let parent_type = unsafe {
        let parent_type = api.gimp_plug_in_get_type();
        gegl.api.g_type_query(parent_type, &mut parent);
        parent_type
    };
    let refused = |reason: &str| HostError::Refused { call: "g_type_register_static", reason: reason.into() };
    info.class_size = u16::try_from(parent.class_size).map_err(|_| refused("its class is too large"))?;
    info.instance_size = u16::try_from(parent.instance_size).map_err(|_| refused("it is too large"))?;
    info.class_init = Some(class_init);
    // SAFETY: the sizes are the parent's own; `class_init` fits a type derived from GimpPlugIn.
    let kind =
        unsafe { gegl.api.g_type_register_static(parent_type, c"PentimentoPlugIn".as_ptr(), &info, 0) };
    if kind == 0 { Err(refused("the type could not be made")) } else { Ok(kind) }
}

unsafe extern "C" fn class_init(class: gpointer, _data: gpointer) {
    let class = class.cast::<sys::GimpPlugInClass>();
    // SAFETY: GObject passes the class of our type, which begins with GimpPlugIn's.
    unsafe {
        (*class).query_procedures = Some(query);
        (*class).create_procedure = Some(create);
        (*class).set_i18n = Some(set_i18n);
    }
}

/// Runs `body` with the session; an error or panic becomes one sentence.
fn with_session<T>(body: impl FnOnce(&Session) -> Result<T>) -> std::result::Result<T, String> {
    guarded(|| {
        SESSION.with(|session| session.get().ok_or(HostError::Gone).and_then(body)).map_err(|e| e.to_string())
    })
    .and_then(|result| result)
}

/// As [`with_session`], where there is nobody to tell but the terminal.
fn with_session_or<T>(otherwise: T, body: impl FnOnce(&Session) -> Result<T>) -> T {
    with_session(body).unwrap_or_else(|sentence| {
        eprintln!("pentimento: {sentence}");
        otherwise
    })
}

unsafe extern "C" fn query(_plug_in: *mut sys::GimpPlugIn) -> *mut GList {
    with_session_or(null_mut(), |session| {
        session.plugin.procedures().iter().try_fold(null_mut(), |list, procedure| {
            let name = text(&procedure.name)?;
            // SAFETY: a text that outlives the call, and a list of ours; libgimp frees both list and copies.
            Ok(unsafe {
                session.gegl.api.g_list_append(list, session.gegl.api.g_strdup(name.as_ptr()).cast())
            })
        })
    })
}

/// GIMP wants the catalogue below the plug-in's own folder, named from there.
unsafe extern "C" fn set_i18n(
    _plug_in: *mut sys::GimpPlugIn,
    _procedure: *const c_char,
    domain: *mut *mut c_char,
    folder: *mut *mut c_char,
) -> gboolean {
    with_session_or(0, |session| {
        // GIMP complains about a folder that is not there.
        let Some((name, place)) = session.plugin.translations().filter(|(_, place)| place.is_dir()) else {
            return Ok(0);
        };
        let Some(relative) = below_executable(&place) else { return Ok(0) };
        let (name, relative) = (text(&name)?, text(&relative)?);
        // SAFETY: places of libgimp's for texts that it frees.
        unsafe {
            *domain = session.gegl.api.g_strdup(name.as_ptr());
            *folder = session.gegl.api.g_strdup(relative.as_ptr());
        }
        Ok(1)
    })
}

fn below_executable(place: &Path) -> Option<String> {
    if place.is_relative() {
        return Some(place.to_string_lossy().into_owned());
    }
    let executable = std::env::current_exe().ok()?;
    Some(place.strip_prefix(executable.parent()?).ok()?.to_string_lossy().into_owned())
}

unsafe extern "C" fn create(plug_in: *mut sys::GimpPlugIn, name: *const c_char) -> *mut sys::GimpProcedure {
    with_session_or(null_mut(), |session| {
        // SAFETY: libgimp passes a text.
        let wanted = unsafe { copied(name) };
        let procedures = session.plugin.procedures();
        let Some(procedure) = procedures.iter().find(|procedure| procedure.name == wanted) else {
            return Ok(null_mut());
        };
        describe(session, plug_in, procedure)
    })
}

fn describe(
    session: &Session,
    plug_in: *mut sys::GimpPlugIn,
    procedure: &Procedure,
) -> Result<*mut sys::GimpProcedure> {
    let api = session.api;
    let name = text(&procedure.name)?;
    let (blurb, help) = (text(&procedure.blurb)?, text(&procedure.help)?);
    let (label, path) = (text(&procedure.menu_label)?, text(&procedure.menu_path)?);
    let icon = procedure.icon.as_ref().map(|icon| text(&icon.to_string_lossy())).transpose()?;
    let authors = c"The Pentimento authors".as_ptr();
    // SAFETY: the plug-in that libgimp asks for, the procedure it makes, and texts that outlive the calls, which
    // copy them. The icon's file is a reference of ours, released after libgimp took its own.
    unsafe {
        let made = api.gimp_image_procedure_new(
            plug_in,
            name.as_ptr(),
            sys::GIMP_PDB_PROC_TYPE_PLUGIN,
            Some(run),
            null_mut(),
            None,
        );
        if made.is_null() {
            return Err(HostError::Refused {
                call: "gimp_image_procedure_new",
                reason: procedure.name.clone(),
            });
        }
        api.gimp_procedure_set_image_types(made, IMAGE_TYPES.as_ptr());
        api.gimp_procedure_set_sensitivity_mask(made, sys::GIMP_PROCEDURE_SENSITIVE_DRAWABLE.cast_signed());
        api.gimp_procedure_set_menu_label(made, label.as_ptr());
        api.gimp_procedure_add_menu_path(made, path.as_ptr());
        api.gimp_procedure_set_documentation(made, blurb.as_ptr(), help.as_ptr(), name.as_ptr());
        api.gimp_procedure_set_attribution(made, authors, authors, c"2026".as_ptr());
        if let Some(icon) = icon {
            let file = session.gegl.api.g_file_new_for_path(icon.as_ptr());
            api.gimp_procedure_set_icon_file(made, file);
            session.gegl.api.g_object_unref(file.cast());
        }
        procedure.arguments.iter().try_for_each(|argument| add(api, made, argument))?;
        Ok(made)
    }
}

/// Adds one argument.
///
/// # Safety
///
/// `procedure` is a procedure of libgimp's.
unsafe fn add(api: &sys::Gimp3, procedure: *mut sys::GimpProcedure, argument: &Argument) -> Result<()> {
    let (name, label, help) = (text(&argument.name)?, text(&argument.label)?, text(&argument.help)?);
    let (name, label, help) = (name.as_ptr(), label.as_ptr(), help.as_ptr());
    let both = common::G_PARAM_READWRITE;
    // SAFETY: the caller's promise, and texts that outlive the calls, which copy them.
    unsafe {
        match &argument.kind {
            ArgKind::Text(default) => {
                let default = text(default)?;
                api.gimp_procedure_add_string_argument(procedure, name, label, help, default.as_ptr(), both);
            }
            ArgKind::Number { min, max, default } => {
                api.gimp_procedure_add_double_argument(
                    procedure, name, label, help, *min, *max, *default, both,
                );
            }
            ArgKind::Flag(default) => {
                let default = gboolean::from(*default);
                api.gimp_procedure_add_boolean_argument(procedure, name, label, help, default, both);
            }
        }
    }
    Ok(())
}

/// How a run ends, in GIMP's words, with a sentence for errors.
type Outcome = (sys::GimpPDBStatusType, Option<String>);

unsafe extern "C" fn run(
    procedure: *mut sys::GimpProcedure,
    mode: sys::GimpRunMode,
    image: *mut sys::GimpImage,
    drawables: *mut *mut sys::GimpDrawable,
    config: *mut sys::GimpProcedureConfig,
    _data: *mut c_void,
) -> *mut sys::GimpValueArray {
    let (status, sentence) = with_session(|session| {
        // SAFETY: what libgimp passes stays during the run.
        unsafe { answer(session, procedure, mode, image, drawables, config) }
    })
    .unwrap_or_else(|sentence| (sys::GIMP_PDB_EXECUTION_ERROR, Some(sentence)));
    SESSION.with(|session| match session.get() {
        // SAFETY: the procedure that libgimp runs; the error becomes libgimp's.
        Some(session) => unsafe {
            let error = match sentence.and_then(|sentence| CString::new(sentence.replace('\0', " ")).ok()) {
                Some(sentence) => {
                    let domain = session.gegl.api.g_quark_from_string(c"pentimento".as_ptr());
                    session.gegl.api.g_error_new_literal(domain, 0, sentence.as_ptr())
                }
                None => null_mut(),
            };
            session.api.gimp_procedure_new_return_values(procedure, status, error)
        },
        None => null_mut(),
    })
}

/// Turns GIMP's call into ours and back.
///
/// # Safety
///
/// The arguments are what libgimp passes to an image procedure: valid objects, and drawables that end with null.
unsafe fn answer(
    session: &Session,
    procedure: *mut sys::GimpProcedure,
    mode: sys::GimpRunMode,
    image: *mut sys::GimpImage,
    drawables: *mut *mut sys::GimpDrawable,
    config: *mut sys::GimpProcedureConfig,
) -> Result<Outcome> {
    let api = session.api;
    // SAFETY: the plug-in object exists during a run; then errors come back to us instead of being shown by GIMP.
    unsafe {
        api.gimp_plug_in_set_pdb_error_handler(api.gimp_get_plug_in(), sys::GIMP_PDB_ERROR_HANDLER_PLUGIN);
    }
    let host = Live::new(Gimp3 { api, gegl: Gegl::open(LIBRARY)? });
    // SAFETY: the caller promises a procedure, and an image.
    let (name, image) =
        unsafe { (copied(api.gimp_procedure_get_name(procedure)), ImageId(api.gimp_image_get_id(image))) };
    let procedures = session.plugin.procedures();
    let Some(procedure) = procedures.iter().find(|procedure| procedure.name == name) else {
        return Ok((sys::GIMP_PDB_CALLING_ERROR, Some(format!("there is no procedure {name}"))));
    };
    // SAFETY: the caller promises it.
    let selected = unsafe { one(&host.gimp, drawables) }?;
    // SAFETY: the caller promises a configuration.
    let config = unsafe { Config::new(session.gegl, config) };
    let arguments = config.read(&procedure.arguments)?;
    if let Err(sentence) = arguments::check(&procedure.arguments, &arguments) {
        return Ok((sys::GIMP_PDB_CALLING_ERROR, Some(sentence)));
    }
    let mode = match mode {
        sys::GIMP_RUN_INTERACTIVE => RunMode::Interactive,
        sys::GIMP_RUN_WITH_LAST_VALS => RunMode::WithLastValues,
        _ => RunMode::NonInteractive,
    };
    let layer = host.layer(selected)?;
    let call = Call { procedure: name, mode, image, drawables: vec![layer], arguments };
    Ok(match session.plugin.run(&host, &call) {
        Ok(Finish::Done(values)) => {
            if arguments::check(&procedure.arguments, &values).is_ok() {
                config.write(&procedure.arguments, &values)?;
            }
            (sys::GIMP_PDB_SUCCESS, None)
        }
        Ok(Finish::Cancelled) => (sys::GIMP_PDB_CANCEL, None),
        Err(sentence) => (sys::GIMP_PDB_EXECUTION_ERROR, Some(sentence)),
    })
}

/// The one drawable in a list of GIMP's.
///
/// # Safety
///
/// `drawables` is null or a list of drawables that ends with null.
unsafe fn one(gimp: &Gimp3, drawables: *mut *mut sys::GimpDrawable) -> Result<crate::host::ItemId> {
    // SAFETY: the second is read only where the first is no null, and so is not the end.
    unsafe {
        if drawables.is_null() || (*drawables).is_null() {
            return Err(HostError::NoLayer);
        }
        if !(*drawables.add(1)).is_null() {
            return Err(HostError::SeveralLayers);
        }
        gimp.number(*drawables)
    }
}
