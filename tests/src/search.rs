//! Looking for a secret in every byte that was written, in whichever form it was written.
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// A form in which a secret may have been written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// What the form is called.
    pub name: &'static str,
    /// The bytes to look for.
    pub bytes: Vec<u8>,
}

/// The forms of a secret: plain, UTF-16 in both orders, hex in both cases, and base64 at each of
/// the three places it can have in a longer text. Of base64 only the characters that the secret
/// alone decides are looked for.
pub fn forms(secret: &[u8]) -> Vec<Form> {
    let digits =
        |byte: &u8| [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
    let hex: Vec<u8> = secret.iter().flat_map(digits).collect();
    let mut forms = vec![
        Form { name: "plain", bytes: secret.to_vec() },
        Form { name: "hex", bytes: hex.to_ascii_uppercase() },
        Form { name: "hex", bytes: hex },
    ];
    if let Ok(text) = std::str::from_utf8(secret) {
        let units: Vec<u16> = text.encode_utf16().collect();
        let little = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        forms.push(Form { name: "UTF-16LE", bytes: little });
        forms.push(Form { name: "UTF-16BE", bytes: big });
    }
    for offset in 0..3 {
        let text = [&vec![0; offset][..], secret].concat();
        // A character holds six bits: those that hold bits of a neighbour are left out.
        let (first, last) = ((offset * 8).div_ceil(6), text.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            forms.push(Form { name: "base64", bytes: encoded.as_bytes()[first..last].to_vec() });
        }
    }
    forms
}

/// Which of these byte strings, each of two bytes at least, stand somewhere in `bytes`. All are
/// looked for in one pass.
pub fn found_in(bytes: &[u8], wanted: &[&[u8]]) -> BTreeSet<usize> {
    let key = |two: &[u8]| usize::from(two[0]) << 8 | usize::from(two[1]);
    let mut by_beginning: Vec<Vec<usize>> = vec![Vec::new(); 1 << 16];
    for (index, string) in wanted.iter().enumerate() {
        by_beginning[key(string)].push(index);
    }
    let mut found = BTreeSet::new();
    for at in 0..bytes.len().saturating_sub(1) {
        let here = &bytes[at..];
        let candidates = &by_beginning[key(here)];
        found.extend(candidates.iter().filter(|index| here.starts_with(wanted[**index])));
    }
    found
}

/// Every file in a folder and below, with all its bytes, and its name among them.
pub fn read_all(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(read_all(&path));
        } else {
            let mut bytes = std::fs::read(&path).expect("a file");
            bytes.extend_from_slice(path.as_os_str().as_encoded_bytes());
            all.push((path, bytes));
        }
    }
    all
}
