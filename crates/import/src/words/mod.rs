//! A pack's words: put into a pack that is there, from a vocabulary and the means of a corpus.
//!
//! | file | what it does |
//! |---|---|
//! | [`section`] | the section of a pack in a folder: read, checked, written in place |
//! | [`embedding_rows`] | rows of a pack's embedding, in the bytes that the pack has |
//! | [`word_list`] | a list of words as a text file, and the tokens that they are |
//! | [`piece_list`] | a list of pieces that are not words as a text file |
//! | [`means_file`], [`lens_file`] | the means of a corpus and a fitted lens as files, for other machines |
//! | [`tensor_file`] | what both are: a safetensors file that names its pack |

mod embedding_rows;
mod lens_file;
mod means_file;
mod piece_list;
mod section;
mod tensor_file;
mod word_list;

pub use lens_file::{read_lens, write_lens};
pub use means_file::{read_means, write_means};
pub use piece_list::{read_piece_list, write_piece_list};
pub use section::{FittedLens, WordMeans, WordsSection, read_words, write_words};
pub use word_list::{WordList, pieces_of_pack, read_word_list, write_word_list};
