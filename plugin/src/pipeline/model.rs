//! Aligned picture → code → edited code → pictures: the part of the road that runs in a job.

use models_onnx::Cancel;
use pentimento_protocol::job::{Event, Outcome, Request};
use pentimento_protocol::picture::Picture;

use crate::error::PluginError;
use crate::job::Pictures;
use crate::ops;
use crate::strings::{msgid, tr};
use crate::studio::Studios;

/// Encodes (once per picture and pack), edits and synthesises.
pub fn run(
    studios: &mut Studios,
    pictures: &Pictures,
    request: &Request,
    picture: &Picture,
    cancel: &Cancel,
    emit: &dyn Fn(Event),
) -> Result<Outcome, PluginError> {
    let step = |fraction, doing: &str| emit(Event::Progress { fraction, doing: tr(doing) });
    let operation = ops::find(&request.operation)?;
    let values = request.values.clone().map(|values| values.complete(operation.params())).transpose()?;

    step(0.0, msgid("Loading the models"));
    let studio = studios.open(&request.pack, operation, request.runtime)?;
    emit(Event::Note(studio.device().to_owned()));

    step(0.2, msgid("Reading the photo"));
    let inversion = studio.invert(picture, cancel)?;
    emit(Event::Preview(pictures.put(inversion.picture.clone())));

    let mut results = Vec::new();
    let mut codes = Vec::new();
    if let Some(values) = values {
        step(0.5, msgid("Editing"));
        let edited = operation.edit(studio, &inversion.code, &values, cancel)?;
        if !edited.note.is_empty() {
            emit(Event::Note(edited.note));
        }
        codes = edited.codes;
    }

    let count = codes.len();
    for (i, code) in codes.iter().enumerate() {
        step(0.6 + 0.4 * i as f32 / count as f32, msgid("Drawing"));
        results.push(pictures.put(studio.synthesise(code, cancel)?));
    }
    Ok(Outcome {
        inverted: pictures.put(inversion.picture.clone()),
        edited: results,
        fidelity: inversion.fidelity,
    })
}
