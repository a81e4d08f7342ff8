//! A localhost server for static files: byte ranges, right types, nothing cached unasked.
//!
//! | file | what it is |
//! |---|---|
//! | `mod.rs` | connections, and the answers to requests |
//! | [`options`] | what is served, and where |
//! | [`request`] | the head of an HTTP request |
//! | [`range`] | the Range header |
//! | [`files`] | which file a URL means, its type and its tag |
//!
//! One thread a connection, because browsers open connections ahead of need and keep them: a server
//! with fewer threads than connections stalls.

mod files;
mod options;
mod range;
mod request;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};

pub use options::Options;
use range::ByteRange;
use request::Request;

/// A connection that says nothing for this long is closed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server; it takes no more connections when this is dropped.
pub struct Running {
    /// Where the site is.
    pub url: String,
    address: SocketAddr,
    over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

/// Starts serving in threads of its own.
pub fn start(options: Options) -> Result<Running> {
    let listener = bind(options.port)?;
    let address = listener.local_addr()?;
    let url = format!("http://localhost:{}{}", address.port(), options.prefix);
    let over = Arc::new(AtomicBool::new(false));
    let (options, ending) = (Arc::new(options), Arc::clone(&over));
    let accepting = std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if ending.load(Ordering::Relaxed) {
                return;
            }
            let options = Arc::clone(&options);
            // A browser that closes a connection early is no fault of ours.
            std::thread::spawn(move || drop(converse(stream, &options)));
        }
    });
    Ok(Running { url, address, over, accepting: Some(accepting) })
}

impl Running {
    /// Blocks for as long as the program runs.
    pub fn wait(mut self) {
        if let Some(accepting) = self.accepting.take() {
            // It ends with the program only.
            let _ = accepting.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

/// The port asked for, or one of the next twenty: another copy may be running.
fn bind(port: u16) -> Result<TcpListener> {
    let last = if port == 0 { 0 } else { port.saturating_add(20) };
    (port..=last)
        .find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok())
        .with_context(|| format!("ports {port} to {last} of localhost are all taken; choose one with --port"))
}

/// Answers the requests of one connection, one after another.
fn converse(stream: TcpStream, options: &Options) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(request) = request::read(&mut reader)? {
        let answer = answer(&request, options)?;
        send(&mut writer, &request, answer)?;
        if request.field("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            break;
        }
    }
    Ok(())
}

/// Status, fields, and what follows them.
struct Answer {
    status: &'static str,
    fields: Vec<(&'static str, String)>,
    body: Body,
}

enum Body {
    Text(&'static str),
    Part { file: File, length: u64 },
}

fn answer(request: &Request, options: &Options) -> std::io::Result<Answer> {
    let brief = |status, text| Answer { status, fields: Vec::new(), body: Body::Text(text) };
    // A page elsewhere whose name comes to mean this machine would be of one origin with the site.
    if !request.field("Host").is_none_or(is_this_machine) {
        return Ok(brief("421 Misdirected Request", "this server answers for localhost only"));
    }
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Ok(brief("405 Method Not Allowed", "only GET and HEAD"));
    }
    let Some((path, meta)) = files::find(options, &request.target) else {
        return Ok(brief("404 Not Found", "not found"));
    };
    let bytes = meta.len();
    let tag = files::entity_tag(&meta);
    let mut fields = vec![
        ("Content-Type", files::mime_type(&path).to_owned()),
        // The browser asks each time, and the answer may be that nothing changed.
        ("Cache-Control", "no-cache".to_owned()),
        ("ETag", tag.clone()),
        ("Accept-Ranges", if options.ranges { "bytes" } else { "none" }.to_owned()),
    ];
    if request.field("If-None-Match").is_some_and(|known| known.split(',').any(|known| known.trim() == tag)) {
        return Ok(Answer { status: "304 Not Modified", fields, body: Body::Text("") });
    }
    let unchanged = request.field("If-Range").is_none_or(|known| known == tag);
    let wanted = match request.field("Range") {
        Some(text) if options.ranges && unchanged => range::parse(text, bytes),
        _ => ByteRange::All,
    };
    let (status, start, length) = match wanted {
        ByteRange::All => ("200 OK", 0, bytes),
        ByteRange::Part { start, length } => {
            fields.push(("Content-Range", format!("bytes {start}-{}/{bytes}", start + length - 1)));
            ("206 Partial Content", start, length)
        }
        ByteRange::Nothing => {
            fields.push(("Content-Range", format!("bytes */{bytes}")));
            return Ok(Answer { status: "416 Range Not Satisfiable", fields, body: Body::Text("") });
        }
    };
    let mut file = File::open(&path)?;
    file.seek(SeekFrom::Start(start))?;
    Ok(Answer { status, fields, body: Body::Part { file, length } })
}

/// Whether a Host field names this machine, with a port or without.
fn is_this_machine(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => (address, port),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok());
    let is_local = name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_port && is_local
}

fn send(writer: &mut TcpStream, request: &Request, answer: Answer) -> std::io::Result<()> {
    let length = match &answer.body {
        Body::Text(text) => text.len() as u64,
        Body::Part { length, .. } => *length,
    };
    let mut head = format!("HTTP/1.1 {}\r\nContent-Length: {length}\r\n", answer.status);
    for (name, value) in &answer.fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    writer.write_all(head.as_bytes())?;
    if request.method == "HEAD" {
        return Ok(());
    }
    match answer.body {
        Body::Text(text) => writer.write_all(text.as_bytes()),
        Body::Part { file, length } => {
            let sent = std::io::copy(&mut file.take(length), writer)?;
            if sent == length {
                return Ok(());
            }
            // The file shrank meanwhile: the promised length cannot be kept, so the connection must end.
            Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the file became shorter"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(url: &str, head: &str) -> String {
        let address = url.trim_start_matches("http://").split('/').next().unwrap().replace("localhost", "127.0.0.1");
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    #[test]
    fn connections_that_wait_hold_up_no_others() {
        let site = std::env::temp_dir().join(format!("xtask-idle-{}", std::process::id()));
        std::fs::create_dir_all(&site).unwrap();
        std::fs::write(site.join("a.txt"), "text").unwrap();
        let options =
            Options { port: 0, prefix: "/".into(), ranges: true, folders: vec![(String::new(), site.clone())] };
        let running = start(options).unwrap();
        let idle: Vec<_> = (0..40).map(|_| TcpStream::connect(running.address).unwrap()).collect();
        assert!(ask(&running.url, "GET /a.txt HTTP/1.1").ends_with("text"));
        drop(idle);
        std::fs::remove_dir_all(&site).unwrap();
    }

    #[test]
    fn only_this_machine_is_answered_for() {
        for host in ["localhost", "localhost:8080", "LocalHost:1", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080", "[::1]"]
        {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "example.org",
            "localhost.example.org",
            "localhost:8080.example.org",
            "192.168.1.2:8080",
            "[::2]",
            "0.0.0.0:1",
            "",
            "127.0.0.1.example.org:8080",
            "localhost:x",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
        let site = std::env::temp_dir().join(format!("xtask-host-{}", std::process::id()));
        std::fs::create_dir_all(&site).unwrap();
        std::fs::write(site.join("a.txt"), "text").unwrap();
        let options =
            Options { port: 0, prefix: "/".into(), ranges: true, folders: vec![(String::new(), site.clone())] };
        let running = start(options).unwrap();
        // The first Host field counts.
        let rebound = ask(&running.url, "GET /a.txt HTTP/1.1\r\nHost: example.org:8080");
        assert!(rebound.starts_with("HTTP/1.1 421") && !rebound.ends_with("\r\n\r\ntext"), "{rebound}");
        assert!(ask(&running.url, "GET /a.txt HTTP/1.1").ends_with("text"));
        std::fs::remove_dir_all(&site).unwrap();
    }

    #[test]
    fn serves_ranges_types_and_nothing_outside() {
        let base = std::env::temp_dir().join(format!("xtask-server-{}", std::process::id()));
        let (site, pack) = (base.join("site"), base.join("pack"));
        std::fs::create_dir_all(&site).unwrap();
        std::fs::create_dir_all(&pack).unwrap();
        std::fs::write(base.join("secret.txt"), "secret").unwrap();
        std::fs::write(site.join("index.html"), "<p>hello</p>").unwrap();
        std::fs::write(site.join("a.wasm"), "0123456789").unwrap();
        std::fs::write(pack.join("manifest.json"), "{}").unwrap();
        let options = Options {
            port: 0,
            prefix: "/sub/path/".into(),
            ranges: true,
            folders: vec![(String::new(), site), ("models/x/".into(), pack)],
        };
        let running = start(options.clone()).unwrap();
        let get = |path: &str| ask(&running.url, &format!("GET {path} HTTP/1.1"));

        let page = get("/sub/path/");
        assert!(page.starts_with("HTTP/1.1 200") && page.ends_with("<p>hello</p>"), "{page}");
        assert!(page.contains("text/html; charset=utf-8"));
        let whole = get("/sub/path/a.wasm?v=1");
        assert!(whole.contains("application/wasm") && whole.contains("Content-Length: 10"), "{whole}");
        assert!(get("/sub/path/models/x/manifest.json").contains("application/json"));
        for outside in ["/a.wasm", "/sub/path/../secret.txt", "/sub/path/%2e%2e/secret.txt", "/sub/path/none"] {
            assert!(get(outside).starts_with("HTTP/1.1 404"), "{outside}");
        }
        let part = ask(&running.url, "GET /sub/path/a.wasm HTTP/1.1\r\nRange: bytes=2-4");
        assert!(part.starts_with("HTTP/1.1 206") && part.contains("Content-Range: bytes 2-4/10"), "{part}");
        assert!(part.ends_with("\r\n\r\n234"), "{part}");
        let past = ask(&running.url, "GET /sub/path/a.wasm HTTP/1.1\r\nRange: bytes=10-");
        assert!(past.starts_with("HTTP/1.1 416") && past.contains("bytes */10"), "{past}");
        let head = ask(&running.url, "HEAD /sub/path/a.wasm HTTP/1.1");
        assert!(head.contains("Content-Length: 10") && head.ends_with("\r\n\r\n"), "{head}");
        let tag = whole.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap();
        let again = ask(&running.url, &format!("GET /sub/path/a.wasm HTTP/1.1\r\nIf-None-Match: {tag}"));
        assert!(again.starts_with("HTTP/1.1 304"), "{again}");

        let plain = start(Options { ranges: false, ..options }).unwrap();
        let ignored = ask(&plain.url, "GET /sub/path/a.wasm HTTP/1.1\r\nRange: bytes=2-4");
        assert!(ignored.starts_with("HTTP/1.1 200") && ignored.ends_with("0123456789"), "{ignored}");
        std::fs::remove_dir_all(&base).unwrap();
    }
}
