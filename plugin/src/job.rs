//! Jobs: a worker thread that owns models and pictures.
//!
//! The worker answers [`Request`]s one after another with streams of [`Event`]s. Requests and events are plain
//! values and pictures travel by handle, so that the same operations can run in an engine process: this file
//! would then stand at the other end of a socket.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use models_onnx::{Cancel, ModelError, Places};
use pentimento_protocol::job::{Event, Handle, Outcome, Request};
use pentimento_protocol::picture::Picture;

use crate::error::PluginError;
use crate::pipeline::model;
use crate::studio::Studios;

/// Most pictures kept at once. Those of cancelled jobs are never taken out, so the oldest make room.
const SHELF: usize = 512;

/// Pictures by handle. A handle that is taken out is gone.
#[derive(Debug, Clone, Default)]
pub struct Pictures(Arc<Mutex<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    last: u64,
    pictures: BTreeMap<Handle, Arc<Picture>>,
}

impl Pictures {
    /// Keeps a picture.
    pub fn put(&self, picture: impl Into<Arc<Picture>>) -> Handle {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.last += 1;
        let handle = Handle(shelf.last);
        shelf.pictures.insert(handle, picture.into());
        if shelf.pictures.len() > SHELF {
            shelf.pictures.pop_first();
        }
        handle
    }

    /// Takes a picture out.
    pub fn take(&self, handle: Handle) -> Result<Arc<Picture>, PluginError> {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.pictures.remove(&handle).ok_or(PluginError::WorkerGone)
    }
}

/// Starts jobs.
#[derive(Debug)]
pub struct Engine {
    tasks: Sender<Task>,
    /// Pictures that requests and events speak of.
    pub pictures: Pictures,
}

struct Task {
    request: Request,
    events: Sender<Event>,
    cancel: Cancel,
}

/// A running job. Dropping it cancels it.
#[derive(Debug)]
pub struct Job {
    events: Receiver<Event>,
    cancel: Cancel,
}

impl Engine {
    /// Starts the worker. Models load when the first job needs them.
    pub fn start(places: Places) -> Self {
        let (tasks, todo) = channel::<Task>();
        let pictures = Pictures::default();
        let shelf = pictures.clone();
        std::thread::spawn(move || {
            let mut studios = Studios::new(places);
            while let Ok(task) = todo.recv() {
                work(&mut studios, &shelf, task);
            }
        });
        Self { tasks, pictures }
    }

    /// Hands in a request.
    pub fn submit(&self, request: Request) -> Result<Job, PluginError> {
        let (sender, events) = channel();
        let cancel = Cancel::new();
        let task = Task { request, events: sender, cancel: cancel.clone() };
        self.tasks.send(task).map_err(|_| PluginError::WorkerGone)?;
        Ok(Job { events, cancel })
    }
}

impl Job {
    /// What has happened since, without waiting. `Err` if the worker is gone before it finished.
    pub fn poll(&self) -> Result<Option<Event>, PluginError> {
        match self.events.recv_timeout(Duration::ZERO) {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(PluginError::WorkerGone),
        }
    }

    /// Waits for the end, telling `listen` of everything on the way.
    pub fn wait(&self, mut listen: impl FnMut(&Event)) -> Result<Outcome, PluginError> {
        loop {
            let event = self.events.recv().map_err(|_| PluginError::WorkerGone)?;
            listen(&event);
            match event {
                Event::Done(outcome) => return Ok(outcome),
                Event::Failed(why) => return Err(PluginError::Job(why)),
                Event::Cancelled => return Err(PluginError::Cancelled),
                Event::Progress { .. } | Event::Note(_) | Event::Inverted { .. } | Event::Preview(_) => {}
            }
        }
    }

    /// Stops it, within a model run too.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn work(studios: &mut Studios, pictures: &Pictures, task: Task) {
    // Nobody listens once a job is dropped; the models must not care.
    let emit = |event: Event| drop(task.events.send(event));
    let result = catch_unwind(AssertUnwindSafe(|| {
        task.cancel.check()?;
        match &task.request {
            Request::Edit(edit) => {
                let picture = pictures.take(edit.picture)?;
                model::run(studios, pictures, edit, &picture, &task.cancel, &emit).map(Outcome::Edited)
            }
            Request::Faces { picture, runtime } => {
                let picture = pictures.take(*picture)?;
                studios.faces(&picture, *runtime, &task.cancel).map(Outcome::Faces)
            }
        }
    }));
    emit(match result {
        Ok(Ok(outcome)) => Event::Done(outcome),
        Ok(Err(PluginError::Cancelled | PluginError::Model(ModelError::Cancelled))) => Event::Cancelled,
        Ok(Err(error)) => Event::Failed(error.to_string()),
        Err(_) => {
            // Half-changed models are not to be trusted: the next job loads them afresh.
            studios.forget();
            Event::Failed(PluginError::WorkerGone.to_string())
        }
    });
}
