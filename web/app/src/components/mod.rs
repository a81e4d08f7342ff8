//! The page's parts, one a file. Each takes the shared state and draws what a view model says.
//!
//! | file | what it is |
//! |---|---|
//! | [`workspace`] | the page's zones |
//! | [`header`] | the line at the top: title, example, own text, sharing, menu |
//! | [`examples`] | the precomputed examples to start from |
//! | [`text_zone`] | the left zone: the text, or the box in which one types |
//! | [`composer`] | the text box and its controls |
//! | [`progress_bar`], [`problem`] | a request's progress; what went wrong, with a way on |
//! | [`link_note`], [`update_note`] | notes: about the link that opened the page, about a newer version of it |
//! | [`token_strip`], [`token_text`] | the text as shaded tokens; a token as it is read |
//! | [`lede`] | the claim about the shown text |
//! | [`words`] | scenes in words |
//! | [`figure_zone`], [`tabs`] | the right zone: one figure, chosen by a tab |
//! | [`heatmap`], [`heatmap_bar`], [`heatmap_stage`] | the similarity matrix, its choices, what both share |
//! | [`similarity_table`] | the matrix as a table |
//! | [`trajectory`], [`trajectory_bar`], [`trajectory_stage`] | the path, its choices, what both share |
//! | [`feature_map`] | the strongest novel features against the tokens |
//! | [`attention`] | the SAE's attention |
//! | [`compare`] | two texts side by side |
//! | [`statistics`] | the numbers of the text, and what made the result |
//! | [`selection_panel`] | the selected spans and how alike they are |
//! | [`film`], [`film_export`] | the reading as a film; the film as a file |
//! | [`inspector`] | the lower zone: the word in focus |
//! | [`feature_list`], [`feature_card`] | the features of a token; one feature's card |
//! | [`neuronpedia`] | Neuronpedia's pages of a feature and of the text |
//! | [`export_panel`], [`save_figure`], [`share`] | what can be saved: everything, one figure, a link |
//! | [`library`], [`model_files`] | the packs that the page knows; the model's files in this browser |
//! | [`cite`] | the paper to cite |
//! | [`help`] | the help sheet |
//! | [`embedded`] | the page inside another page |
//! | [`gear`], [`picker`], [`sheet`] | parts of parts: settings behind a button, a labeled menu, a sheet |

pub mod attention;
pub mod cite;
pub mod compare;
pub mod composer;
pub mod embedded;
pub mod examples;
pub mod export_panel;
pub mod feature_card;
pub mod feature_list;
pub mod feature_map;
pub mod figure_zone;
pub mod film;
pub mod film_export;
pub mod gear;
pub mod header;
pub mod heatmap;
pub mod heatmap_bar;
pub mod heatmap_stage;
pub mod help;
pub mod inspector;
pub mod lede;
pub mod library;
pub mod link_note;
pub mod model_files;
pub mod neuronpedia;
pub mod picker;
pub mod problem;
pub mod progress_bar;
pub mod save_figure;
pub mod selection_panel;
pub mod share;
pub mod sheet;
pub mod similarity_table;
pub mod statistics;
pub mod tabs;
pub mod text_zone;
pub mod token_strip;
pub mod token_text;
pub mod trajectory;
pub mod trajectory_bar;
pub mod trajectory_stage;
pub mod update_note;
pub mod words;
pub mod workspace;
