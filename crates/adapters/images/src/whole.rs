//! Whether a file is one image, all of it, and nothing else.
//!
//! Decoders are lenient: most draw what came of an image that was cut off, and none minds what
//! stands behind it, such as an archive or a page for another program to find.
use image::ImageFormat;

/// What a file says of itself from one end to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// What it is.
    pub format: ImageFormat,
    /// How many images it is made of: the frames of an animation, or the passes that a JPEG is
    /// drawn in.
    pub frames: usize,
}

/// Reads a file to its end. `None` if it is something else, is cut off, or goes on behind its end.
pub fn whole(file: &[u8]) -> Option<Whole> {
    let read = match file {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => png,
        [0xff, 0xd8, 0xff, ..] => jpeg,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => gif,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp,
        _ => return None,
    };
    let mut rest = Rest(file);
    let whole = read(&mut rest)?;
    rest.is_padding(whole.format).then_some(whole)
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Zeros fill up blocks. Cameras put more photos behind the first.
    fn is_padding(&self, format: ImageFormat) -> bool {
        let another = format == ImageFormat::Jpeg && self.0.starts_with(&[0xff, 0xd8, 0xff]);
        another || self.0.iter().all(|byte| *byte == 0)
    }
}

/// Chunks of length, kind, content and check (ISO 15948, 5.3), the last of them empty.
fn png(rest: &mut Rest) -> Option<Whole> {
    rest.take(8)?;
    let mut frames = 0;
    loop {
        let length = u32::from_be_bytes(rest.array()?);
        let kind: [u8; 4] = rest.array()?;
        rest.take(usize::try_from(length).ok()?)?;
        rest.take(4)?;
        match &kind {
            b"fcTL" => frames += 1,
            b"IEND" => return Some(Whole { format: ImageFormat::Png, frames }),
            _ => {}
        }
    }
}

/// Segments of marker, length and content; behind the head of each pass its coded data, in which
/// 0xff is followed by 0 or a number (ITU T.81, annex B).
fn jpeg(rest: &mut Rest) -> Option<Whole> {
    let mut frames = 0;
    loop {
        // Up to the next marker.
        let start = rest.0.iter().position(|byte| *byte == 0xff)?;
        rest.take(start)?;
        let kind = rest.0.iter().position(|byte| *byte != 0xff)?;
        rest.take(kind)?;
        match rest.byte()? {
            0xd9 => return Some(Whole { format: ImageFormat::Jpeg, frames }),
            0x00 | 0x01 | 0xd0..=0xd8 => {}
            kind => {
                let length = u16::from_be_bytes(rest.array()?);
                rest.take(usize::from(length).checked_sub(2)?)?;
                frames += usize::from(kind == 0xda);
            }
        }
    }
}

/// Blocks, each a list of parts with their lengths, up to a semicolon (`GIF89a`, appendix B).
fn gif(rest: &mut Rest) -> Option<Whole> {
    let head: [u8; 13] = rest.array()?;
    rest.take(palette(head[10]))?;
    let mut frames = 0;
    loop {
        match rest.byte()? {
            b';' => return Some(Whole { format: ImageFormat::Gif, frames }),
            b'!' => {
                rest.byte()?;
            }
            b',' => {
                let place: [u8; 9] = rest.array()?;
                rest.take(palette(place[8]) + 1)?;
                frames += 1;
            }
            _ => return None,
        }
        while let length @ 1.. = rest.byte()? {
            rest.take(usize::from(length))?;
        }
    }
}

/// How long the palette is that these flags announce.
pub(crate) fn palette(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// One chunk of chunks, each of kind, length and content, filled up to an even length.
fn webp(rest: &mut Rest) -> Option<Whole> {
    rest.take(4)?;
    let length = chunk_length(rest.array()?)?;
    let mut chunks = Rest(rest.take(length)?);
    chunks.take(4)?;
    let mut frames = 0;
    while !chunks.0.is_empty() {
        let kind: [u8; 4] = chunks.array()?;
        let length = chunk_length(chunks.array()?)?;
        chunks.take(length)?;
        frames += usize::from(&kind == b"ANMF");
    }
    Some(Whole { format: ImageFormat::WebP, frames })
}

fn chunk_length(length: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(length)).ok()?.checked_next_multiple_of(2)
}
