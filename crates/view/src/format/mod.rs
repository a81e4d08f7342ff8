//! Values as text: what people read, and what files and addresses carry.
//!
//! | file | what it is |
//! |---|---|
//! | [`choice`] | what a menu offers: keys and labels |
//! | [`estimate`] | how many tokens a text has, before its tokenizer is here |
//! | [`markup`] | text inside HTML and XML |
//! | [`methods`] | a sentence on how an analysis was made |
//! | [`neuronpedia`] | addresses of Neuronpedia's pages |
//! | [`number`] | numbers as people read them |
//! | [`percent`] | text inside addresses |
//! | [`progress`] | one bar over all stages, with bytes |
//! | [`scene`] | the events of a text under the names a reader sees |
//! | [`token`] | tokens with their white space made visible |

pub mod choice;
pub mod estimate;
pub mod markup;
pub mod methods;
pub mod neuronpedia;
pub mod number;
pub mod percent;
pub mod progress;
pub mod scene;
pub mod token;
