//! Where people want to go once they are signed in: only ever a place of ours.

/// A path of our own, with its query and fragment: visible ASCII, one slash in front, and neither
/// dots nor doubled slashes that could make it another place once somebody tidies it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnPath(String);

impl ReturnPath {
    /// Longest, in bytes.
    pub const MAX: usize = 1024;

    /// Reads a path; `None` if it could lead anywhere else.
    pub fn parse(text: &str) -> Option<Self> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if !visible || text.len() > Self::MAX {
            return None;
        }
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let segments = path.strip_prefix('/')?.split('/');
        let last = segments.clone().count() - 1;
        let mut segments = segments.enumerate();
        let plain =
            segments.all(|(n, segment)| (n == last || !segment.is_empty()) && !dots(segment));
        plain.then(|| Self(text.to_owned()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a segment means the folder itself or the one above (WHATWG URL, section 4.1).
fn dots(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_paths_are_kept_as_they_are() {
        for path in ["/", "/chat/", "/chat/room/1a/?x=//y&z=..#..//", "/a.b/..c/%2f"] {
            assert_eq!(ReturnPath::parse(path).as_ref().map(ReturnPath::as_str), Some(path));
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_path() {
        for path in [
            "",
            "chat/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/",
            "https:evil.example",
            "javascript:alert(1)",
            "/..//evil.example",
            "/a/..//evil.example",
            "/./chat/",
            "/%2e%2E//evil.example",
            "/a//b",
            "/\t/evil.example",
            "/\n/evil.example",
            " /chat/",
            "/chat/\r\nSet-Cookie: x=y",
            "/ä",
            "/a b",
        ] {
            assert_eq!(ReturnPath::parse(path), None, "{path:?}");
        }
        assert_eq!(ReturnPath::parse(&format!("/{}", "x".repeat(1024))), None);
    }
}
