//! Reactions: one emoji each, under a message.
use crate::id::UserId;

/// An emoji: one to sixteen code points (a family with skin tones has eleven), none of which
/// could be read as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Emoji(String);

/// The text is not an emoji.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not an emoji")]
pub struct InvalidEmoji;

impl Emoji {
    const MAX_CODE_POINTS: usize = 16;

    /// Reads an emoji.
    pub fn parse(text: &str) -> Result<Self, InvalidEmoji> {
        let fits = (1..=Self::MAX_CODE_POINTS).contains(&text.chars().count());
        let has_symbol = text.chars().any(is_symbol);
        if fits && has_symbol && text.chars().all(|c| is_symbol(c) || is_joiner(c)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidEmoji)
        }
    }

    /// The emoji.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The blocks emoji are taken from (UTS #51).
fn is_symbol(c: char) -> bool {
    matches!(c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{20e3}' | '\u{2122}' | '\u{2139}'
        | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{2460}'..='\u{24ff}'
        | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}'
        | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

/// What joins, tints or tags them; keycaps begin with an ASCII digit, `#` or `*`.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200d}' | '\u{fe0f}' | '\u{e0020}'..='\u{e007f}' | '0'..='9' | '#' | '*')
}

/// One person's emoji under a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// Which.
    pub emoji: Emoji,
    /// Whose.
    pub user: UserId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_are_emoji_and_text_is_not() {
        for emoji in ["👍", "❤️", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣", "🇩🇪", "👍🏽"]
        {
            assert!(Emoji::parse(emoji).is_ok(), "{emoji}");
        }
        for text in ["", "a", "1", "👍a", "<b>", " ", "é", "中", &"👍".repeat(17)] {
            assert_eq!(Emoji::parse(text), Err(InvalidEmoji), "{text}");
        }
    }
}
