//! What is told of a file as bytes, sealed and opened.
//!
//! A version, the size, then width, height and the size of the preview (zeros for what is no
//! image), then name and media type, each behind its length.
use crate::ports::{PayloadPurpose, PayloadSealer};
use domain::{
    attachment::{DetailsPlace, FileDetails, FileName, ImageDetails, MediaType},
    sealing::{SealedPayload, Unreadable},
};

/// The form of the bytes, so that a later one can be told from it.
const VERSION: u8 = 1;

/// Seals what is told of a file under its place.
pub fn seal(
    sealer: &dyn PayloadSealer,
    place: DetailsPlace,
    details: &FileDetails,
) -> SealedPayload {
    sealer.seal(PayloadPurpose::FileDetails, &place.to_bytes(), &encode(details))
}

/// Opens what was sealed under this place.
pub fn open(
    sealer: &dyn PayloadSealer,
    place: DetailsPlace,
    details: &SealedPayload,
) -> Result<FileDetails, Unreadable> {
    let bytes = sealer.open(PayloadPurpose::FileDetails, &place.to_bytes(), details)?;
    decode(&bytes).ok_or(Unreadable)
}

fn encode(details: &FileDetails) -> Vec<u8> {
    let image = details.image.unwrap_or(ImageDetails { width: 0, height: 0, preview_size: 0 });
    let mut bytes = vec![VERSION];
    bytes.extend(details.size.to_be_bytes());
    bytes.extend(image.width.to_be_bytes());
    bytes.extend(image.height.to_be_bytes());
    bytes.extend(image.preview_size.to_be_bytes());
    for part in [details.name.as_str(), details.kind.as_str()] {
        bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<FileDetails> {
    let mut rest = bytes.strip_prefix(&[VERSION])?;
    let size = u64::from_be_bytes(*take(&mut rest)?);
    let image = ImageDetails {
        width: u32::from_be_bytes(*take(&mut rest)?),
        height: u32::from_be_bytes(*take(&mut rest)?),
        preview_size: u64::from_be_bytes(*take(&mut rest)?),
    };
    let details = FileDetails {
        name: FileName::parse(take_text(&mut rest)?).ok()?,
        kind: MediaType::of(Some(take_text(&mut rest)?)),
        size,
        image: (image.preview_size > 0).then_some(image),
    };
    rest.is_empty().then_some(details)
}

fn take<'b, const N: usize>(rest: &mut &'b [u8]) -> Option<&'b [u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(taken)
}

fn take_text<'b>(rest: &mut &'b [u8]) -> Option<&'b str> {
    let length = usize::try_from(u32::from_be_bytes(*take(rest)?)).ok()?;
    let (text, left) = rest.split_at_checked(length)?;
    *rest = left;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details() -> FileDetails {
        FileDetails {
            name: FileName::parse("Zoë.png").expect("a name"),
            kind: MediaType::of(Some("image/png")),
            size: 7,
            image: Some(ImageDetails { width: 3, height: 2, preview_size: 900 }),
        }
    }

    #[test]
    fn details_read_back_from_their_bytes() {
        for image in [details().image, None] {
            let details = FileDetails { image, ..details() };
            assert_eq!(decode(&encode(&details)), Some(details));
        }
    }

    #[test]
    fn bytes_that_are_cut_short_too_long_or_of_another_version_are_no_details() {
        let bytes = encode(&details());
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_none(), "{length}");
        }
        assert!(decode(&[&bytes[..], &[0]].concat()).is_none());
        assert!(decode(&[&[VERSION + 1], &bytes[1..]].concat()).is_none());
    }
}
