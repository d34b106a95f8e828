//! The border to the dialog library: one C function, bytes in and bytes out.
//!
//! Two Rust libraries share no stable ABI and no allocator, so nothing but plain numbers, pointers to bytes
//! and callbacks crosses, and the receiver of bytes copies them before the callback returns. The plug-in calls
//! [`open`] with a request; the dialog library answers with [`serve`], may ask questions through [`Ask`] while
//! its window is open, and hands over one final answer. What the bytes mean is none of this crate's business.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::path::Path;
use std::rc::Rc;
use std::thread::ThreadId;

use crate::call::guarded;
use crate::error::{HostError, Result};
use crate::gegl::copied_bytes;

/// Changes with every change of [`Border`] or of what its callbacks mean.
const VERSION: u32 = 1;
/// The function that a dialog library exports; its body is [`serve`].
const ENTRY: &[u8] = b"pentimento_dialog\0";

/// Answers of the functions that cross the border.
mod status {
    use std::ffi::c_int;

    pub(super) const DONE: c_int = 0;
    pub(super) const FAILED: c_int = 1;
    pub(super) const OTHER_VERSION: c_int = 2;
    pub(super) const NOT_NOW: c_int = 3;
}

/// Takes bytes over by copying them: `(to, bytes, length)`.
type Take = unsafe extern "C" fn(*mut c_void, *const u8, usize);

/// What the plug-in hands to the dialog library. The version stays first for ever, so that either side can
/// tell a stranger before it reads more.
#[repr(C)]
pub struct Border {
    version: u32,
    /// Belongs to the plug-in; passed back with every call.
    context: *mut c_void,
    request: *const u8,
    request_length: usize,
    /// Asks the plug-in: `(context, question, length, to, take)`.
    ask: unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut c_void, Take) -> c_int,
    /// Hands over the result, or a sentence if the third number is not zero: `(context, bytes, length, failed)`.
    finish: unsafe extern "C" fn(*mut c_void, *const u8, usize, c_int),
}

/// What answers the questions of a dialog.
type Answering<'a> = &'a mut dyn FnMut(&[u8]) -> Vec<u8>;

/// The plug-in's side of one dialog.
struct Context<'a> {
    thread: ThreadId,
    ask: RefCell<Answering<'a>>,
    answer: RefCell<Option<std::result::Result<Vec<u8>, String>>>,
}

/// Shows a dialog: opens `library`, passes `request` to it, answers its questions with `ask`, and returns what
/// it finishes with. Blocks until the dialog is closed.
pub fn open(library: &Path, request: &[u8], ask: &mut dyn FnMut(&[u8]) -> Vec<u8>) -> Result<Vec<u8>> {
    let failed = |error: libloading::Error| HostError::Library {
        library: library.file_name().unwrap_or(library.as_os_str()).to_string_lossy().into_owned(),
        reason: error.to_string(),
    };
    // SAFETY: our own library; its constructors are those of GTK.
    let opened = unsafe { libloading::Library::new(library) }.map_err(failed)?;
    // SAFETY: the type that `serve` is made for; a library of another version says so itself.
    let entry = unsafe { opened.get::<unsafe extern "C" fn(*const Border) -> c_int>(ENTRY) }
        .map(|symbol| *symbol)
        .map_err(failed);
    // GTK registers types that point into the library: it must never be closed.
    std::mem::forget(opened);
    open_with(entry?, request, ask)
}

fn open_with(
    entry: unsafe extern "C" fn(*const Border) -> c_int,
    request: &[u8],
    ask: &mut dyn FnMut(&[u8]) -> Vec<u8>,
) -> Result<Vec<u8>> {
    let context =
        Context { thread: std::thread::current().id(), ask: RefCell::new(ask), answer: RefCell::new(None) };
    let border = Border {
        version: VERSION,
        context: (&raw const context).cast_mut().cast(),
        request: request.as_ptr(),
        request_length: request.len(),
        ask: asked,
        finish: finished,
    };
    // SAFETY: the border, the context and the request outlive the call, and the other side forgets them with it.
    let status = unsafe { entry(&border) };
    match (status, context.answer.into_inner()) {
        (status::DONE, Some(Ok(answer))) => Ok(answer),
        (status::OTHER_VERSION, _) => {
            Err(HostError::Dialog("it belongs to another version of Pentimento; install again".into()))
        }
        (_, Some(Err(sentence))) => Err(HostError::Dialog(sentence)),
        _ => Err(HostError::Dialog("it ended without an answer".into())),
    }
}

/// The plug-in answers a question.
unsafe extern "C" fn asked(
    context: *mut c_void,
    question: *const u8,
    length: usize,
    to: *mut c_void,
    take: Take,
) -> c_int {
    // SAFETY: the context of `open_with`, which is waiting while this runs. Only its thread's name is read
    // before we know that this is its thread.
    let context = unsafe { &*context.cast::<Context<'_>>() };
    if context.thread != std::thread::current().id() {
        return status::NOT_NOW;
    }
    // A question within a question finds the closure in use.
    let Ok(mut ask) = context.ask.try_borrow_mut() else { return status::NOT_NOW };
    // SAFETY: the other side passes `length` bytes that stay during the call.
    let question = unsafe { copied_bytes(question, length) };
    match guarded(|| ask(&question)) {
        Ok(answer) => {
            // SAFETY: the other side's own callback and data; it copies before it returns.
            unsafe { take(to, answer.as_ptr(), answer.len()) };
            status::DONE
        }
        Err(fault) => {
            eprintln!("pentimento: {fault}");
            status::FAILED
        }
    }
}

/// The plug-in takes the final answer.
unsafe extern "C" fn finished(context: *mut c_void, bytes: *const u8, length: usize, failed: c_int) {
    // SAFETY: as in `asked`.
    let context = unsafe { &*context.cast::<Context<'_>>() };
    if context.thread != std::thread::current().id() {
        return;
    }
    // SAFETY: the other side passes `length` bytes that stay during the call.
    let bytes = unsafe { copied_bytes(bytes, length) };
    let answer = if failed == 0 { Ok(bytes) } else { Err(String::from_utf8_lossy(&bytes).into_owned()) };
    if let Ok(mut slot) = context.answer.try_borrow_mut() {
        *slot = Some(answer);
    }
}

/// The dialog's line to the plug-in. Clones go into the closures of widgets; once the dialog is over they all
/// answer with an error.
#[derive(Clone)]
pub struct Ask(Rc<Cell<*const Border>>);

impl Ask {
    /// Asks the plug-in and waits for its answer.
    pub fn ask(&self, question: &[u8]) -> Result<Vec<u8>> {
        let border = self.0.get();
        if border.is_null() {
            return Err(HostError::Dialog("it is already closed".into()));
        }
        let mut answer: Vec<u8> = Vec::new();
        // SAFETY: not null, so `serve` is still running and the plug-in waits with its border. An `Rc` keeps
        // this value on the thread of `serve`. `answer` outlives the call, and `taken` fits its type.
        let status = unsafe {
            ((*border).ask)(
                (*border).context,
                question.as_ptr(),
                question.len(),
                (&raw mut answer).cast(),
                taken,
            )
        };
        match status {
            status::DONE => Ok(answer),
            status::NOT_NOW => Err(HostError::Dialog("it asked while another answer was due".into())),
            _ => Err(HostError::Dialog("the plug-in could not answer".into())),
        }
    }
}

/// The dialog's side copies an answer.
unsafe extern "C" fn taken(to: *mut c_void, bytes: *const u8, length: usize) {
    // SAFETY: the `Vec` that `Ask::ask` passed, which nobody else uses meanwhile.
    let to = unsafe { &mut *to.cast::<Vec<u8>>() };
    // SAFETY: the plug-in passes `length` bytes that stay during the call.
    *to = unsafe { copied_bytes(bytes, length) };
}

/// The body of `pentimento_dialog`: checks the version, runs `dialog` with the request and a line to the
/// plug-in, and hands its answer, or its error as one sentence, back. A panic becomes such a sentence.
///
/// # Safety
///
/// `border` is what the plug-in passed to `pentimento_dialog`, and this is called before that returns.
pub unsafe fn serve(
    border: *const Border,
    dialog: impl FnOnce(&[u8], Ask) -> std::result::Result<Vec<u8>, String>,
) -> c_int {
    if border.is_null() {
        return status::FAILED;
    }
    // SAFETY: the version is the first field of every version of the border.
    if unsafe { border.cast::<u32>().read() } != VERSION {
        return status::OTHER_VERSION;
    }
    // SAFETY: of our version, so all fields are as declared here; the request stays during the call.
    let request = unsafe { copied_bytes((*border).request, (*border).request_length) };
    let line = Rc::new(Cell::new(border));
    let answer = guarded(|| dialog(&request, Ask(Rc::clone(&line)))).and_then(|answer| answer);
    // Clones may live on in widgets that nobody has freed yet.
    line.set(std::ptr::null());
    let (bytes, failed) = match answer {
        Ok(bytes) => (bytes, status::DONE),
        Err(sentence) => (sentence.into_bytes(), status::FAILED),
    };
    // SAFETY: the plug-in's own callback and context; it copies before it returns.
    unsafe { ((*border).finish)((*border).context, bytes.as_ptr(), bytes.len(), failed) };
    failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    unsafe extern "C" fn echo(border: *const Border) -> c_int {
        // SAFETY: passed on unchanged.
        unsafe {
            serve(border, |request, ask| {
                let mut all = ask.ask(request).map_err(|error| error.to_string())?;
                all.extend(ask.ask(b"again").map_err(|error| error.to_string())?);
                Ok(all)
            })
        }
    }

    unsafe extern "C" fn panics(border: *const Border) -> c_int {
        // SAFETY: passed on unchanged.
        unsafe { serve(border, |_, _| panic!("no display")) }
    }

    unsafe extern "C" fn keeps_asking_when_closed(border: *const Border) -> c_int {
        let kept = RefCell::new(None);
        // SAFETY: passed on unchanged.
        let status = unsafe {
            serve(border, |_, ask| {
                *kept.borrow_mut() = Some(ask);
                Ok(vec![1])
            })
        };
        assert!(kept.into_inner().unwrap().ask(b"late").unwrap_err().to_string().contains("closed"));
        status
    }

    unsafe extern "C" fn stranger(border: *const Border) -> c_int {
        // SAFETY: a border of this version; the copy has another number in front.
        unsafe {
            let copy = Border { version: VERSION + 1, ..std::ptr::read(border) };
            serve(&copy, |_, _| Ok(Vec::new()))
        }
    }

    unsafe extern "C" fn silent(_border: *const Border) -> c_int {
        status::DONE
    }

    proptest! {
        #[test]
        fn bytes_go_there_and_back(request in proptest::collection::vec(any::<u8>(), 0..4096)) {
            let mut questions = 0;
            let answer = open_with(echo, &request, &mut |question| {
                questions += 1;
                question.iter().rev().copied().collect()
            });
            let mut expected: Vec<u8> = request.iter().rev().copied().collect();
            expected.extend(b"niaga");
            prop_assert_eq!(answer.unwrap(), expected);
            prop_assert_eq!(questions, 2);
        }
    }

    #[test]
    fn a_panic_on_either_side_is_a_sentence() {
        let error = open_with(panics, b"", &mut |_| Vec::new()).unwrap_err();
        assert!(error.to_string().contains("no display"), "{error}");
        let error = open_with(echo, b"", &mut |_| panic!("in the plug-in")).unwrap_err();
        assert!(error.to_string().contains("could not answer"), "{error}");
    }

    #[test]
    fn a_line_dies_with_its_dialog() {
        assert_eq!(open_with(keeps_asking_when_closed, b"", &mut |_| Vec::new()).unwrap(), [1]);
    }

    #[test]
    fn other_versions_and_silence_are_told() {
        let error = open_with(stranger, b"", &mut |_| Vec::new()).unwrap_err();
        assert!(error.to_string().contains("another version"), "{error}");
        let error = open_with(silent, b"", &mut |_| Vec::new()).unwrap_err();
        assert!(error.to_string().contains("without an answer"), "{error}");
    }

    #[test]
    fn a_missing_library_is_named() {
        let error = open(Path::new("/nowhere/libdialog.so"), b"", &mut |_| Vec::new()).unwrap_err();
        assert!(error.to_string().starts_with("libdialog.so could not be opened"), "{error}");
    }
}
