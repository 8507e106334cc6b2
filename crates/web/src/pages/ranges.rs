//! What of a file is asked for (RFC 9110, §13 and §14).
use poem::http::{HeaderMap, HeaderName, header};
use std::ops::Range;

/// What of a file is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: one has it.
    Nothing,
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that it does not have.
    Beyond,
}

/// What a request asks for of a file that never changes, of so many bytes and with this tag. Of
/// several ranges none is given: all of the file is an answer to them, too.
pub fn asked(headers: &HeaderMap, tag: &str, size: u64) -> Asked {
    let value = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if value(header::IF_NONE_MATCH).is_some_and(|tags| names(tags, tag)) {
        return Asked::Nothing;
    }
    let unchanged = value(header::IF_RANGE).is_none_or(|one| one == tag);
    match value(header::RANGE).filter(|_| unchanged).and_then(read) {
        None => Asked::Whole,
        Some(Wanted::From(start, _)) if start >= size => Asked::Beyond,
        Some(Wanted::From(start, end)) => {
            Asked::Part(start..end.map_or(size, |end| end.saturating_add(1).min(size)))
        }
        Some(Wanted::Last(0)) => Asked::Beyond,
        Some(Wanted::Last(count)) => Asked::Part(size.saturating_sub(count)..size),
    }
}

enum Wanted {
    From(u64, Option<u64>),
    Last(u64),
}

fn read(range: &str) -> Option<Wanted> {
    let (unit, range) = range.split_once('=')?;
    let (start, end) = range.trim().split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number too large for us is beyond any file.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    match (start, end) {
        ("", count) => Some(Wanted::Last(number(count)?)),
        (start, "") => Some(Wanted::From(number(start)?, None)),
        (start, end) => {
            let (start, end) = (number(start)?, number(end)?);
            (start <= end).then_some(Wanted::From(start, Some(end)))
        }
    }
}

fn names(tags: &str, tag: &str) -> bool {
    let known = |one: &str| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag;
    tags.split(',').any(|one| known(one.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use poem::http::HeaderValue;

    fn with(pairs: &[(HeaderName, &'static str)]) -> Asked {
        let pairs = pairs.iter().cloned();
        let headers = pairs.map(|(name, value)| (name, HeaderValue::from_static(value)));
        asked(&headers.collect(), "\"tag\"", 100)
    }

    #[test]
    fn a_range_is_cut_to_what_there_is() {
        for (range, expected) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=10-19", Asked::Part(10..20)),
            ("bytes=90-", Asked::Part(90..100)),
            ("bytes=90-5000", Asked::Part(90..100)),
            ("bytes=0-99999999999999999999999", Asked::Part(0..100)),
            ("bytes=-5", Asked::Part(95..100)),
            ("bytes=-500", Asked::Part(0..100)),
            ("BYTES=0-0", Asked::Part(0..1)),
            ("bytes=100-", Asked::Beyond),
            ("bytes=99999999999999999999999-", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
        ] {
            assert_eq!(with(&[(header::RANGE, range)]), expected, "{range}");
        }
    }

    #[test]
    fn what_is_no_single_range_gets_the_whole() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-2",
            "lines=0-1",
            "bytes=0-1,5-6",
            "bytes=+1-2",
        ] {
            assert_eq!(with(&[(header::RANGE, range)]), Asked::Whole, "{range}");
        }
    }

    #[test]
    fn a_tag_one_has_already_gets_nothing_and_another_no_range() {
        for tags in ["\"tag\"", "W/\"tag\"", "\"x\", \"tag\"", "*"] {
            let range = (header::RANGE, "bytes=0-0");
            assert_eq!(with(&[(header::IF_NONE_MATCH, tags), range]), Asked::Nothing, "{tags}");
        }
        let range = (header::RANGE, "bytes=0-0");
        assert_eq!(with(&[(header::IF_RANGE, "\"other\""), range.clone()]), Asked::Whole);
        assert_eq!(with(&[(header::IF_RANGE, "\"tag\""), range]), Asked::Part(0..1));
        assert_eq!(with(&[(header::IF_NONE_MATCH, "\"other\"")]), Asked::Whole);
    }
}
