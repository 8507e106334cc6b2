//! Usernames: the public name by which people find one another.
use crate::email::Email;

/// A public name: 2 to 32 ASCII letters, digits, `_`, `.` and `-`, beginning and ending with a
/// letter or digit and without two marks in a row. Shown as typed, compared without case.
#[derive(Clone, Debug)]
pub struct Username(String);

/// Why a text can't be a username.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsername {
    /// Shorter than 2 or longer than 32 characters.
    #[error("a username has {} to {} characters", Username::MIN, Username::MAX)]
    Length,
    /// A character outside of the set; Unicode look-alikes end here.
    #[error("a username has only the letters a to z, digits, and _ . -")]
    Character,
    /// A mark at an end, or two in a row.
    #[error("a username begins and ends with a letter or digit and has no two marks in a row")]
    Marks,
}

/// Names that would pass for the operator's.
const RESERVED: [&str; 12] = [
    "admin",
    "administrator",
    "deleted",
    "everyone",
    "help",
    "me",
    "moderator",
    "root",
    "security",
    "sotto",
    "support",
    "system",
];

impl Username {
    /// Fewest characters.
    pub const MIN: usize = 2;
    /// Most characters.
    pub const MAX: usize = 32;

    /// Reads a username as somebody typed it; white space around it is cut.
    pub fn parse(raw: &str) -> Result<Self, InvalidUsername> {
        let name = raw.trim();
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || is_mark(c)) {
            return Err(InvalidUsername::Character);
        }
        if !(Self::MIN..=Self::MAX).contains(&name.len()) {
            return Err(InvalidUsername::Length);
        }
        if name.split(is_mark).any(str::is_empty) {
            return Err(InvalidUsername::Marks);
        }
        Ok(Self(name.to_owned()))
    }

    /// Names for somebody of whom only an address is known: what stands before the `@` there, as far
    /// as it fits, then the same with a number behind it, and at last with numbers that nobody else
    /// is likely to have. None is reserved; any may be taken.
    pub fn suggest(email: &Email, random: [u8; 16]) -> Vec<Self> {
        let base = base_of(email.local_part());
        let numbers = (2..=9).map(|n| n.to_string());
        let random = random.chunks(4).map(|chunk| {
            let number = chunk.iter().fold(0u32, |n, byte| n << 8 | u32::from(*byte));
            format!("{:06}", number % 1_000_000)
        });
        let endings = std::iter::once(String::new()).chain(numbers).chain(random);
        let names = endings.filter_map(|ending| {
            let room = Self::MAX - ending.len();
            let begin = base.get(..room).unwrap_or(&base).trim_end_matches(is_mark);
            Self::parse(&format!("{begin}{ending}")).ok()
        });
        names.filter(|name| !name.is_reserved()).collect()
    }

    /// As its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What look-ups go by: the name in lower case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// What uniqueness goes by: two names that a reader could take for one another (`Bill` and
    /// `BiII`, `nora` and `n0ra`) have the same skeleton. After Unicode UTS #39, within ASCII.
    pub fn skeleton(&self) -> String {
        let fold = |c: char| match c {
            '0' => 'o',
            '1' | 'i' => 'l',
            other => other,
        };
        self.key().chars().map(fold).collect()
    }

    /// Whether the public sign-up keeps this name back.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.key().as_str())
    }
}

impl PartialEq for Username {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for Username {}

/// The beginning of names made from what stands before the `@` of an address.
fn base_of(local_part: &str) -> String {
    // What follows a plus sorts somebody's mail.
    let name = local_part.split('+').next().unwrap_or_default();
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric() && !is_mark(c));
    let mut base = String::new();
    for c in parts.collect::<Vec<_>>().join(".").chars() {
        if !is_mark(c) || !base.is_empty() && !base.ends_with(is_mark) {
            base.push(c);
        }
    }
    let base = base.trim_end_matches(is_mark);
    if base.is_empty() { "person".to_owned() } else { base.to_owned() }
}

fn is_mark(c: char) -> bool {
    matches!(c, '_' | '.' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_kept_but_does_not_count() {
        let ann = Username::parse(" Ann.B ").expect("valid");
        assert_eq!(ann.as_str(), "Ann.B");
        assert_eq!(ann, Username::parse("ann.b").expect("valid"));
    }

    #[test]
    fn foreign_look_alikes_are_refused() {
        for name in ["аnn", "ann\u{200b}", "ａnn", "ann!", "a b", "ann\u{202e}"] {
            assert_eq!(Username::parse(name).err(), Some(InvalidUsername::Character), "{name:?}");
        }
    }

    #[test]
    fn marks_stand_alone_and_inside() {
        for name in [".ann", "ann-", "a__b", "a.-b", "--"] {
            assert_eq!(Username::parse(name).err(), Some(InvalidUsername::Marks), "{name}");
        }
    }

    #[test]
    fn length_has_bounds() {
        assert_eq!(Username::parse("a").err(), Some(InvalidUsername::Length));
        assert!(Username::parse(&"a".repeat(32)).is_ok());
        assert_eq!(Username::parse(&"a".repeat(33)).err(), Some(InvalidUsername::Length));
    }

    #[test]
    fn names_that_read_alike_share_a_skeleton() {
        let skeleton = |name| Username::parse(name).expect("valid").skeleton();
        assert_eq!(skeleton("Bill"), skeleton("BiII"));
        assert_eq!(skeleton("n0ra"), skeleton("Nora"));
        assert_ne!(skeleton("nora"), skeleton("nova"));
    }

    fn suggested(address: &str) -> Vec<String> {
        let email = Email::parse(address).expect("an address");
        let names = Username::suggest(&email, [7; 16]);
        assert!(names.iter().all(|name| !name.is_reserved()));
        names.into_iter().map(|name| name.0).collect()
    }

    #[test]
    fn names_are_suggested_after_an_address() {
        for (address, first) in [
            ("Ann.Baker@example.com", "ann.baker"),
            ("ann+news@example.com", "ann"),
            ("ann__b@example.com", "ann_b"),
            ("o'neill@example.com", "o.neill"),
            ("_ann_@example.com", "ann"),
            ("a@example.com", "a2"),
            ("admin@example.com", "admin2"),
            ("+x@example.com", "person"),
            ("_@example.com", "person"),
        ] {
            assert_eq!(suggested(address)[0], first, "{address}");
        }
    }

    #[test]
    fn further_names_are_numbered_and_shortened_where_they_must() {
        let names = suggested("ann@example.com");
        assert_eq!(names.len(), 13);
        assert_eq!(names[..3], ["ann", "ann2", "ann3"]);
        assert!(names[9..].iter().all(|name| name.len() == 9), "{names:?}");
        let long = suggested(&format!("{}.{}@example.com", "x".repeat(30), "y".repeat(20)));
        assert_eq!(long[0], format!("{}.y", "x".repeat(30)));
        assert_eq!(long[1], format!("{}2", "x".repeat(30)));
        assert!(long.iter().all(|name| name.len() <= Username::MAX), "{long:?}");
    }
}
