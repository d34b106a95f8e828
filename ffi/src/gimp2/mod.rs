//! GIMP 2.10: registration, calls, and what comes back.

mod calls;

use std::cell::OnceCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

use self::calls::Gimp2;
use crate::arguments;
use crate::call::{copied, guarded, text};
use crate::error::{HostError, Result};
use crate::gegl::Gegl;
use crate::host::{ImageId, ItemId};
use crate::live::Live;
use crate::plugin::{ArgKind, ArgValue, Argument, Call, Finish, IMAGE_TYPES, PlugIn, Procedure, RunMode};
use crate::sys::gimp2 as sys;

const LIBRARY: &str = "libgimp-2.0.so.0";

/// What the callbacks need. They carry no data of ours, and all come on the thread that called `gimp_main`.
struct Session {
    plugin: &'static dyn PlugIn,
    api: &'static sys::Gimp2,
}

thread_local! {
    static SESSION: OnceCell<Session> = const { OnceCell::new() };
}

/// GIMP reads it during `gimp_main`.
static INFO: sys::GimpPlugInInfo =
    sys::GimpPlugInInfo { init_proc: None, quit_proc: None, query_proc: Some(query), run_proc: Some(run) };

/// Opens libgimp and hands over to it.
pub(crate) fn main(arguments: &[CString], plugin: &'static dyn PlugIn) -> Result<i32> {
    // SAFETY: GIMP's own library; its constructors run in every plug-in.
    let api = unsafe { sys::Gimp2::new(LIBRARY) }
        .map_err(|error| HostError::Library { library: LIBRARY.into(), reason: error.to_string() })?;
    // The process is over when `gimp_main` is, so this is never given back.
    let api: &'static sys::Gimp2 = Box::leak(Box::new(api));
    SESSION.with(|session| session.set(Session { plugin, api }).ok());
    let count = c_int::try_from(arguments.len()).map_err(|_| HostError::Text)?;
    let mut pointers: Vec<*mut c_char> = arguments.iter().map(|word| word.as_ptr().cast_mut()).collect();
    pointers.push(null_mut());
    // SAFETY: INFO is static; `count` texts and a null, which outlive the call and are not written to.
    Ok(unsafe { api.gimp_main(&INFO, count, pointers.as_mut_ptr()) })
}

/// Runs `body` with the session; a panic or error is printed, as there is nobody else to tell.
fn with_session<T>(body: impl FnOnce(&Session) -> Result<T>) -> std::result::Result<T, String> {
    guarded(|| {
        SESSION.with(|session| session.get().ok_or(HostError::Gone).and_then(body)).map_err(|e| e.to_string())
    })
    .and_then(|result| result)
}

unsafe extern "C" fn query() {
    let registered = with_session(|session| {
        if let Some((domain, folder)) = session.plugin.translations() {
            let (domain, folder) = (text(&domain)?, text(&folder.to_string_lossy())?);
            // SAFETY: texts that outlive the call.
            unsafe { session.api.gimp_plugin_domain_register(domain.as_ptr(), folder.as_ptr()) };
        }
        session.plugin.procedures().iter().try_for_each(|procedure| install(session.api, procedure))
    });
    if let Err(error) = registered {
        eprintln!("pentimento: {error}");
    }
}

fn install(api: &sys::Gimp2, procedure: &Procedure) -> Result<()> {
    let name = text(&procedure.name)?;
    let (blurb, help, label) =
        (text(&procedure.blurb)?, text(&procedure.help)?, text(&procedure.menu_label)?);
    let words: Vec<(sys::GimpPDBArgType, CString, CString)> =
        [
            (sys::GIMP_PDB_INT32, "run-mode", "The run mode: 0 interactive, 1 not, 2 with the last values"),
            (sys::GIMP_PDB_IMAGE, "image", "The image"),
            (sys::GIMP_PDB_DRAWABLE, "drawable", "The layer with the photo"),
        ]
        .into_iter()
        .map(|(kind, name, help)| Ok((kind, text(name)?, text(help)?)))
        .chain(procedure.arguments.iter().map(|argument| {
            Ok((kind_of(&argument.kind), text(&argument.name)?, text(&described(argument))?))
        }))
        .collect::<Result<_>>()?;
    let parameters: Vec<sys::GimpParamDef> = words
        .iter()
        .map(|(kind, name, help)| sys::GimpParamDef {
            type_: *kind,
            name: name.as_ptr().cast_mut(),
            description: help.as_ptr().cast_mut(),
        })
        .collect();
    let count = c_int::try_from(parameters.len()).map_err(|_| HostError::Text)?;
    let path = text(&procedure.menu_path)?;
    // SAFETY: texts and `count` parameters that outlive the calls, which copy them.
    unsafe {
        api.gimp_install_procedure(
            name.as_ptr(),
            blurb.as_ptr(),
            help.as_ptr(),
            c"The Pentimento authors".as_ptr(),
            c"The Pentimento authors".as_ptr(),
            c"2026".as_ptr(),
            label.as_ptr(),
            IMAGE_TYPES.as_ptr(),
            sys::GIMP_PLUGIN,
            count,
            0,
            parameters.as_ptr(),
            null(),
        );
        api.gimp_plugin_menu_register(name.as_ptr(), path.as_ptr());
    }
    if let Some(icon) = &procedure.icon {
        let icon = text(&icon.to_string_lossy())?;
        // SAFETY: for an image file the data is its path, a text that outlives the call.
        unsafe {
            api.gimp_plugin_icon_register(name.as_ptr(), sys::GIMP_ICON_TYPE_IMAGE_FILE, icon.as_ptr().cast())
        };
    }
    Ok(())
}

fn kind_of(kind: &ArgKind) -> sys::GimpPDBArgType {
    match kind {
        ArgKind::Text(_) => sys::GIMP_PDB_STRING,
        ArgKind::Number { .. } => sys::GIMP_PDB_FLOAT,
        ArgKind::Flag(_) => sys::GIMP_PDB_INT32,
    }
}

/// 2.10 knows no ranges, so they stand in the help.
fn described(argument: &Argument) -> String {
    match &argument.kind {
        ArgKind::Number { min, max, .. } => format!("{} ({min} to {max})", argument.help),
        ArgKind::Flag(_) => format!("{} (0 or 1)", argument.help),
        ArgKind::Text(_) => argument.help.clone(),
    }
}

/// How a run ends, in GIMP's words, with a sentence for errors.
type Outcome = (sys::GimpPDBStatusType, Option<String>);

unsafe extern "C" fn run(
    name: *const c_char,
    count: c_int,
    parameters: *const sys::GimpParam,
    return_count: *mut c_int,
    returned: *mut *mut sys::GimpParam,
) {
    let (status, sentence) = with_session(|session| {
        // SAFETY: GIMP passes a text, and `count` parameters that stay during the run.
        let (name, parameters) = unsafe {
            let count = usize::try_from(count).unwrap_or(0);
            let list: &[sys::GimpParam] =
                if parameters.is_null() { &[] } else { std::slice::from_raw_parts(parameters, count) };
            (copied(name), list)
        };
        Ok(answer(session, &name, parameters))
    })
    .unwrap_or_else(|fault| (sys::GIMP_PDB_EXECUTION_ERROR, Some(fault)));
    let mut values =
        vec![sys::GimpParam { type_: sys::GIMP_PDB_STATUS, data: sys::_GimpParamData { d_status: status } }];
    if let Some(sentence) = sentence.and_then(|sentence| CString::new(sentence.replace('\0', " ")).ok()) {
        values.push(sys::GimpParam {
            type_: sys::GIMP_PDB_STRING,
            data: sys::_GimpParamData { d_string: sentence.into_raw() },
        });
    }
    // GIMP reads the values after we return and never frees them; the process ends then.
    let values: &'static mut [sys::GimpParam] = values.leak();
    // SAFETY: places of GIMP's for a count (one or two) and a pointer, both read after the return.
    unsafe {
        *return_count = if values.len() > 1 { 2 } else { 1 };
        *returned = values.as_mut_ptr();
    }
}

fn answer(session: &Session, name: &str, parameters: &[sys::GimpParam]) -> Outcome {
    let failed = |error: &dyn std::fmt::Display| (sys::GIMP_PDB_EXECUTION_ERROR, Some(error.to_string()));
    let procedures = session.plugin.procedures();
    let Some(procedure) = procedures.iter().find(|procedure| procedure.name == name) else {
        return (sys::GIMP_PDB_CALLING_ERROR, Some(format!("there is no procedure {name}")));
    };
    // SAFETY: a plain number; then errors come back to us instead of being shown by GIMP.
    unsafe { session.api.gimp_plugin_set_pdb_error_handler(sys::GIMP_PDB_ERROR_HANDLER_PLUGIN) };
    let gegl = match Gegl::open(LIBRARY) {
        Ok(gegl) => gegl,
        Err(error) => return failed(&error),
    };
    let host = Live::new(Gimp2 { api: session.api, gegl });
    let call = match received(&host, procedure, parameters) {
        Ok(Ok(call)) => call,
        Ok(Err(sentence)) => return (sys::GIMP_PDB_CALLING_ERROR, Some(sentence)),
        Err(error) => return failed(&error),
    };
    match session.plugin.run(&host, &call) {
        Ok(Finish::Done(values)) => {
            // As 3.x does: only what the user chose comes back in the dialog, not what a script passed.
            if call.mode == RunMode::Interactive {
                remember(&host.gimp, &procedure.name, &values);
            }
            (sys::GIMP_PDB_SUCCESS, None)
        }
        Ok(Finish::Cancelled) => (sys::GIMP_PDB_CANCEL, None),
        Err(sentence) => failed(&sentence),
    }
}

/// The call that GIMP makes; the inner error is for callers that pass the wrong arguments.
fn received(
    host: &Live<Gimp2>,
    procedure: &Procedure,
    parameters: &[sys::GimpParam],
) -> Result<std::result::Result<Call, String>> {
    let [mode, image, drawable, rest @ ..] = parameters else {
        return Ok(Err(format!("{} needs a run mode, an image and a layer", procedure.name)));
    };
    // SAFETY: the types that we registered these parameters with, which GIMP checks.
    let (mode, image, drawable) = unsafe {
        (mode.data.d_int32.cast_unsigned(), ImageId(image.data.d_image), ItemId(drawable.data.d_drawable))
    };
    let (mode, arguments) = match mode {
        sys::GIMP_RUN_INTERACTIVE => (RunMode::Interactive, remembered(&host.gimp, procedure)),
        sys::GIMP_RUN_WITH_LAST_VALS => (RunMode::WithLastValues, remembered(&host.gimp, procedure)),
        sys::GIMP_RUN_NONINTERACTIVE => match given(procedure, rest) {
            Ok(arguments) => (RunMode::NonInteractive, arguments),
            Err(sentence) => return Ok(Err(sentence)),
        },
        other => return Ok(Err(format!("there is no run mode {other}"))),
    };
    let layer = host.layer(drawable)?;
    Ok(Ok(Call { procedure: procedure.name.clone(), mode, image, drawables: vec![layer], arguments }))
}

fn given(procedure: &Procedure, parameters: &[sys::GimpParam]) -> std::result::Result<Vec<ArgValue>, String> {
    let wanted = &procedure.arguments;
    if parameters.len() != wanted.len() {
        return Err(format!(
            "{} takes {} arguments after run mode, image and layer, not {}",
            procedure.name,
            wanted.len(),
            parameters.len()
        ));
    }
    let values: Vec<ArgValue> = wanted
        .iter()
        .zip(parameters)
        .map(|(argument, parameter)| {
            // SAFETY: the types that we registered these parameters with, which GIMP checks; texts may be null.
            unsafe {
                match argument.kind {
                    ArgKind::Text(_) => ArgValue::Text(copied(parameter.data.d_string)),
                    ArgKind::Number { .. } => ArgValue::Number(parameter.data.d_float),
                    ArgKind::Flag(_) => ArgValue::Flag(parameter.data.d_int32 != 0),
                }
            }
        })
        .collect();
    arguments::check(wanted, &values)?;
    Ok(values)
}

/// Where GIMP keeps the last values until it quits.
fn drawer(procedure: &str) -> Option<CString> {
    CString::new(procedure).ok()
}

fn remembered(gimp: &Gimp2, procedure: &Procedure) -> Vec<ArgValue> {
    let stored = drawer(&procedure.name).and_then(|drawer| stored(gimp, &drawer));
    stored
        .and_then(|bytes| arguments::decode(&bytes))
        .filter(|values| arguments::check(&procedure.arguments, values).is_ok())
        .unwrap_or_else(|| arguments::defaults(&procedure.arguments))
}

fn stored(gimp: &Gimp2, drawer: &CStr) -> Option<Vec<u8>> {
    // SAFETY: a text that outlives the call.
    let size = unsafe { gimp.api.gimp_procedural_db_get_data_size(drawer.as_ptr()) };
    let size = usize::try_from(size).ok().filter(|size| *size > 0)?;
    let mut bytes = vec![0_u8; size];
    // SAFETY: room for the size that GIMP has just named; nobody else writes to the drawer meanwhile.
    let found = unsafe { gimp.api.gimp_procedural_db_get_data(drawer.as_ptr(), bytes.as_mut_ptr().cast()) };
    (found != 0).then_some(bytes)
}

fn remember(gimp: &Gimp2, procedure: &str, values: &[ArgValue]) {
    let bytes = arguments::encode(values);
    if let (Some(drawer), Ok(size)) = (drawer(procedure), u32::try_from(bytes.len())) {
        // SAFETY: a text and `size` bytes that outlive the call.
        unsafe {
            gimp.api.gimp_procedural_db_set_data(drawer.as_ptr(), bytes.as_ptr().cast::<c_void>(), size)
        };
    }
}
