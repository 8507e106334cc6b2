//! The files inside the binary, put together, hashed and compressed once at start.
//!
//! All files are served below one hash of the whole tree, so that modules can import one another by
//! relative paths and everything is cached for good. In pages `{{static}}` stands for that prefix,
//! and `{{name}}` for the file `partials/name.html`. Partials whose names begin with `google-` are
//! left out where signing in with Google is not set up.
//!
//! Of `static`, a page `name.html` loads two files: its modules as `name/pages/name.js`, with those
//! that come later beside it, and its styles, in the order in which it names them, as
//! `name/page.css`. Both lie as deep as what they were made of, so relative addresses stay right.
use super::bundle::{Bundle, Modules, Unbundled};
use crate::packed::{accepts_gzip, gzip};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use flate2::Compression;
use poem::{
    Request, Response,
    http::{HeaderValue, StatusCode, header},
};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

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
    pub fn load(google: bool) -> Result<Self, Unbundled> {
        let mut pages = read_pages(google);
        let modules: Modules =
            below("static/js/").map(|(name, path)| (name, text(&path))).collect();
        let mut files: BTreeMap<String, Vec<u8>> = below("static/")
            .filter(|(name, _)| !name.starts_with("js/"))
            .map(|(name, path)| (name, slim(&path, content(&path))))
            .collect();
        for (name, html) in &mut pages {
            let page = name.trim_end_matches(".html");
            if let Some(style) = gather_styles(html, page, &files) {
                files.insert(format!("{page}/page.css"), style);
            }
            if let Some(entry) = move_script(html, page) {
                let bundle = Bundle::of(&modules, &entry)?;
                let script = (entry, bundle.script);
                for (path, text) in bundle.later.into_iter().chain([script]) {
                    files.insert(format!("{page}/{path}"), text.into_bytes());
                }
            }
        }
        let hash = tree_hash(&files);
        let prefix = format!("/static/{hash}");
        let pages = pages.into_iter().map(|(name, html)| {
            let html = html.replace("{{static}}", &prefix);
            let file = File::new(&name, html.into_bytes());
            (name, file)
        });
        let files = files.into_iter().map(|(name, content)| {
            let file = File::new(&name, content);
            (name, file)
        });
        Ok(Self { pages: pages.collect(), files: files.collect(), hash })
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
        let gzip = gzip(&content, Compression::best());
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
            match self.gzip.as_ref().filter(|_| accepts_gzip(request.headers())) {
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

fn content(path: &str) -> Cow<'static, [u8]> {
    Embedded::get(path).map_or(Cow::Borrowed(&[][..]), |file| file.data)
}

/// A text, without its comments if it is code.
fn text(path: &str) -> String {
    String::from_utf8_lossy(&slim(path, content(path))).into_owned()
}

/// What is embedded below a folder: each file's path in it, and its whole path.
fn below(folder: &str) -> impl Iterator<Item = (String, String)> {
    Embedded::iter()
        .filter_map(move |path| Some((path.strip_prefix(folder)?.to_owned(), path.into_owned())))
}

/// The pages with their partials in place.
fn read_pages(google: bool) -> BTreeMap<String, String> {
    let partials: Vec<(String, String)> = below("partials/")
        .map(|(name, path)| {
            let shown = google || !name.starts_with("google-");
            let html = if shown { text(&path) } else { String::new() };
            (name.replace(".html", ""), html.trim_end().to_owned())
        })
        .collect();
    let pages = below("pages/").map(|(name, path)| {
        let mut html = text(&path);
        for (partial, content) in &partials {
            html = html.replace(&format!("{{{{{partial}}}}}"), content);
        }
        (name, html)
    });
    pages.collect()
}

/// Has a page load one style instead of those it names, and answers with that one.
fn gather_styles(
    html: &mut String,
    page: &str,
    files: &BTreeMap<String, Vec<u8>>,
) -> Option<Vec<u8>> {
    const LINK: &str = "<link rel=\"stylesheet\" href=\"{{static}}/";
    let mut style = Vec::new();
    let mut lines = Vec::new();
    for line in html.lines() {
        match line.trim().strip_prefix(LINK).and_then(|rest| rest.strip_suffix("\">")) {
            Some(name) => {
                if style.is_empty() {
                    lines.push(format!("  {LINK}{page}/page.css\">"));
                }
                style.extend(files.get(name)?);
            }
            None => lines.push(line.to_owned()),
        }
    }
    *html = lines.join("\n") + "\n";
    (!style.is_empty()).then_some(style)
}

/// Has a page load its script from its own folder, and answers with the module that it begins with.
fn move_script(html: &mut String, page: &str) -> Option<String> {
    const SOURCE: &str = "src=\"{{static}}/";
    let (_, rest) = html.split_once("<script type=\"module\"")?;
    let (_, rest) = rest.split_once(SOURCE)?;
    let entry = rest.split_once('"')?.0.strip_prefix("js/")?.to_owned();
    *html = html.replace(&format!("{SOURCE}js/"), &format!("{SOURCE}{page}/"));
    Some(entry)
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

fn tree_hash(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    for (name, content) in files {
        hash.update(name);
        hash.update([0]);
        hash.update(Sha256::digest(content));
    }
    BASE64.encode(&hash.finalize()[..9])
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

    fn load(google: bool) -> Assets {
        Assets::load(google).expect("every module is understood")
    }

    #[test]
    fn every_page_has_its_file() {
        let assets = load(true);
        for (_, file, _) in super::super::PAGES {
            assert!(assets.page(file).is_some(), "{file}");
        }
        assert!(assets.page("chat.html").is_some());
    }

    #[test]
    fn pages_point_into_the_hashed_tree() {
        let assets = load(false);
        let html = assets.page_text("chat.html");
        assert!(html.contains(&format!("/static/{}/", assets.hash())));
        assert!(!html.contains("{{"), "everything that stands for something is replaced");
    }

    #[test]
    fn a_page_loads_one_script_and_one_style() {
        let assets = load(true);
        for (name, page) in &assets.pages {
            let html = String::from_utf8_lossy(&page.plain);
            let loads = |what: &str| {
                let named: Vec<&str> =
                    html.match_indices(what).map(|(at, _)| &html[at..]).collect();
                assert!(named.len() <= 1, "{name} names more than one {what}");
                named.first().is_some_and(|rest| {
                    let path = rest[what.len()..].split('"').next().expect("an address");
                    let path = path.strip_prefix(&format!("/static/{}/", assets.hash()));
                    assert!(assets.file(path.expect("ours")).is_some(), "{name}: {path:?}");
                    true
                })
            };
            assert!(loads("<link rel=\"stylesheet\" href=\""), "{name}");
            let plain = ["error.html", "not-found.html"].contains(&name.as_str());
            assert_eq!(loads("src=\""), !plain, "{name}");
            assert!(!html.contains("modulepreload"), "{name}: there is one script");
        }
        assert!(!assets.files.keys().any(|path| path.starts_with("js/")), "what no page asks for");
    }

    #[test]
    fn styles_keep_the_order_in_which_a_page_names_them() {
        let files = [("css/a.css", "a{}"), ("css/b.css", "b{}")];
        let files = files.map(|(name, css)| (name.to_owned(), css.as_bytes().to_vec())).into();
        let link = |name: &str| {
            format!("<link rel=\"stylesheet\" href=\"{{{{static}}}}/css/{name}.css\">\n")
        };
        let mut html = format!("<head>\n  {}<title></title>\n{}</head>\n", link("b"), link("a"));
        assert_eq!(gather_styles(&mut html, "p", &files).expect("a style"), b"b{}a{}");
        assert_eq!(
            html,
            "<head>\n  <link rel=\"stylesheet\" href=\"{{static}}/p/page.css\">\n<title></title>\n</head>\n"
        );
    }

    #[test]
    fn what_is_loaded_later_has_its_place_beside_the_script_that_does() {
        let assets = load(true);
        for path in ["chat/views/message-menu.js", "chat/models/emoji.js", "css/emoji-picker.css"] {
            assert!(assets.file(path).is_some(), "{path}");
        }
        for path in ["chat/lib/api.js", "chat/models/chat.js"] {
            assert!(assets.file(path).is_none(), "{path} is in the script");
        }
    }

    #[test]
    fn google_is_offered_where_it_is_set_up_and_nowhere_else() {
        for page in ["login.html", "register.html"] {
            let offers = |google| load(google).page_text(page).contains("/auth/google/");
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
}
