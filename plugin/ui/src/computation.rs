//! Where the models run: folded away, because the automatic choice suits most.

use gtk4::glib;
use gtk4::prelude::*;
use pentimento_protocol::job::{Device, Runtime};

use crate::controls::{Changed, enter_applies};
use crate::rows::Rows;
use crate::words::{plain, tr};

/// More threads than any machine needs.
const MOST_THREADS: f64 = 256.0;

/// The devices in the order of the list.
const DEVICES: [Device; 4] = [Device::Auto, Device::Cpu, Device::Cuda, Device::TensorRt];

/// Device and threads.
pub(crate) struct Computation {
    /// The expander that holds the controls.
    pub(crate) widget: gtk4::Expander,
    device: gtk4::DropDown,
    threads: gtk4::SpinButton,
}

impl Computation {
    /// Shows `runtime`, aligned with `rows`.
    pub(crate) fn new(rows: &Rows, runtime: Runtime, changed: &Changed) -> Self {
        let mut rows = rows.beside();
        rows.grid.set_margin_top(6);

        let names = DEVICES.map(name);
        let device = gtk4::DropDown::from_strings(&names.each_ref().map(String::as_str));
        let place = DEVICES.iter().position(|device| *device == runtime.device);
        device.set_selected(place.and_then(|i| u32::try_from(i).ok()).unwrap_or(0));
        let help = tr(
            "Automatic takes the fastest device that works. A device chosen here is used or refused, never replaced.",
        );
        rows.add(&tr("De_vice"), &help, &device, &[device.clone().upcast()]);

        let threads = gtk4::SpinButton::with_range(0.0, MOST_THREADS, 1.0);
        // Zero is written as a word, which a purely numeric field would refuse.
        threads.set_numeric(false);
        threads.set_width_chars(8);
        threads.set_halign(gtk4::Align::Start);
        show_zero_as_word(&threads);
        threads.set_value(runtime.threads.map_or(0.0, f64::from));
        threads.update();
        enter_applies(&threads);
        let help = tr("Threads for one model; “all” uses every processor core.");
        rows.add(&tr("_Threads"), &help, &threads, &[threads.clone().upcast()]);

        let changed_too = changed.clone();
        device.connect_selected_notify(move |_| changed_too());
        let changed = changed.clone();
        threads.connect_value_changed(move |_| changed());

        let label = tr("C_omputation");
        let widget = gtk4::Expander::with_mnemonic(&label);
        widget.update_property(&[gtk4::accessible::Property::Label(&plain(&label))]);
        widget.set_child(Some(&rows.grid));
        Self { widget, device, threads }
    }

    /// What the user chose.
    pub(crate) fn runtime(&self) -> Runtime {
        let device = DEVICES.get(self.device.selected() as usize).copied().unwrap_or_default();
        let threads = u32::try_from(self.threads.value_as_int()).ok().filter(|threads| *threads > 0);
        Runtime { device, threads }
    }
}

/// Zero threads means all cores, and is written so.
fn show_zero_as_word(threads: &gtk4::SpinButton) {
    let all = tr("all");
    let word = all.clone();
    threads.connect_output(move |spin| {
        if spin.adjustment().value() >= 0.5 {
            return glib::Propagation::Proceed;
        }
        // Setting an unchanged text would move the cursor.
        if spin.text() != word {
            spin.set_text(&word);
        }
        glib::Propagation::Stop
    });
    threads.connect_input(move |spin| (spin.text().trim() == all).then_some(Ok(0.0)));
}

fn name(device: Device) -> String {
    match device {
        Device::Auto => tr("Automatic"),
        Device::Cpu => tr("Processor (CPU)"),
        Device::Cuda => tr("NVIDIA GPU (CUDA)"),
        Device::TensorRt => tr("NVIDIA GPU (TensorRT)"),
    }
}
