//! The head of an HTTP/1.1 request.

use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// Longest head that is read; a browser's has about one kilobyte.
const HEAD_BYTES_MAX: u64 = 64 << 10;

/// What is asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// e.g. "GET".
    pub method: String,
    /// Path and query.
    pub target: String,
    fields: Vec<(String, String)>,
}

impl Request {
    /// A field's value; names know no case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The next request; none when the connection ends before one. Bodies are not read: GET and HEAD have none.
pub fn read(reader: &mut impl BufRead) -> Result<Option<Request>> {
    let bad = || Error::new(ErrorKind::InvalidData, "not a request");
    let mut limited = reader.take(HEAD_BYTES_MAX);
    let mut line = String::new();
    if limited.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err(bad()) };
    let mut request = Request { method: method.to_owned(), target: target.to_owned(), fields: Vec::new() };
    loop {
        line.clear();
        if limited.read_line(&mut line)? == 0 {
            return Err(bad());
        }
        let text = line.trim();
        if text.is_empty() {
            return Ok(Some(request));
        }
        let (name, value) = text.split_once(':').ok_or_else(bad)?;
        request.fields.push((name.trim().to_owned(), value.trim().to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_one_after_another() {
        let mut bytes = "GET /a?b HTTP/1.1\r\nHost: x\r\nrange:  bytes=0-1 \r\n\r\nHEAD / HTTP/1.1\r\n\r\n".as_bytes();
        let first = read(&mut bytes).unwrap().unwrap();
        assert_eq!((first.method.as_str(), first.target.as_str()), ("GET", "/a?b"));
        assert_eq!(first.field("Range"), Some("bytes=0-1"));
        assert_eq!(read(&mut bytes).unwrap().unwrap().method, "HEAD");
        assert_eq!(read(&mut bytes).unwrap(), None);
        assert!(read(&mut "GET\r\n\r\n".as_bytes()).is_err());
        assert!(read(&mut "GET / HTTP/1.1\r\nHost: x\r\n".as_bytes()).is_err());
    }
}
