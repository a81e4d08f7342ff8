//! A localhost server for static files: byte ranges, right types, nothing cached unasked.

mod files;
mod range;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use tiny_http::{Header, Method, Request, Response, Server, StatusCode};

use range::Wanted;

/// Threads that answer: a browser opens six connections, a page and its worker share them.
const THREADS: usize = 8;

/// What to serve, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port on localhost; 0 lets the system choose.
    pub port: u16,
    /// Path under which the site lies, with both slashes: "/" or "/sub/path/".
    pub prefix: String,
    /// Whether byte ranges are answered; some static hosts do not.
    pub ranges: bool,
    /// Folders by the path below the prefix ("" is the site); the longest path that fits serves.
    pub folders: Vec<(String, PathBuf)>,
}

/// A server that runs until the program ends.
pub struct Running {
    /// Where the site is.
    pub url: String,
    server: Arc<Server>,
}

/// Starts serving in threads of its own.
pub fn start(options: Options) -> Result<Running> {
    let listener = bind(options.port)?;
    let server = Server::from_listener(listener, None).map_err(|e| anyhow!("cannot serve: {e}"))?;
    let port = server.server_addr().to_ip().context("the server has no address")?.port();
    let url = format!("http://localhost:{port}{}", options.prefix);
    let (server, options) = (Arc::new(server), Arc::new(options));
    for _ in 0..THREADS {
        let (server, options) = (Arc::clone(&server), Arc::clone(&options));
        std::thread::spawn(move || {
            while let Ok(request) = server.recv() {
                // A browser that closes the connection early is no fault of ours.
                let _ = answer(request, &options);
            }
        });
    }
    Ok(Running { url, server })
}

impl Running {
    /// Blocks for as long as the program runs.
    pub fn wait(&self) {
        loop {
            std::thread::park();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for _ in 0..THREADS {
            self.server.unblock();
        }
    }
}

/// The port asked for, or one of the next twenty: another copy may be running.
fn bind(port: u16) -> Result<TcpListener> {
    let last = if port == 0 { 0 } else { port.saturating_add(20) };
    (port..=last)
        .find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok())
        .with_context(|| format!("ports {port} to {last} of localhost are all taken; choose one with --port"))
}

fn answer(request: Request, options: &Options) -> std::io::Result<()> {
    if !matches!(request.method(), Method::Get | Method::Head) {
        return request.respond(Response::from_string("only GET and HEAD").with_status_code(405));
    }
    let Some((path, meta)) = files::find(options, request.url()) else {
        return request.respond(Response::from_string("not found").with_status_code(404));
    };
    let bytes = meta.len();
    let tag = files::entity_tag(&meta);
    let mut headers = vec![
        header("Content-Type", files::mime_type(&path)),
        // Asks again each time, but may be told that nothing changed.
        header("Cache-Control", "no-cache"),
        header("ETag", &tag),
        header("Accept-Ranges", if options.ranges { "bytes" } else { "none" }),
    ];
    if field(&request, "If-None-Match").is_some_and(|known| known.split(',').any(|known| known.trim() == tag)) {
        return request.respond(Response::new(StatusCode(304), headers, std::io::empty(), Some(0), None));
    }
    let unchanged = field(&request, "If-Range").is_none_or(|known| known == tag);
    let wanted = match field(&request, "Range") {
        Some(text) if options.ranges && unchanged => range::parse(&text, bytes),
        _ => Wanted::All,
    };
    let (status, start, length) = match wanted {
        Wanted::All => (200, 0, bytes),
        Wanted::Part { start, length } => {
            headers.push(header("Content-Range", &format!("bytes {start}-{}/{bytes}", start + length - 1)));
            (206, start, length)
        }
        Wanted::Nothing => {
            headers.push(header("Content-Range", &format!("bytes */{bytes}")));
            return request.respond(Response::new(StatusCode(416), headers, std::io::empty(), Some(0), None));
        }
    };
    let mut file = File::open(&path)?;
    file.seek(SeekFrom::Start(start))?;
    let length_known = usize::try_from(length).ok();
    // Chunked answers have no length, and the progress bar needs one.
    let response = Response::new(StatusCode(status), headers, file.take(length), length_known, None)
        .with_chunked_threshold(usize::MAX);
    request.respond(response)
}

fn field(request: &Request, name: &str) -> Option<String> {
    let found = request.headers().iter().find(|h| h.field.as_str().as_str().eq_ignore_ascii_case(name))?;
    Some(found.value.as_str().to_owned())
}

fn header(name: &str, value: &str) -> Header {
    // Names and values are ours and plain ASCII; an empty header is what is left if that were ever wrong.
    Header::from_bytes(name, value).unwrap_or_else(|()| Header {
        field: "X-Ignored".parse().unwrap_or_else(|()| unreachable!("a plain header name")),
        value: Default::default(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;

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
