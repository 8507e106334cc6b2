//! Looking for words in what was written.
use crate::message::MessageBody;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// What somebody looks for: a piece of text, as it is compared.
#[derive(Clone, PartialEq, Eq)]
pub struct SearchTerm(String);

/// Why there is nothing to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTerm {
    /// Nothing but white space or accents.
    #[error("type what to look for")]
    Empty,
    /// Over 200 Unicode scalar values.
    #[error("what is looked for has at most {} characters", SearchTerm::MAX)]
    TooLong,
}

impl SearchTerm {
    /// Most Unicode scalar values.
    pub const MAX: usize = 200;

    /// Reads what somebody typed; white space at both ends is cut.
    pub fn parse(raw: &str) -> Result<Self, InvalidTerm> {
        let raw = raw.trim();
        if raw.chars().count() > Self::MAX {
            return Err(InvalidTerm::TooLong);
        }
        let mut folded = String::new();
        fold(raw, &mut folded);
        if folded.is_empty() {
            return Err(InvalidTerm::Empty);
        }
        Ok(Self(folded))
    }

    /// Whether a text has it somewhere, whatever the case and the accents. `folded` is but room to
    /// work in.
    pub fn is_in(&self, body: &MessageBody, folded: &mut String) -> bool {
        folded.clear();
        fold(body.as_str(), folded);
        folded.contains(&self.0)
    }
}

/// Like what it is looked for in, it is not for logs.
impl std::fmt::Debug for SearchTerm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SearchTerm(…)")
    }
}

/// A text as it is compared: without compatibility forms (NFKC), in lower case, and without the
/// accents of alphabets. White space is one space.
fn fold(text: &str, folded: &mut String) {
    let mut spaced = false;
    let mut put = |c: char| {
        if c.is_whitespace() {
            spaced = true;
            return;
        }
        if std::mem::take(&mut spaced) {
            folded.push(' ');
        }
        folded.push(c);
    };
    if text.is_ascii() {
        text.chars().for_each(|c| put(c.to_ascii_lowercase()));
        return;
    }
    for c in text.nfkd().filter(|c| !is_accent(*c)).nfc() {
        match c {
            'ß' | 'ẞ' => "ss".chars().for_each(&mut put),
            'ς' => put('σ'),
            'ø' | 'Ø' => put('o'),
            'ł' | 'Ł' => put('l'),
            'ı' => put('i'),
            _ => c.to_lowercase().filter(|c| !is_accent(*c)).for_each(&mut put),
        }
    }
}

/// The marks over and under Latin, Greek and Cyrillic letters, Hebrew points and Arabic vowels.
/// Elsewhere marks are letters in their own right: who looks for किताब does not mean कताब.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}'
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
        && is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(term: &str, text: &str) -> bool {
        let body = MessageBody::parse(text).expect("a body");
        SearchTerm::parse(term).expect("a term").is_in(&body, &mut String::from("before"))
    }

    #[test]
    fn neither_case_nor_accents_count() {
        for (term, text) in [
            ("hello", "Oh, HELLO there"),
            ("HELLO", "hello"),
            ("cafe", "un café noir"),
            ("CAFÉ", "cafe"),
            ("cafe\u{301}", "café"),
            ("strasse", "Straße"),
            ("STRASSE", "straße"),
            ("istanbul", "İstanbul"),
            ("οδος", "ΟΔΟΣ"),
            ("ΣΟΦΟΣ", "σοφός"),
            ("елка", "Ёлка"),
            ("lodz", "Łódź"),
            ("smorrebrod", "smørrebrød"),
            ("nguyen", "Nguyễn"),
            ("ﬁne", "finest"),
            ("ＡＢＣ", "abc"),
            ("שלום", "שָׁלוֹם"),
            ("محمد", "مُحَمَّد"),
        ] {
            assert!(found(term, text), "{term} in {text}");
        }
    }

    #[test]
    fn pieces_of_words_of_every_script_are_found() {
        for (term, text) in [
            ("ell", "hello"),
            ("中", "你好，中国"),
            ("中国", "我在中国。"),
            ("東京", "今日は東京にいます"),
            ("ガ", "ｶﾞ"),
            ("한국", "대한국민"),
            ("किताब", "मेरी किताब"),
            ("😀", "well 😀!"),
            ("<b>", "a <b> tag"),
            ("100%", "about 100% sure"),
            ("two words", "these two \n\t words"),
        ] {
            assert!(found(term, text), "{term} in {text}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for (term, text) in
            [("hello", "help"), ("中国", "中 国"), ("किताब", "कताब"), ("か", "が"), ("ab", "a b")]
        {
            assert!(!found(term, text), "{term} in {text}");
        }
    }

    #[test]
    fn a_term_says_something_and_is_short() {
        for nothing in ["", " \n\t", "\u{3000}", "\u{301}"] {
            assert_eq!(SearchTerm::parse(nothing), Err(InvalidTerm::Empty), "{nothing:?}");
        }
        assert!(SearchTerm::parse(&"😀".repeat(200)).is_ok());
        assert_eq!(SearchTerm::parse(&"a".repeat(201)), Err(InvalidTerm::TooLong));
    }

    #[test]
    fn what_is_looked_for_is_not_printed() {
        let term = SearchTerm::parse("secret").expect("a term");
        assert_eq!(format!("{term:?}"), "SearchTerm(…)");
    }
}
