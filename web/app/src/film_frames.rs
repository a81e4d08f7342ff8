//! Frames of the film: a figure that is on the page says how it is drawn at any token, and the film's bar saves that.

use std::rc::Rc;

use lens_session::figure::Figure;
use lens_view::film::Reading;
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::HtmlCanvasElement;

type Draw = Rc<dyn Fn(Reading) -> Result<HtmlCanvasElement, JsValue>>;

/// What the figures of a page have offered: a context of the figures and the bar.
#[derive(Clone, Copy)]
pub struct FilmFrames(StoredValue<Vec<(Figure, Draw)>, LocalStorage>);

impl Default for FilmFrames {
    fn default() -> Self {
        Self(StoredValue::new_local(Vec::new()))
    }
}

impl FilmFrames {
    /// Whether a figure is on the page.
    pub fn has(self, figure: Figure) -> bool {
        self.0.with_value(|all| all.iter().any(|(of, _)| *of == figure))
    }

    /// A frame of a figure.
    ///
    /// # Errors
    /// The browser's, or that the figure is not on the page.
    pub fn draw(self, figure: Figure, reading: Reading) -> Result<HtmlCanvasElement, JsValue> {
        let offered = self.0.with_value(|all| all.iter().find(|(of, _)| *of == figure).map(|(_, draw)| draw.clone()));
        offered.ok_or(JsValue::NULL)?(reading)
    }
}

/// Says how a figure is drawn at a token, as long as the figure is on the page.
pub fn offer(figure: Figure, draw: impl Fn(Reading) -> Result<HtmlCanvasElement, JsValue> + 'static) {
    let Some(FilmFrames(offered)) = use_context::<FilmFrames>() else { return };
    let draw: Draw = Rc::new(draw);
    let mine = Rc::downgrade(&draw);
    offered.update_value(|all| {
        all.retain(|(of, _)| *of != figure);
        all.push((figure, draw));
    });
    let mine = StoredValue::new_local(mine);
    on_cleanup(move || {
        // Another one of the same kind may be there by now.
        let _ = offered.try_update_value(|all| {
            let gone = mine.try_with_value(|it| it.upgrade()).flatten();
            all.retain(|(_, draw)| gone.as_ref().is_none_or(|gone| !Rc::ptr_eq(gone, draw)));
        });
    });
}
