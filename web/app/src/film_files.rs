//! The film as files: recorded as WebM, and as numbered pictures in one archive.

use lens_session::figure::Figure;
use lens_view::export::zip::Archive;
use lens_view::film::{Film, Reading, Speed};
use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobEvent, BlobPropertyBag, HtmlCanvasElement, MediaRecorder, MediaRecorderOptions};

use crate::canvas;
use crate::environment;
use crate::film_frames::FilmFrames;

/// What the film is recorded as.
const WEBM: &str = "video/webm";
/// Pictures per second of a recording, at most: encoding takes time, too.
const FRAMES_PER_SECOND: i32 = 30;
/// How long a recording stays at its last picture, in milliseconds.
const LAST_MS: f64 = 1000.0;

/// A film that is being saved.
#[derive(Clone, Copy)]
pub struct Saving {
    /// Which figure it shows.
    pub figure: Figure,
    /// What draws it.
    pub frames: FilmFrames,
    /// Tokens of its text.
    pub tokens: usize,
    /// Words done; none once it is saved or given up.
    pub done: RwSignal<Option<usize>>,
    /// Whether it is to be given up.
    pub is_canceled: RwSignal<bool>,
}

impl Saving {
    fn draw(self, reading: Reading) -> Result<HtmlCanvasElement, JsValue> {
        self.frames.draw(self.figure, reading)
    }

    /// Whether the visitor has given it up, or has left the figure.
    fn is_over(self) -> bool {
        self.is_canceled.try_get_untracked() != Some(false)
    }

    fn say(self, done: Option<usize>) {
        let _ = self.done.try_set(done);
    }
}

/// Whether this browser records WebM.
pub fn can_record() -> bool {
    let has_recorder =
        js_sys::Reflect::get(&js_sys::global(), &"MediaRecorder".into()).is_ok_and(|it| it.is_function());
    has_recorder && MediaRecorder::is_type_supported(WEBM)
}

/// Every picture, each numbered by its token, in one archive; none where it was given up.
///
/// # Errors
/// The browser's, or that there are too many.
pub async fn sequence(saving: Saving) -> Result<Option<Blob>, JsValue> {
    let (mut archive, parts) = (Archive::default(), js_sys::Array::new());
    let too_large = |error: lens_view::export::zip::ArchiveError| JsValue::from(error.to_string());
    for position in 0..saving.tokens {
        if saving.is_over() {
            return Ok(None);
        }
        saving.say(Some(position));
        let picture = canvas::png(&saving.draw(Reading { position, progress: 0.0 })?).await?;
        let bytes = js_sys::Uint8Array::new(&JsFuture::from(picture.array_buffer()).await?).to_vec();
        let head = archive.add(&format!("temporal-lens-{position:04}.png"), &bytes).map_err(too_large)?;
        parts.push(&js_sys::Uint8Array::from(head.as_slice()));
        parts.push(&picture);
    }
    parts.push(&js_sys::Uint8Array::from(archive.directory().map_err(too_large)?.as_slice()));
    blob(&parts, "application/zip").map(Some)
}

fn blob(parts: &js_sys::Array, mime: &str) -> Result<Blob, JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(mime);
    Blob::new_with_blob_sequence_and_options(parts, &options)
}

/// Plays the film at a speed on a canvas of its own and records that; none where it was given up.
///
/// # Errors
/// The browser's.
pub async fn recording(saving: Saving, speed: Speed) -> Result<Option<Blob>, JsValue> {
    let mut film = Film::new(saving.tokens);
    film.speed = speed;
    film.toggle();
    let screen = Screen::new(saving)?;
    screen.show(film.reading())?;
    let stream = screen.canvas.capture_stream_with_frame_request_rate(FRAMES_PER_SECOND.into())?;
    let options = MediaRecorderOptions::new();
    options.set_mime_type(WEBM);
    let recorder = MediaRecorder::new_with_media_stream_and_media_recorder_options(&stream, &options)?;
    let parts = js_sys::Array::new();
    let kept = parts.clone();
    let on_data = Closure::<dyn FnMut(BlobEvent)>::new(move |event: BlobEvent| {
        if let Some(part) = event.data() {
            kept.push(&part);
        }
    });
    recorder.set_ondataavailable(Some(on_data.as_ref().unchecked_ref()));
    let stopped = js_sys::Promise::new(&mut |resolve, reject| {
        recorder.set_onstop(Some(&resolve));
        recorder.set_onerror(Some(&reject));
    });
    recorder.start()?;
    let played = play(&screen, film).await;
    // A recorder that stopped by itself has said so already.
    let _ = recorder.stop();
    JsFuture::from(stopped).await?;
    drop(on_data);
    if played? { blob(&parts, WEBM).map(Some) } else { Ok(None) }
}

/// Shows the film from picture to picture; whether it came to its end.
async fn play(screen: &Screen, mut film: Film) -> Result<bool, JsValue> {
    let saving = screen.saving;
    let begun = environment::now();
    let (mut before, mut drawn_at, mut drawn) = (begun, begun, film.reading());
    let mut end = None;
    while end.is_none_or(|end| before < end) {
        next_frame().await;
        if saving.is_over() {
            return Ok(false);
        }
        let now = environment::now();
        if end.is_none() && !film.tick(now - before) {
            end = Some(now + LAST_MS);
        }
        before = now;
        // The matrix changes with the words alone, the path between them.
        let is_path = saving.figure == Figure::Path;
        let progress = if is_path { film.progress() } else { 0.0 };
        let reading = Reading { position: film.position(), progress };
        if reading != drawn && now - drawn_at >= 900.0 / f64::from(FRAMES_PER_SECOND) {
            saving.say(Some(reading.position));
            screen.show(reading)?;
            (drawn, drawn_at) = (reading, now);
        }
    }
    Ok(true)
}

/// What is recorded: half the size of the saved pictures, in even numbers of pixels, as encoders want them.
struct Screen {
    saving: Saving,
    canvas: HtmlCanvasElement,
}

impl Screen {
    fn new(saving: Saving) -> Result<Self, JsValue> {
        let first = saving.draw(Reading { position: 0, progress: 0.0 })?;
        let canvas = canvas::new_canvas()?;
        canvas.set_width(first.width() / 4 * 2);
        canvas.set_height(first.height() / 4 * 2);
        // A canvas without a context has nothing to record.
        canvas::context(&canvas)?;
        Ok(Self { saving, canvas })
    }

    fn show(&self, reading: Reading) -> Result<(), JsValue> {
        let picture = self.saving.draw(reading)?;
        let (width, height) = (f64::from(self.canvas.width()), f64::from(self.canvas.height()));
        canvas::context(&self.canvas)?
            .draw_image_with_html_canvas_element_and_dw_and_dh(&picture, 0.0, 0.0, width, height)
    }
}

/// Until the browser draws its next frame.
async fn next_frame() {
    let drawn = js_sys::Promise::new(&mut |resolve, _| {
        request_animation_frame(move || {
            let _ = resolve.call0(&JsValue::NULL);
        });
    });
    let _ = JsFuture::from(drawn).await;
}
