//! The files inside the binary, hashed and compressed once at start.
//!
//! All of `static` is served below one hash of the whole tree, so that modules can import one
//! another by relative paths and everything is cached for good. In pages `{{static}}` stands for
//! that prefix, and `{{name}}` for the file `partials/name.html`. Partials whose names begin with
//! `google-` are left out where signing in with Google is not set up.
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use flate2::{Compression, write::GzEncoder};
use poem::{
    Request, Response,
    http::{HeaderValue, StatusCode, header},
};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::{borrow::Cow, collections::HashMap, io::Write};

#[derive(RustEmbed)]
#[folder = "assets"]
struct Embedded;

/// Pages and static files, ready to be served.
pub struct Assets {
    hash: String,
    pages: HashMap<String, File>,
    files: HashMap<String, File>,
}

/// One file, ready to be served.
pub struct File {
    content_type: &'static str,
    etag: String,
    plain: bytes::Bytes,
    gzip: Option<bytes::Bytes>,
}

impl Assets {
    /// Reads everything that is embedded, with what is shown of Google or without.
    pub fn load(google: bool) -> Self {
        let content =
            |path: &str| Embedded::get(path).map_or(Cow::Borrowed(&[][..]), |file| file.data);
        let mut paths: Vec<String> = Embedded::iter().map(Cow::into_owned).collect();
        paths.sort_unstable();
        let below = |folder: &'static str| {
            paths.iter().filter_map(move |path| Some((path.as_str(), path.strip_prefix(folder)?)))
        };
        let hash = tree_hash(below("static/").map(|(path, name)| (name, content(path))));
        let prefix = format!("/static/{hash}");
        let files = below("static/")
            .map(|(path, name)| (name.to_owned(), File::new(name, slim(name, content(path)))));
        let text = |path: &str| String::from_utf8_lossy(&content(path)).into_owned();
        let partials: Vec<(String, String)> = below("partials/")
            .map(|(path, name)| {
                let shown = google || !name.starts_with("google-");
                let html = if shown { text(path) } else { String::new() };
                (name.replace(".html", ""), html.trim_end().to_owned())
            })
            .collect();
        let pages = below("pages/").map(|(path, name)| {
            let mut html = text(path);
            for (partial, content) in &partials {
                html = html.replace(&format!("{{{{{partial}}}}}"), content);
            }
            let html = html.replace("{{static}}", &prefix);
            (name.to_owned(), File::new(name, html.into_bytes()))
        });
        Self { files: files.collect(), pages: pages.collect(), hash }
    }

    /// The hash of the whole tree.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// A page.
    pub fn page(&self, name: &str) -> Option<&File> {
        self.pages.get(name)
    }

    /// A static file by its path below the prefix.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }

    /// Every static file, compressed ones with a `.gz` beside them, under its path below
    /// `/static/`: for a proxy that serves them itself.
    pub fn list_static(&self) -> impl Iterator<Item = (String, &[u8])> {
        self.files.iter().flat_map(move |(name, file)| {
            let path = format!("{}/{name}", self.hash);
            let gzip = file.gzip.as_deref().map(|gzip| (format!("{path}.gz"), gzip));
            [(path, &*file.plain)].into_iter().chain(gzip)
        })
    }

    /// A page as text.
    pub fn page_text(&self, name: &str) -> String {
        self.page(name)
            .map(|file| String::from_utf8_lossy(&file.plain).into_owned())
            .unwrap_or_default()
    }
}

impl File {
    /// Hashes and compresses a file.
    pub fn new(name: &str, content: Vec<u8>) -> Self {
        let etag = format!("\"{}\"", BASE64.encode(&Sha256::digest(&content)[..12]));
        let gzip = compress(&content).filter(|gzip| gzip.len() < content.len());
        Self {
            content_type: content_type(name),
            etag,
            gzip: gzip.map(Into::into),
            plain: content.into(),
        }
    }

    /// Answers with the file, compressed where that is understood, or with 304.
    pub fn answer(&self, request: &Request, caching: &'static str) -> Response {
        let header = |name| {
            request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        let mut response = if knows(header(header::IF_NONE_MATCH), &self.etag) {
            Response::builder().status(StatusCode::NOT_MODIFIED).finish()
        } else {
            match self.gzip.as_ref().filter(|_| accepts_gzip(header(header::ACCEPT_ENCODING))) {
                Some(gzip) => {
                    Response::builder().header(header::CONTENT_ENCODING, "gzip").body(gzip.clone())
                }
                None => Response::builder().body(self.plain.clone()),
            }
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            headers.insert(header::ETAG, etag);
        }
        response
    }
}

/// Scripts and styles without the comments that stand on lines of their own: a quarter of what a
/// first visit would load. Nothing else is touched, so no parser is needed.
fn slim(name: &str, content: Cow<'static, [u8]>) -> Vec<u8> {
    let has_comments = [".js", ".css"].iter().any(|ending| name.ends_with(ending));
    match str::from_utf8(&content) {
        Ok(text) if has_comments => without_comments(text).into_bytes(),
        _ => content.into_owned(),
    }
}

fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut inside = false;
    for line in text.lines() {
        inside |= line.trim_start().starts_with("/*");
        let rest = match line.split_once("*/") {
            Some((_, rest)) if inside => {
                inside = false;
                rest
            }
            _ if inside || line.trim_start().starts_with("//") => continue,
            _ => line,
        };
        if !rest.trim().is_empty() {
            code.push_str(rest);
            code.push('\n');
        }
    }
    code
}

fn tree_hash<'a>(files: impl Iterator<Item = (&'a str, Cow<'static, [u8]>)>) -> String {
    let mut hash = Sha256::new();
    for (name, content) in files {
        hash.update(name);
        hash.update([0]);
        hash.update(Sha256::digest(&content));
    }
    BASE64.encode(&hash.finalize()[..9])
}

fn compress(content: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).ok()?;
    encoder.finish().ok()
}

fn accepts_gzip(accept_encoding: &str) -> bool {
    accept_encoding.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0"))
    })
}

/// Whether an `If-None-Match` names this version (weak comparison, RFC 9110 §13.1.2).
fn knows(if_none_match: &str, etag: &str) -> bool {
    if_none_match
        .split(',')
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == etag)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_its_file() {
        let assets = Assets::load(true);
        for (_, file, _) in super::super::PAGES {
            assert!(assets.page(file).is_some(), "{file}");
        }
    }

    #[test]
    fn pages_point_into_the_hashed_tree() {
        let assets = Assets::load(false);
        let html = assets.page_text("chat.html");
        assert!(html.contains(&format!("/static/{}/", assets.hash())));
        assert!(!html.contains("{{"), "everything that stands for something is replaced");
    }

    #[test]
    fn google_is_offered_where_it_is_set_up_and_nowhere_else() {
        for page in ["login.html", "register.html"] {
            let offers = |google| Assets::load(google).page_text(page).contains("/auth/google/");
            assert!(offers(true) && !offers(false), "{page}");
        }
    }

    #[test]
    fn comments_on_lines_of_their_own_stay_at_home() {
        let script =
            "/** Says it.\n * @param x\n */\nf(1); // said\n  // no\n/* a */ g('//x');\n\nh`/*`;\n";
        assert_eq!(without_comments(script), "f(1); // said\n g('//x');\nh`/*`;\n");
    }

    #[test]
    fn a_known_version_is_not_sent_again() {
        assert!(knows("\"a\", W/\"b\"", "\"b\""));
        assert!(knows("*", "\"b\""));
        assert!(!knows("\"a\"", "\"b\""));
        assert!(!knows("", "\"b\""));
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        assert!(accepts_gzip("br, gzip;q=0.8"));
        assert!(!accepts_gzip("gzip;q=0, br"));
        assert!(!accepts_gzip(""));
    }
}
