//! A sentence on how an analysis was made, to be pasted into a text.

use lens_analysis::Analysis;

use crate::format::number;

/// The paper whose method this is, as BibTeX.
pub const PAPER: &str = "@misc{lubana2025priors,
  title = {Priors in Time: Missing Inductive Biases for Language Model Interpretability},
  author = {Lubana, Ekdeep Singh and Rager, Can and others},
  year = {2025},
  eprint = {2511.01836},
  archivePrefix = {arXiv},
  url = {https://arxiv.org/abs/2511.01836}
}";

/// Model, layer, SAE, settings, and the numbers that describe the analysis.
pub fn sentence(analysis: &Analysis) -> String {
    let model = &analysis.model;
    let hash: String = model.pack_hash.chars().take(12).collect();
    let kept = match analysis.inf_k {
        Some(k) => format!("with {k} novel codes kept per token (inf_k)"),
        None => "with as many novel codes kept per token as in training".to_owned(),
    };
    let explained = if analysis.variance_explained.is_finite() {
        format!(
            "; the reconstruction explains {} % of the variance of the residual stream",
            number::fixed(100.0 * analysis.variance_explained, 1)
        )
    } else {
        String::new()
    };
    format!(
        "A text of {} tokens was analyzed with Temporal Feature Analysis (Lubana, Rager et al. 2025): the residual stream of {} \
         after layer {} ({} weights) was decomposed by a TemporalSAE of {} features, {kept}{explained}. Temporal Lens, model \
         files {hash}.",
        number::count(analysis.tokens.len() as u64),
        model.name,
        model.layer,
        model.precision,
        number::count(model.width as u64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn the_paper_is_one_entry_of_braces_that_match() {
        assert!(PAPER.starts_with("@misc{") && PAPER.ends_with('}'));
        let depth = PAPER.chars().fold(0i32, |depth, c| depth + i32::from(c == '{') - i32::from(c == '}'));
        assert_eq!(depth, 0);
        assert_eq!(PAPER.matches("2511.01836").count(), 2);
    }

    #[test]
    fn the_sentence_names_model_settings_and_numbers() {
        let mut analysis = example::analysis();
        analysis.variance_explained = 0.9571;
        let said = sentence(&analysis);
        assert!(said.contains(&analysis.model.name) && said.contains("95.7 %"), "{said}");
        assert!(said.contains("as in training"), "{said}");
        analysis.inf_k = Some(7);
        analysis.variance_explained = f32::NAN;
        let said = sentence(&analysis);
        assert!(said.contains("with 7 novel codes") && !said.contains("NaN") && !said.contains("explains"), "{said}");
    }
}
