//! Fields laid end to end so that no two different lists of fields give the same bytes.

/// Hands `sink` each field behind its length (8 bytes, big-endian).
pub fn each_framed<'a>(fields: impl IntoIterator<Item = &'a [u8]>, mut sink: impl FnMut(&[u8])) {
    for field in fields {
        sink(&(field.len() as u64).to_be_bytes());
        sink(field);
    }
}

/// The framed fields as one run of bytes.
pub fn framed<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(160);
    each_framed(fields, |part| bytes.extend_from_slice(part));
    bytes
}

#[cfg(test)]
mod tests {
    use super::framed;

    #[test]
    fn a_border_that_moves_changes_the_bytes() {
        let one: [&[u8]; 2] = [b"ab", b"c"];
        let other: [&[u8]; 2] = [b"a", b"bc"];
        assert_ne!(framed(one), framed(other));
        assert_ne!(framed([&b""[..]]), framed([]));
    }
}
