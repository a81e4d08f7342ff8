//! Pieces by id and ids by piece, without a string of its own for each.

use super::error::TokenizerError;

/// Most ids of a vocabulary: four times Gemma 3's.
pub const PIECES_MAX: usize = 1 << 20;
/// Bytes that all pieces may have together: Gemma 3's have 2.3 million.
pub const TEXT_BYTES_MAX: usize = 64 << 20;

/// Bits of a slot that hold id + 1; those above it hold bits of the hash, which rule out most other
/// pieces without reading them.
const TAG: u32 = 21;

/// Slots looked at for one piece. Half of the table is free, so that real vocabularies need a few
/// tens; one made up to collide is refused instead of searched for minutes.
const PROBES_MAX: usize = 256;

/// A vocabulary. Ids run from 0; an id may have no piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    /// All pieces in the order of their ids.
    text: String,
    /// Where each id's piece ends in `text`; it starts where the one before ends.
    ends: Vec<u32>,
    /// Open addressing with linear probing: id + 1 below [`TAG`] bits of the piece's hash, 0 where
    /// free. Its length is a power of two.
    slots: Vec<u32>,
    /// Bytes of the longest piece.
    longest: usize,
    /// Ids that have a piece.
    pieces: usize,
}

impl Vocabulary {
    /// Builds the tables. `lengths` are bytes in `text` by id; 0 where an id has no piece.
    ///
    /// # Errors
    /// [`TokenizerError`] when the lengths do not fit the text, or a piece appears twice.
    pub fn new(text: String, lengths: &[u32]) -> Result<Self, TokenizerError> {
        if lengths.len() > PIECES_MAX || text.len() > TEXT_BYTES_MAX {
            return Err(TokenizerError::TooLarge {
                ids: lengths.len(),
                ids_max: PIECES_MAX,
                bytes: text.len(),
                bytes_max: TEXT_BYTES_MAX,
            });
        }
        let mut ends = Vec::with_capacity(lengths.len());
        let mut end = 0usize;
        for (id, length) in lengths.iter().enumerate() {
            end = end.saturating_add(*length as usize);
            if !text.is_char_boundary(end) {
                return Err(TokenizerError::Boundary(id));
            }
            ends.push(end as u32);
        }
        if end != text.len() {
            return Err(TokenizerError::Length { pieces: end, text: text.len() });
        }
        let longest = lengths.iter().max().map_or(0, |l| *l as usize);
        let slots = vec![0; (2 * lengths.len()).next_power_of_two().max(2)];
        let mut vocabulary = Self { text, ends, slots, longest, pieces: 0 };
        for id in 0..lengths.len() as u32 {
            vocabulary.index(id)?;
        }
        Ok(vocabulary)
    }

    fn index(&mut self, id: u32) -> Result<(), TokenizerError> {
        let piece = self.bytes(id);
        if piece.is_empty() {
            return Ok(());
        }
        let hash = hash(piece, &[]);
        for at in probes(self.slots.len(), hash) {
            let slot = self.slots[at];
            if slot == 0 {
                self.slots[at] = tag(hash) | (id + 1);
                self.pieces += 1;
                return Ok(());
            }
            let other = id_in(slot);
            if tag(slot) == tag(hash) && self.bytes(other) == piece {
                return Err(TokenizerError::SamePiece(other, id));
            }
        }
        Err(TokenizerError::Collisions(id))
    }

    /// Number of ids, with a piece or without.
    pub fn ids(&self) -> usize {
        self.ends.len()
    }

    /// Number of pieces.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// All pieces, one after the other.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The piece of an id.
    pub fn piece(&self, id: u32) -> Option<&str> {
        let end = *self.ends.get(id as usize)? as usize;
        // Ends are boundaries of characters: `new` checked it.
        self.text.get(self.start(id)..end).filter(|piece| !piece.is_empty())
    }

    /// The id of a piece.
    pub fn id(&self, piece: &str) -> Option<u32> {
        self.find(piece.as_bytes(), &[])
    }

    /// The id of the piece that two ids' pieces make together.
    pub fn joined(&self, left: u32, right: u32) -> Option<u32> {
        self.find(self.bytes(left), self.bytes(right))
    }

    fn find(&self, left: &[u8], right: &[u8]) -> Option<u32> {
        let bytes = left.len() + right.len();
        if bytes > self.longest || bytes == 0 {
            return None;
        }
        let hash = hash(left, right);
        for at in probes(self.slots.len(), hash) {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if tag(slot) == tag(hash) {
                let piece = self.bytes(id_in(slot));
                if piece.len() == bytes && piece.starts_with(left) && piece.ends_with(right) {
                    return Some(id_in(slot));
                }
            }
        }
        None
    }

    fn start(&self, id: u32) -> usize {
        (id as usize).checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize)
    }

    /// Bytes of an id's piece; none for an id without one.
    pub(super) fn bytes(&self, id: u32) -> &[u8] {
        let Some(end) = self.ends.get(id as usize) else { return &[] };
        self.text.as_bytes().get(self.start(id)..*end as usize).unwrap_or_default()
    }
}

/// Hash of `left` followed by `right`.
fn hash(left: &[u8], right: &[u8]) -> u32 {
    // FNV-1a, byte by byte, so that a joined pair hashes as its two parts one after the other.
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = right.iter().fold(left.iter().fold(0xcbf2_9ce4_8422_2325, step), step);
    // The low bits hardly depend on the high bits of the last bytes: mix once more, use the high half.
    ((hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

/// Slots in which to look for a hash. They go by its low bits, the tag is its high ones.
fn probes(slots: usize, hash: u32) -> impl Iterator<Item = usize> {
    (0..PROBES_MAX.min(slots)).map(move |step| (hash as usize + step) & (slots - 1))
}

/// The bits of a slot or hash above its id.
fn tag(slot: u32) -> u32 {
    slot >> TAG << TAG
}

fn id_in(slot: u32) -> u32 {
    (slot & ((1 << TAG) - 1)).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_ids_lead_to_each_other() {
        let vocabulary = Vocabulary::new("abécab".to_owned(), &[1, 1, 2, 0, 1, 2]).unwrap();
        assert_eq!((vocabulary.ids(), vocabulary.pieces()), (6, 5));
        for (id, piece) in ["a", "b", "é", "", "c", "ab"].into_iter().enumerate() {
            let id = id as u32;
            assert_eq!(vocabulary.piece(id).unwrap_or_default(), piece);
            assert_eq!(vocabulary.id(piece), (!piece.is_empty()).then_some(id));
        }
        assert_eq!(vocabulary.joined(0, 1), Some(5));
        assert_eq!(vocabulary.joined(1, 0), None);
        assert_eq!(vocabulary.joined(5, 3), Some(5), "an id without a piece adds nothing");
        assert_eq!((vocabulary.piece(6), vocabulary.joined(6, 7), vocabulary.id("")), (None, None, None));
    }

    #[test]
    fn a_malformed_vocabulary_is_reported_in_a_sentence() {
        let problem = |text: &str, lengths: &[u32]| Vocabulary::new(text.to_owned(), lengths).unwrap_err().to_string();
        assert!(problem("aa", &[1, 1]).contains("same piece"));
        assert!(problem("é", &[1, 1]).contains("inside a character"));
        assert!(problem("ab", &[1]).contains("1 bytes"));
        assert!(problem("ab", &[1, 7]).contains("outside"));
        assert!(problem("ab", &[u32::MAX, u32::MAX]).contains("outside"));
        assert!(problem("", &vec![0; PIECES_MAX + 1]).contains("at most"));
    }
}
