//! What the page shows: one type for its address, its views, its history and its embedding. [`crate::keys`] has the
//! parameter of each field.

use lens_analysis::per_token::Quantity;
use lens_analysis::similarity::{Mode, Source};
use lens_protocol::DeviceWish;
use lens_view::attention::AttentionSelection;
use lens_view::focus::Cell;
use lens_view::heatmap::Scale;
use lens_view::selection::Selection;
use lens_view::trajectory::{Camera, TrajectorySettings};

use crate::embed::Embed;
use crate::figure::Figure;
use crate::theme::Theme;

/// Version of the parameters' meaning: the parameter `v`. Version 1 left out the notebook's matrix in its colors, and the
/// notebook's prompt: see [`ViewState::of_version_1`].
pub const VERSION: u32 = 3;

/// Some hosts and programs take no longer addresses.
pub const LENGTH_SAFE: usize = 8000;

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A precomputed example, by id.
    Example(String),
    /// A text.
    Text(String),
    /// A saved analysis, by its address: absolute, or relative to the page.
    Result(String),
}

/// What the shown text is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Second {
    /// The text.
    pub text: String,
    /// Novel codes kept per token of it, instead of the SAE's own k.
    pub inf_k: Option<usize>,
    /// Selected spans of the first and of the second text, oldest first, at most two each; none for
    /// those that the comparison opens with.
    pub spans: Option<[Selection; 2]>,
}

/// A whole state of the page. To add a field: its default below, its row in [`crate::keys`], the component that shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewState {
    /// The pack's address, where it is not the page's own.
    pub model: Option<String>,
    /// What is looked at; none for what the page opens with.
    pub subject: Option<Subject>,
    /// Novel codes kept per token, instead of the SAE's own k.
    pub inf_k: Option<usize>,
    /// The second text, where two are compared.
    pub second: Option<Second>,
    /// A demo of Neuronpedia's that the link asks for; never written.
    pub neuronpedia_demo: Option<String>,
    /// Which figure stands beside the text.
    pub figure: Figure,
    /// What is compared.
    pub source: Source,
    /// How the matrix is made.
    pub mode: Mode,
    /// How similarity becomes color.
    pub scale: Scale,
    /// What shades the token strip.
    pub quantity: Option<Quantity>,
    /// Whether event boundaries are drawn.
    pub has_events: bool,
    /// Whether the matrix stands in the dendrogram's order.
    pub is_ordered: bool,
    /// The part of the matrix that is looked at: first column, first row, cells; none for all of it.
    pub zoom: Option<[f64; 3]>,
    /// The trajectory.
    pub trajectory: TrajectorySettings,
    /// What colors it; none for the position.
    pub trajectory_color: Option<Quantity>,
    /// From where it is looked at.
    pub camera: Camera,
    /// Which of the SAE's attention weights are shown.
    pub attention: AttentionSelection,
    /// The pinned cell.
    pub pin: Option<Cell>,
    /// The token up to which the text has been read, in the reading as a film; none for all of it.
    pub read_to: Option<usize>,
    /// The feature whose card is open.
    pub feature: Option<usize>,
    /// Selected spans.
    pub spans: Selection,
    /// Whether analyses are asked for in words.
    pub words: bool,
    /// Light or dark, where that was chosen.
    pub theme: Theme,
    /// What to compute on; none for the faster device.
    pub device: Option<DeviceWish>,
    /// How the page stands inside another one.
    pub embed: Embed,
}

impl Default for ViewState {
    /// The page as it opens.
    fn default() -> Self {
        Self {
            model: None,
            subject: None,
            inf_k: None,
            second: None,
            neuronpedia_demo: None,
            figure: Figure::default(),
            source: Source::default(),
            // Start-of-text tokens are alike whatever the text: with BOS in, they are the brightest block of most texts.
            mode: Mode::Neuronpedia,
            scale: Scale::Signed,
            quantity: Some(Quantity::NovelShare),
            has_events: true,
            is_ordered: false,
            zoom: None,
            trajectory: TrajectorySettings::default(),
            trajectory_color: None,
            camera: Camera::default(),
            attention: AttentionSelection::default(),
            pin: None,
            read_to: None,
            feature: None,
            spans: Selection::default(),
            words: false,
            theme: Theme::default(),
            device: None,
            embed: Embed::default(),
        }
    }
}

impl ViewState {
    /// As a link for others: it opens a figure rather than the export panel, and leaves the choice of a device out.
    #[must_use]
    pub fn to_share(&self) -> Self {
        let figure = if self.figure == Figure::Export { Figure::default() } else { self.figure };
        Self { figure, device: None, ..self.clone() }
    }

    /// The same of a saved analysis that lies at `address`; nothing where no page may fetch from there.
    #[must_use]
    pub fn of_saved(&self, address: &str) -> Option<Self> {
        let address = address.trim();
        if !is_fetchable(address) {
            return None;
        }
        // What the text was computed with is in the file.
        let subject = Some(Subject::Result(address.to_owned()));
        Some(Self { subject, model: None, inf_k: None, second: None, words: false, ..self.clone() })
    }

    /// The whole page about what a frame shows: the figure that stands first there.
    #[must_use]
    pub fn of_frame(&self, frame: &Embed) -> Self {
        let figure = if frame.has_heatmap {
            self.figure
        } else if frame.has_trajectory {
            Figure::Path
        } else if frame.has_features {
            Figure::Features
        } else {
            Figure::default()
        };
        Self { figure, ..self.clone() }.to_share()
    }

    /// What links of version 1 leave out.
    pub fn of_version_1() -> Self {
        Self { mode: Mode::Notebook, scale: Scale::Data, quantity: Some(Quantity::TopFeature), ..Self::default() }
    }
}

/// A link as it was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Opened {
    /// What could be read.
    pub view: ViewState,
    /// What could not, a phrase each.
    pub dropped: Vec<String>,
}

/// Whether an address may be fetched from: http, https, or relative to the page.
pub fn is_fetchable(address: &str) -> bool {
    let scheme_end = address.find(':');
    let path_start = address.find(['/', '?', '#']).unwrap_or(address.len());
    let has_scheme = scheme_end.is_some_and(|end| end < path_start);
    let is_web = |scheme: &str| {
        let head = address.get(..scheme.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(scheme)) && address.len() > scheme.len()
    };
    !address.is_empty()
        && address.len() <= 2000
        && !address.chars().any(|c| c.is_control() || c == '\\')
        && address.trim() == address
        && (!has_scheme || is_web("https://") || is_web("http://"))
}
