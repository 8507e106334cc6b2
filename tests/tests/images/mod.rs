//! Images, good and bad, as files.
use flate2::{Compression, write::ZlibEncoder};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use std::io::{Cursor, Write};

/// The kinds that are taken.
pub const KINDS: [(&str, ImageFormat); 4] = [
    ("image/png", ImageFormat::Png),
    ("image/jpeg", ImageFormat::Jpeg),
    ("image/webp", ImageFormat::WebP),
    ("image/gif", ImageFormat::Gif),
];

/// An image with something to see in it.
pub fn photo(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let shade = |n: u32| u8::try_from(n / 8 % 251).expect("a byte");
    let image = RgbImage::from_fn(width, height, |x, y| Rgb([shade(x), shade(y), shade(x + y)]));
    let mut file = Cursor::new(Vec::new());
    DynamicImage::from(image).write_to(&mut file, format).expect("encodes");
    file.into_inner()
}

/// A file that is no picture.
pub struct Bad {
    pub what: &'static str,
    pub kind: &'static str,
    pub file: Vec<u8>,
    pub refusal: (u16, &'static str),
}

/// One of everything that people have thought of.
pub fn bad() -> Vec<Bad> {
    let invalid = (422, "invalid_image");
    let bad = |what, kind, file, refusal| Bad { what, kind, file, refusal };
    let mut all = vec![
        bad("nothing", "image/png", Vec::new(), invalid),
        bad("an SVG", "image/svg+xml", SVG.to_vec(), (415, "unsupported_media_type")),
        bad("an SVG that says it is a PNG", "image/png", SVG.to_vec(), invalid),
        bad("a page that says it is a GIF", "image/gif", HTML.to_vec(), invalid),
        bad(
            "an image that says it is a page",
            "text/html",
            small(),
            (415, "unsupported_media_type"),
        ),
        bad("a script that begins as a GIF", "image/gif", SCRIPT.to_vec(), invalid),
        bad("a PDF", "image/jpeg", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec(), invalid),
        bad("20,000 by 20,000 pixels", "image/png", flat_png(20_000, 20_000, &[]), invalid),
        bad("65,535 by 65,535 pixels", "image/gif", gif_of(0xffff, 0xffff), invalid),
        bad("1,001 frames", "image/png", flat_png(8, 8, &frames(1_001)), invalid),
        bad("a JPEG in a hundred passes", "image/jpeg", jpeg_in_passes(4_000, 3_000, 99), invalid),
        bad("a JPEG in forty passes", "image/jpeg", jpeg_in_passes(4_000, 3_000, 39), invalid),
        bad("a million codes", "image/webp", webp_of_codes(), invalid),
        bad("a frame beyond its canvas", "image/webp", webp_beyond(), invalid),
        bad("more than 5 MiB", "image/png", padded(5 * 1024 * 1024 + 1), (413, "too_large")),
        bad("5 MiB of noise", "image/png", noise(5 * 1024 * 1024), invalid),
    ];
    for (kind, format) in KINDS {
        let whole = photo(1_200, 900, format);
        let cut = whole[..whole.len() * 9 / 10].to_vec();
        all.push(bad("an image that was cut off", kind, cut, invalid));
        let both = [photo(64, 64, format), ZIP.to_vec()].concat();
        all.push(bad("an image that is an archive as well", kind, both, invalid));
        let both = [photo(64, 64, format), HTML.to_vec()].concat();
        all.push(bad("an image that is a page as well", kind, both, invalid));
    }
    all
}

/// Images that ask for much and still can be drawn: small ones with 128 MiB beside their pixels,
/// were it unpacked, and one that is drawn a hundred times over.
pub fn demanding() -> Vec<(&'static str, Vec<u8>)> {
    let much = zeros(128 * 1024 * 1024);
    let talkative = |kind| ("image/png", flat_png(8, 8, &[inflated(kind, &much)]));
    vec![talkative(*b"zTXt"), talkative(*b"iCCP"), ("image/jpeg", jpeg_in_passes(2_000, 1_500, 99))]
}

const SVG: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
const HTML: &[u8] = b"<!doctype html><script>alert(1)</script>";
const SCRIPT: &[u8] = b"GIF89a/*\0\0\0*/=1;alert(1)";
/// An archive with nothing in it.
const ZIP: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn small() -> Vec<u8> {
    photo(2, 2, ImageFormat::Png)
}

fn padded(length: usize) -> Vec<u8> {
    let mut file = small();
    file.resize(length, 0);
    file
}

/// The head of a PNG, and no sense after it.
fn noise(length: usize) -> Vec<u8> {
    let mut file = small();
    let mut state = 1_u32;
    while file.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        file.extend(state.to_be_bytes());
    }
    file.truncate(length);
    file
}

/// A chunk of a PNG.
fn chunk(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut check = flate2::Crc::new();
    check.update(&kind);
    check.update(content);
    let length = u32::try_from(content.len()).expect("short").to_be_bytes();
    [&length, &kind, content, &check.sum().to_be_bytes()].concat()
}

/// A PNG of one colour, as small as it gets, with more chunks in it.
fn flat_png(width: u32, height: u32, more: &[Vec<u8>]) -> Vec<u8> {
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    // Nobody is to read all of what is too large.
    let rows = (u64::from(height) * (u64::from(width) * 4 + 1)).min(1 << 20);
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(*b"IHDR", &head),
        more.concat(),
        chunk(*b"IDAT", &zeros(rows)),
        chunk(*b"IEND", &[]),
    ]
    .concat()
}

/// So many zeros, compressed.
fn zeros(mut length: u64) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let some = vec![0; 1 << 16];
    while length > 0 {
        let next = usize::try_from(length).expect("fits").min(some.len());
        encoder.write_all(&some[..next]).expect("into memory");
        length -= next as u64;
    }
    encoder.finish().expect("into memory")
}

/// A chunk that says little and means much.
fn inflated(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    chunk(kind, &[&b"Comment\0\0"[..], content].concat())
}

/// What an animation in a PNG announces its frames with.
fn frames(count: u32) -> Vec<Vec<u8>> {
    let all = chunk(*b"acTL", &[count.to_be_bytes(), [0; 4]].concat());
    let frame = |n: u32| {
        let place = [n, 8, 8, 0, 0].map(u32::to_be_bytes).concat();
        chunk(*b"fcTL", &[&place[..], &[0, 1, 0, 1, 0, 0]].concat())
    };
    [all].into_iter().chain((0..count).map(frame)).collect()
}

/// A GIF that claims a size.
fn gif_of(width: u16, height: u16) -> Vec<u8> {
    let mut file = photo(8, 8, ImageFormat::Gif);
    file[6..8].copy_from_slice(&width.to_le_bytes());
    file[8..10].copy_from_slice(&height.to_le_bytes());
    file
}

/// A JPEG in three colours that is refined again and again, each pass a few bytes long.
fn jpeg_in_passes(width: u16, height: u16, passes: u8) -> Vec<u8> {
    let segment = |kind: u8, content: &[u8]| {
        let length = u16::try_from(content.len() + 2).expect("short").to_be_bytes();
        [&[0xff, kind], &length, content].concat()
    };
    let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    let size = [height.to_be_bytes(), width.to_be_bytes()].concat();
    let colours = [3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
    // One code, of one bit, in each table: "no difference", and "32,767 blocks have nothing".
    let table = |class: u8, value: u8| [&[class, 1][..], &[0; 15], &[value]].concat();
    let mut runs = Bits::default();
    for _ in 0..blocks.div_ceil(32_767) {
        runs.write(0, 1);
        runs.write(0x3fff, 14);
    }
    let runs = runs.most_significant_first();
    let mut file = [
        vec![0xff, 0xd8],
        segment(0xdb, &[&[0][..], &[1; 64]].concat()),
        segment(0xc2, &[&[8][..], &size, &colours].concat()),
        segment(0xc4, &table(0x00, 0x00)),
        segment(0xc4, &table(0x10, 0xe0)),
        segment(0xda, &[3, 1, 0, 2, 0, 3, 0, 0, 0, 0]),
        vec![0; (blocks * 3).div_ceil(8)],
    ]
    .concat();
    for pass in 0..passes {
        file.extend(segment(0xda, &[1, 1 + pass % 3, 0, 1, 63, 0]));
        file.extend(&runs);
    }
    [file, vec![0xff, 0xd9]].concat()
}

/// A WebP whose one pixel has a choice of 65,536 groups of five codes, each of which takes eleven
/// bytes to say and four KiB to look up.
fn webp_of_codes() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.write(0x2f, 8);
    // One pixel, no transparency, no transformation, no cache; groups, in squares of four pixels.
    bits.write(0, 14 + 14 + 1 + 3 + 1 + 1);
    bits.write(1, 1);
    bits.write(0, 3 + 1);
    for colour in [255, 255, 0, 0, 0] {
        bits.write(0b101, 3);
        bits.write(colour, 8);
    }
    for _ in 0..65_536 * 5 {
        code(&mut bits);
    }
    riff(*b"VP8L", &bits.least_significant_first())
}

/// A code with one symbol of each length from 1 to 9, and two of length 10.
fn code(bits: &mut Bits) {
    // How long the codes for these lengths are: three bits for 1 to 6, four for 7 to 10.
    bits.write(0, 1);
    bits.write(10, 4);
    for length in [0, 0, 0, 3, 3, 3, 3, 3, 0, 3, 4, 4, 4, 4] {
        bits.write(length, 3);
    }
    // Eleven of them follow.
    bits.write(0b0011, 4);
    bits.write(9, 4);
    for (length, code) in (0..6).map(|code| (3, code)).chain([12, 13, 14, 15, 15].map(|c| (4, c))) {
        for bit in (0..length).rev() {
            bits.write(code >> bit & 1, 1);
        }
    }
}

/// A WebP of one pixel with a frame of 16,383 by 16,383.
fn webp_beyond() -> Vec<u8> {
    let canvas = [0_u8; 10];
    let mut frame = vec![0x10, 0, 0, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f];
    frame.resize(4 << 20, 0);
    let chunks = [chunk_of(*b"VP8X", &canvas), chunk_of(*b"VP8 ", &frame)].concat();
    container(&chunks)
}

fn riff(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    container(&chunk_of(kind, content))
}

fn container(chunks: &[u8]) -> Vec<u8> {
    let length = u32::try_from(chunks.len() + 4).expect("short").to_le_bytes();
    [&b"RIFF"[..], &length, b"WEBP", chunks].concat()
}

fn chunk_of(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("short").to_le_bytes();
    let fill = &[0][..content.len() % 2];
    [&kind[..], &length, content, fill].concat()
}

/// Bits, in the order in which they are written.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    /// The lowest bits of a number, the lowest of all first.
    fn write(&mut self, number: u32, count: u32) {
        self.0.extend((0..count).map(|bit| number.checked_shr(bit).unwrap_or(0) & 1 == 1));
    }

    fn least_significant_first(&self) -> Vec<u8> {
        let byte =
            |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        self.0.chunks(8).map(byte).collect()
    }

    /// With what JPEG wants behind 0xff, and filled up with ones.
    fn most_significant_first(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            let filled = bits.iter().copied().chain([true; 8]).take(8);
            filled.fold(0, |byte, bit| byte << 1 | u8::from(bit))
        };
        let stuffed = |byte: u8| if byte == 0xff { vec![byte, 0] } else { vec![byte] };
        self.0.chunks(8).map(byte).flat_map(stuffed).collect()
    }
}
