//! For serde's `with`: an analysis in a message, without similarity, Gram matrices and attention. They follow
//! from the buffers that come with it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::analysis::Analysis;
use crate::document::analysis::Written;
use crate::document::fields::AnalysisRead;

/// All but matrices.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(analysis: &Analysis, serializer: S) -> Result<S::Ok, S::Error> {
    Written::header(analysis).serialize(serializer)
}

/// An analysis that has no matrices yet.
///
/// # Errors
/// The deserializer's, or a sentence where fields contradict each other.
pub fn deserialize<'de, D: Deserializer<'de>, A: From<Analysis>>(deserializer: D) -> Result<A, D::Error> {
    let read = AnalysisRead::deserialize(deserializer)?;
    read.checked(true).map(A::from).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn a_header_has_all_but_matrices() {
        #[derive(Serialize, Deserialize)]
        struct Message {
            #[serde(with = "crate::document::header")]
            analysis: Analysis,
        }
        let it = example::analysis();
        let json = serde_json::to_string(&Message { analysis: it.clone() }).unwrap();
        assert!(!json.contains("grams") && !json.contains("\"similarity\""), "{json}");
        let back: Message = serde_json::from_str(&json).unwrap();
        assert_eq!(back.analysis, Analysis { grams: None, ..it });
        let shorter = json.replacen("\"The\",", "", 1);
        let problem = serde_json::from_str::<Message>(&shorter).err().unwrap().to_string();
        assert!(problem.contains("tokens has 4 entries"), "{problem}");
    }
}
