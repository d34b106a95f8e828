//! What can go wrong on the way to GIMP and back.

/// An error of the host layer. Its text is one sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// libgimp, the dialogs or another library could not be opened.
    #[error("{library} could not be opened ({reason}); install Pentimento again for this GIMP")]
    Library {
        /// File name of the library.
        library: String,
        /// What the loader said.
        reason: String,
    },
    /// A call into GIMP failed.
    #[error("GIMP refused {call}: {reason}")]
    Refused {
        /// The function of libgimp.
        call: &'static str,
        /// Why, as far as it is known.
        reason: String,
    },
    /// The image or layer is gone.
    #[error("the image or layer is no longer there; open it again")]
    Gone,
    /// Indexed images have no continuous colours.
    #[error(
        "the image is indexed, so its colours cannot be edited smoothly; choose Image → Mode → RGB first"
    )]
    Indexed,
    /// No layer to work on.
    #[error("no layer is selected; select the layer with the photo")]
    NoLayer,
    /// Several layers to work on.
    #[error("several layers are selected; select only the layer with the photo")]
    SeveralLayers,
    /// A channel, a path or another item that is no layer.
    #[error("the selected item is no layer; select the layer with the photo")]
    NotALayer,
    /// Nothing can be inserted above a floating selection.
    #[error("there is a floating selection; anchor it or turn it into a layer first")]
    Floating,
    /// Not enough memory.
    #[error("there is not enough memory for an area of this size; select a smaller one")]
    Memory,
    /// A rectangle outside the drawable, an empty one, or pixels that do not fill theirs.
    #[error("the area to read is empty or lies outside the layer")]
    Area,
    /// A string with a zero byte inside.
    #[error("a text contains a zero byte")]
    Text,
    /// The dialog library failed.
    #[error("the dialog failed: {0}")]
    Dialog(String),
}

/// A result of the host layer.
pub type Result<T> = std::result::Result<T, HostError>;
