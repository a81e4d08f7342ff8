//! What is asked of a trajectory.

use lens_analysis::similarity::Source;
use lens_umap::Parameters;

use crate::format::choice::Choice;

/// What made the coordinates: the axes are named after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// UMAP.
    #[default]
    Umap,
    /// Principal components.
    Pca,
}

impl Method {
    /// How the points are to be read.
    pub fn reading(self) -> &'static str {
        match self {
            Self::Umap => "Near points have the same neighbors; the distance between groups means little.",
            Self::Pca => "Distances are those of the directions in which the codes vary most.",
        }
    }

    /// "UMAP 1", as the notebook's axes are titled.
    pub fn axis_title(self, axis: usize) -> String {
        let name = match self {
            Self::Umap => "UMAP",
            Self::Pca => "PC",
        };
        format!("{name} {}", axis + 1)
    }
}

impl Choice for Method {
    const CHOICES: &'static [Self] = &[Self::Umap, Self::Pca];

    fn key(self) -> &'static str {
        match self {
            Self::Umap => "umap",
            Self::Pca => "pca",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Umap => "UMAP",
            Self::Pca => "Principal components",
        }
    }
}

/// Distance between codes that UMAP starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Metric {
    /// The notebook's.
    #[default]
    Euclidean,
    /// 1 - cosine similarity.
    Cosine,
}

impl Choice for Metric {
    const CHOICES: &'static [Self] = &[Self::Euclidean, Self::Cosine];

    fn key(self) -> &'static str {
        match self {
            Self::Euclidean => "euclidean",
            Self::Cosine => "cosine",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Euclidean => "Euclidean",
            Self::Cosine => "Cosine",
        }
    }
}

/// Which tokens become points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Positions {
    /// Every token.
    #[default]
    All,
    /// The notebook's 20, evenly spaced.
    Notebook,
}

impl Choice for Positions {
    const CHOICES: &'static [Self] = &[Self::All, Self::Notebook];

    fn key(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Notebook => "notebook",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Notebook => "The notebook’s 20",
        }
    }
}

/// How many dimensions are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Dimensions {
    /// A plane.
    Two,
    /// Space, as in the notebook.
    #[default]
    Three,
}

impl Dimensions {
    /// 2 or 3.
    pub fn count(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }
}

impl Choice for Dimensions {
    const CHOICES: &'static [Self] = &[Self::Three, Self::Two];

    fn key(self) -> &'static str {
        match self {
            Self::Two => "2d",
            Self::Three => "3d",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Two => "2D",
            Self::Three => "3D",
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrajectorySettings {
    /// What the points are.
    pub source: Source,
    /// How they are laid out.
    pub method: Method,
    /// In how many dimensions.
    pub dimensions: Dimensions,
    /// Which tokens.
    pub positions: Positions,
    /// UMAP's neighbors.
    pub n_neighbors: usize,
    /// UMAP's closest packing.
    pub min_dist: f64,
    /// UMAP's distance.
    pub metric: Metric,
    /// Where UMAP's random numbers start.
    pub seed: u64,
}

impl Default for TrajectorySettings {
    /// The notebook's, of all tokens.
    fn default() -> Self {
        let notebook = Parameters::notebook();
        Self {
            source: Source::default(),
            method: Method::default(),
            dimensions: Dimensions::default(),
            positions: Positions::default(),
            n_neighbors: notebook.n_neighbors,
            min_dist: notebook.min_dist,
            metric: Metric::default(),
            seed: notebook.seed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::choice::tests::keys_come_back;

    #[test]
    fn every_choice_is_found_by_its_key() {
        keys_come_back::<Method>();
        keys_come_back::<Metric>();
        keys_come_back::<Positions>();
        keys_come_back::<Dimensions>();
    }
}
