//! The one error of this crate.

/// An error between a text and its analysis, displayed as a sentence for the page or the terminal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pack's files are wrong.
    #[error(transparent)]
    Pack(#[from] lens_pack::Error),
    /// A checkpoint, read without packing it first, is wrong.
    #[cfg(not(target_family = "wasm"))]
    #[error(transparent)]
    Checkpoint(#[from] lens_import::Error),
    /// The networks could not be built or run.
    #[error(transparent)]
    Model(#[from] lens_model::Error),
    /// The tokenizer file is wrong, or refuses the text.
    #[error(transparent)]
    Tokenizer(#[from] lens_tokenizer::Error),
    /// There is no device of the requested kind, or it fails.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Numbers were computed that are not finite; which ones.
    #[error(
        "{0} holds numbers that are not finite: the pack's weights are damaged, or too large for this computation; \
         download or pack the model again"
    )]
    NotFinite(String),
    /// The text or an option does not fit.
    #[error("{0}")]
    Input(String),
}

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// A GPU was requested, and there is none.
    #[error("no GPU: {0}; use --device cpu")]
    NoGpu(#[source] Box<Self>),
    /// The browser has WebGPU, but no adapter.
    #[error("this browser offers no WebGPU adapter")]
    NoWebGpuAdapter,
    /// There is no adapter at all.
    #[error("no Vulkan, Metal or DirectX 12 adapter was found")]
    NoAdapter,
    /// Built without the feature `gpu`.
    #[error("this program was built for the CPU alone")]
    BuiltWithoutGpu,
    /// There are only software adapters.
    #[error("the only adapter is a software one ({name})")]
    OnlySoftware {
        /// Its name.
        name: String,
    },
    /// The options of the runtime are wrong.
    #[error("{0}")]
    Runtime(String),
    /// The adapter refused to open.
    #[error("the adapter {name} could not be opened: {problem}")]
    Open {
        /// Its name.
        name: String,
        /// What the driver reported.
        problem: String,
    },
    /// The device computes, but its results could not be read.
    #[error("read-back failed: {0}")]
    ReadBack(String),
    /// A kernel is wrong on this device.
    #[error("the kernel {kernel} gives wrong numbers on this device (relative difference {difference:.1e})")]
    WrongKernel {
        /// Kernel, variant and size.
        kernel: String,
        /// Relative RMS difference to the CPU's result.
        difference: f64,
    },
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
