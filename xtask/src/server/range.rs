//! The Range header (RFC 9110, section 14): one range of bytes.

/// The bytes to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// The whole file.
    All,
    /// Some of it.
    Part {
        /// First byte.
        start: u64,
        /// How many, at least one.
        length: u64,
    },
    /// Bytes that the file does not have.
    Nothing,
}

/// Reads a Range header for a file of `bytes` bytes. What is not understood is ignored, as the
/// standard allows; so are several ranges at once, which no part of the page asks for.
pub fn parse(header: &str, bytes: u64) -> ByteRange {
    let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|spec| spec.split_once('-')) else {
        return ByteRange::All;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(start), Ok(end)) if start <= end && start < bytes => {
            ByteRange::Part { start, length: end.min(bytes - 1) - start + 1 }
        }
        (Ok(start), Ok(end)) if start > end => ByteRange::All,
        (Ok(start), Err(_)) if last.trim().is_empty() && start < bytes => {
            ByteRange::Part { start, length: bytes - start }
        }
        (Ok(_), Ok(_)) => ByteRange::Nothing,
        (Ok(_), Err(_)) if last.trim().is_empty() => ByteRange::Nothing,
        (Err(_), Ok(suffix)) if first.trim().is_empty() => match suffix.min(bytes) {
            0 => ByteRange::Nothing,
            length => ByteRange::Part { start: bytes - length, length },
        },
        _ => ByteRange::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_the_standard() {
        let part = |start, length| ByteRange::Part { start, length };
        assert_eq!(parse("bytes=0-0", 10), part(0, 1));
        assert_eq!(parse("bytes=3-", 10), part(3, 7));
        assert_eq!(parse("bytes=3-99", 10), part(3, 7));
        assert_eq!(parse("bytes=-4", 10), part(6, 4));
        assert_eq!(parse("bytes=-40", 10), part(0, 10));
        assert_eq!(parse("bytes=-0", 10), ByteRange::Nothing);
        assert_eq!(parse("bytes=10-", 10), ByteRange::Nothing);
        assert_eq!(parse("bytes=10-12", 10), ByteRange::Nothing);
        assert_eq!(parse("bytes=5-4", 10), ByteRange::All);
        assert_eq!(parse("bytes=0-1,4-5", 10), ByteRange::All);
        assert_eq!(parse("items=0-1", 10), ByteRange::All);
    }
}
