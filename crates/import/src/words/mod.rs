//! A pack's words: put into a pack that is there, from a vocabulary and the means of a corpus.
//!
//! | file | what it does |
//! |---|---|
//! | [`section`] | the section of a pack in a folder: read, checked, written in place |
//! | [`embedding_rows`] | rows of a pack's embedding, in the bytes that the pack has |
//! | [`word_list`] | a list of words as a text file, and the tokens that they are |
//! | [`means_file`] | the means of a corpus as a file, for other machines |

mod embedding_rows;
mod means_file;
mod section;
mod word_list;

pub use means_file::{read_means, write_means};
pub use section::{WordMeans, WordsSection, write_words};
pub use word_list::{WordList, pieces_of_pack, read_word_list, write_word_list};
