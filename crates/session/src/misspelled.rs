//! Whether an unknown name was meant as one of ours: parameters that chats, mail programs and hosts append to a link
//! (`fbclid`, `utm_source`, `__theme`) are ignored; a name that is almost one of ours is reported.

/// Names of fewer letters are too much like others to be distinguished from them.
const LETTERS_MIN: usize = 3;
/// Of fewer letters, another letter makes another word: `text` and `test`, `with` and `width`, `shade` and `share`.
const LETTERS_OF_LONG: usize = 6;
/// So many letters may have two mistakes.
const LETTERS_OF_TWO: usize = 8;

/// The name among `names` that `written` is a misspelling of.
pub fn meant<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.trim();
    // No name of ours is so long, however it is misspelled.
    if written.len() > 40 {
        return None;
    }
    let folded: Vec<char> = written.to_lowercase().replace('-', "_").chars().collect();
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        let letters: Vec<char> = name.to_lowercase().chars().collect();
        if folded == letters {
            return Some(name);
        }
        let Some(mistakes) = mistakes(&folded, &letters) else { continue };
        if best.is_none_or(|(fewest, _)| mistakes < fewest) {
            best = Some((mistakes, name));
        }
    }
    best.map(|(_, name)| name)
}

/// Mistakes in `written`, where they are few enough for its length.
fn mistakes(written: &[char], meant: &[char]) -> Option<usize> {
    let fewest_letters = written.len().min(meant.len());
    if fewest_letters < LETTERS_MIN {
        return None;
    }
    let count = distance(written, meant);
    if fewest_letters >= LETTERS_OF_LONG {
        let most = if fewest_letters >= LETTERS_OF_TWO { 2 } else { 1 };
        return (count <= most).then_some(count);
    }
    // A letter left out, two exchanged, or one more at the end.
    let is_slip = match written.len().cmp(&meant.len()) {
        std::cmp::Ordering::Less => true,
        std::cmp::Ordering::Equal => is_exchanged(written, meant),
        std::cmp::Ordering::Greater => written.starts_with(meant),
    };
    (count == 1 && is_slip).then_some(count)
}

fn is_exchanged(written: &[char], meant: &[char]) -> bool {
    let (mut written, mut meant) = (written.to_vec(), meant.to_vec());
    written.sort_unstable();
    meant.sort_unstable();
    written == meant
}

/// Letters left out, added, replaced, or exchanged with their neighbor that make one of the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let columns = b.len() + 1;
    let mut table: Vec<usize> = (0..columns).collect();
    for row in 1..=a.len() {
        table.push(row);
        for column in 1..columns {
            let at = |up: usize, left: usize| table[(row - up) * columns + column - left];
            let replaced = at(1, 1) + usize::from(a[row - 1] != b[column - 1]);
            let mut fewest = replaced.min(at(1, 0) + 1).min(table[row * columns + column - 1] + 1);
            if row > 1 && column > 1 && a[row - 1] == b[column - 2] && a[row - 2] == b[column - 1] {
                fewest = fewest.min(at(2, 2) + 1);
            }
            table.push(fewest);
        }
    }
    table.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KEYS;

    fn of_ours(written: &str) -> Option<&'static str> {
        meant(written, KEYS.iter().map(|key| key.name))
    }

    #[test]
    fn what_is_hung_onto_links_is_not_ours() {
        let foreign = [
            "fbclid",
            "gclid",
            "dclid",
            "gbraid",
            "wbraid",
            "msclkid",
            "yclid",
            "twclid",
            "ttclid",
            "li_fat_id",
            "igshid",
            "igsh",
            "mc_cid",
            "mc_eid",
            "utm_source",
            "utm_medium",
            "utm_campaign",
            "utm_term",
            "utm_content",
            "utm_id",
            "_ga",
            "_gl",
            "_hsenc",
            "_hsmi",
            "hsCtaTracking",
            "__theme",
            "__sign",
            "__hstc",
            "__cf_chl_tk",
            "ref",
            "ref_src",
            "referrer",
            "source",
            "src",
            "si",
            "s",
            "q",
            "id",
            "lang",
            "hl",
            "from",
            "via",
            "share",
            "spm",
            "trk",
            "trackingId",
            "ved",
            "usg",
            "sa",
            "oly_anon_id",
            "vero_id",
            "wickedid",
            "mkt_tok",
            "__s",
            "guccounter",
            "guce_referrer",
            "cmpid",
            "fb_action_ids",
            "context",
            "test",
            "width",
            "height",
            "session",
            "token",
            "key",
            "nocache",
            "_",
            "cb",
            "ts",
            "time",
            "page",
            "sort",
            "pid",
            "tid",
            "bid",
            "amp",
            "m",
            "",
        ];
        let taken: Vec<(&str, &str)> = foreign.iter().filter_map(|name| Some((*name, of_ours(name)?))).collect();
        assert!(taken.is_empty(), "{taken:?}");
        assert_eq!(of_ours(&"text".repeat(1000)), None);
    }

    #[test]
    fn our_misspelled_names_are_ours() {
        for (written, name) in [
            ("Text", "text"),
            ("TEXT", "text"),
            ("texts", "text"),
            ("txt", "text"),
            ("tetx", "text"),
            ("exmaple", "example"),
            ("examples", "example"),
            ("exampel", "example"),
            ("modle", "model"),
            ("modell", "model"),
            ("resutl", "result"),
            ("results", "result"),
            ("infk", "inf_k"),
            ("inf-k", "inf_k"),
            ("INF_K", "inf_k"),
            ("simmatrix", "simMatrix"),
            ("neighbors", "neighbours"),
            ("tcolor", "tcolour"),
            ("min_dist", "mindist"),
            ("embedheatmaps", "embedheatmap"),
            ("embbedtrajectroy", "embedtrajectory"),
            ("pins", "pin"),
            ("atention", "attention"),
            ("word", "words"),
            ("themes", "theme"),
        ] {
            assert_eq!(of_ours(written), Some(name), "{written}");
        }
        // Each of ours of some length with a letter left out, doubled, exchanged or replaced.
        for name in KEYS.iter().map(|key| key.name).filter(|name| name.len() > LETTERS_OF_LONG) {
            for at in 1..name.len() - 1 {
                let (head, tail) = name.split_at(at);
                for written in
                    [format!("{head}{}", &tail[1..]), format!("{head}x{tail}"), format!("{head}x{}", &tail[1..])]
                {
                    assert!(of_ours(&written).is_some(), "{written}");
                }
            }
        }
    }
}
