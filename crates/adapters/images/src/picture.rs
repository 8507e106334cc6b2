//! From a file to a picture.
use crate::whole::whole;
use application::ports::{PictureRefused, Preview, ShownPicture};
use image::{
    DynamicImage, GenericImageView, ImageDecoder, ImageError, ImageReader, Limits, Rgb, RgbImage,
    Rgba, RgbaImage, codecs::jpeg::JpegEncoder, imageops, metadata::Orientation,
};
use std::io::Cursor;

/// How large an image may be.
#[derive(Clone, Copy)]
struct Bounds {
    /// The most pixels along an edge of what is sent.
    longest: u32,
    /// The most bytes of pixels, once decoded.
    largest: u64,
}

/// Of a picture: 12 megapixels without transparency.
const PICTURE: Bounds = Bounds { longest: 4096, largest: 36 * 1024 * 1024 };
/// Of what has a preview: 24 megapixels, or 18 with transparency.
const PREVIEWED: Bounds = Bounds { longest: 16_384, largest: 72 * 1024 * 1024 };
/// The most bytes of what is said beside the pixels: what colours mean, where a photo was taken.
const BESIDE: u64 = 4 * 1024 * 1024;
/// The most frames of an animation, or passes of a JPEG.
const MOST_FRAMES: usize = 1_000;
/// The most pixels of all frames together.
const MOST_DRAWN: u64 = 1 << 29;
/// Pixels along an edge of what is shown.
const EDGE: u32 = 512;
/// Pixels along the longer edge of a preview.
const PREVIEW_EDGE: u32 = 720;
/// Of 100: no difference is seen, in 20 to 60 KiB.
const QUALITY: u8 = 85;

/// The middle of an image, upright, as a JPEG.
pub fn draw(image: Vec<u8>) -> Result<ShownPicture, PictureRefused> {
    let (image, orientation) = decode(image, PICTURE)?;
    let square = middle(&image)?;
    drop(image);
    encode(&square, orientation)
}

/// All of an image, upright and small, as a JPEG.
pub fn draw_preview(image: Vec<u8>) -> Result<Preview, PictureRefused> {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    let (image, orientation) = decode(image, PREVIEWED)?;
    let (mut width, mut height) = image.dimensions();
    if width == 0 || height == 0 {
        return Err(unreadable());
    }
    if matches!(orientation, Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH) {
        (width, height) = (height, width);
    }
    let small = if width.max(height) > PREVIEW_EDGE {
        image.thumbnail(PREVIEW_EDGE, PREVIEW_EDGE).into_rgba8()
    } else {
        image.to_rgba8()
    };
    drop(image);
    Ok(Preview { shown: encode(&small, orientation)?, width, height })
}

/// The image in a whole file, and how it is to be turned.
fn decode(image: Vec<u8>, bounds: Bounds) -> Result<(DynamicImage, Orientation), PictureRefused> {
    let whole = whole(&image).ok_or_else(unreadable)?;
    // The decoder lets go of the file as soon as it can.
    let mut reader = ImageReader::with_format(Cursor::new(image), whole.format);
    reader.limits(limits(bounds, BESIDE));
    let mut decoder = reader.into_decoder().map_err(|error| refuse(&error))?;
    decoder.set_limits(limits(bounds, bounds.largest)).map_err(|error| refuse(&error))?;
    let (width, height) = decoder.dimensions();
    let drawn = u64::from(width) * u64::from(height) * whole.frames.max(1) as u64;
    if width > bounds.longest
        || height > bounds.longest
        || decoder.total_bytes() > bounds.largest
        || whole.frames > MOST_FRAMES
        || drawn > MOST_DRAWN
    {
        return Err(PictureRefused::TooLarge);
    }
    let orientation = decoder.orientation().map_err(|error| refuse(&error))?;
    // Of an animation, the first frame.
    let image = DynamicImage::from_decoder(decoder).map_err(|error| refuse(&error))?;
    Ok((image, orientation))
}

fn encode(image: &RgbaImage, orientation: Orientation) -> Result<ShownPicture, PictureRefused> {
    let mut shown = DynamicImage::ImageRgb8(on_white(image));
    shown.apply_orientation(orientation);
    let mut jpeg = Vec::new();
    shown
        .write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, QUALITY))
        .map_err(|error| refuse(&error))?;
    Ok(ShownPicture(jpeg))
}

fn limits(bounds: Bounds, memory: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(bounds.longest);
    limits.max_image_height = Some(bounds.longest);
    limits.max_alloc = Some(memory);
    limits
}

/// The largest square in the middle, made smaller where it is large, without a copy of the whole.
fn middle(image: &DynamicImage) -> Result<RgbaImage, PictureRefused> {
    let (width, height) = image.dimensions();
    let edge = width.min(height);
    if edge == 0 {
        return Err(unreadable());
    }
    let square = image.view((width - edge) / 2, (height - edge) / 2, edge, edge);
    Ok(imageops::thumbnail(&*square, edge.min(EDGE), edge.min(EDGE)))
}

/// A JPEG has no transparency.
fn on_white(image: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let Rgba([red, green, blue, alpha]) = *image.get_pixel(x, y);
        let mix = |colour: u8| {
            let (colour, alpha) = (u32::from(colour), u32::from(alpha));
            let mixed = (colour * alpha + 255 * (255 - alpha)) / 255;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        Rgb([mix(red), mix(green), mix(blue)])
    })
}

fn refuse(error: &ImageError) -> PictureRefused {
    match error {
        ImageError::Limits(_) => PictureRefused::TooLarge,
        _ => unreadable(),
    }
}

fn unreadable() -> PictureRefused {
    PictureRefused::Unreadable
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whole::palette;
    use image::ImageFormat;
    use std::time::{Duration, Instant};

    /// Left half red, right half blue, in thirds: the middle has both.
    fn image(width: u32, height: u32) -> DynamicImage {
        DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, _| {
            if x < width / 2 { Rgb([220, 0, 0]) } else { Rgb([0, 0, 220]) }
        }))
    }

    fn file(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        image.write_to(&mut file, format).expect("encodes");
        file.into_inner()
    }

    fn shown(file: &[u8]) -> RgbImage {
        let ShownPicture(jpeg) = draw(file.to_vec()).expect("is drawn");
        image::load_from_memory_with_format(&jpeg, ImageFormat::Jpeg).expect("a JPEG").to_rgb8()
    }

    fn is_red(pixel: Rgb<u8>) -> bool {
        pixel.0[0] > 150 && pixel.0[2] < 100
    }

    #[test]
    fn each_kind_becomes_a_square_of_its_middle() {
        for format in KINDS {
            let square = shown(&file(&image(1200, 600), format));
            assert_eq!(square.dimensions(), (512, 512), "{format:?}");
            assert!(is_red(*square.get_pixel(20, 256)), "{format:?}");
            assert!(!is_red(*square.get_pixel(490, 256)), "{format:?}");
        }
    }

    #[test]
    fn a_small_image_stays_as_small_as_it_is() {
        assert_eq!(shown(&file(&image(40, 60), ImageFormat::Png)).dimensions(), (40, 40));
        assert_eq!(shown(&file(&image(1, 1), ImageFormat::Gif)).dimensions(), (1, 1));
    }

    #[test]
    fn what_can_be_seen_through_is_on_white() {
        let clear = DynamicImage::ImageRgba8(RgbaImage::from_pixel(9, 9, Rgba([0, 0, 0, 0])));
        assert_eq!(*shown(&file(&clear, ImageFormat::Png)).get_pixel(4, 4), Rgb([255; 3]));
    }

    /// A JPEG with an orientation in its metadata, and a secret beside it.
    fn turned(orientation: u8) -> Vec<u8> {
        turned_file(orientation, &file(&image(400, 400), ImageFormat::Jpeg))
    }

    fn turned_file(orientation: u8, plain: &[u8]) -> Vec<u8> {
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        exif.extend(b"GPS 52.5 13.4 <script>alert(1)</script>");
        let length = u16::try_from(exif.len() + 2).expect("short").to_be_bytes();
        [&plain[..2], &[0xff, 0xe1], &length, &exif, &plain[2..]].concat()
    }

    #[test]
    fn a_turned_photo_is_shown_upright_and_nothing_of_its_metadata_goes_on() {
        let upright = shown(&turned(3));
        assert!(!is_red(*upright.get_pixel(20, 200)) && is_red(*upright.get_pixel(380, 200)));
        let quarter = shown(&turned(6));
        assert!(is_red(*quarter.get_pixel(200, 20)) && !is_red(*quarter.get_pixel(200, 380)));
        let ShownPicture(jpeg) = draw(turned(1)).expect("is drawn");
        for secret in [&b"GPS"[..], b"Exif", b"<script"] {
            assert!(!jpeg.windows(secret.len()).any(|part| part == secret));
        }
    }

    fn preview(file: &[u8]) -> (u32, u32, RgbImage) {
        let Preview { shown, width, height } = draw_preview(file.to_vec()).expect("is drawn");
        let jpeg = image::load_from_memory_with_format(&shown.0, ImageFormat::Jpeg);
        (width, height, jpeg.expect("a JPEG").to_rgb8())
    }

    #[test]
    fn a_preview_shows_all_of_an_image_and_tells_its_size() {
        for format in KINDS {
            let (width, height, shown) = preview(&file(&image(1440, 720), format));
            assert_eq!((width, height, shown.dimensions()), (1440, 720, (720, 360)), "{format:?}");
            assert!(is_red(*shown.get_pixel(10, 180)), "{format:?}");
            assert!(!is_red(*shown.get_pixel(710, 180)), "{format:?}");
        }
        let (width, height, shown) = preview(&file(&image(40, 60), ImageFormat::Png));
        assert_eq!((width, height, shown.dimensions()), (40, 60, (40, 60)), "small as it is");
        let (_, _, shown) = preview(&file(&image(9_000, 3), ImageFormat::Png));
        assert_eq!(shown.dimensions(), (720, 1), "a line");
    }

    #[test]
    fn a_preview_is_upright_and_nothing_of_the_metadata_goes_on() {
        let wide = file(&image(400, 200), ImageFormat::Jpeg);
        let (width, height, shown) = preview(&turned_file(6, &wide));
        assert_eq!((width, height, shown.dimensions()), (200, 400, (200, 400)));
        assert!(is_red(*shown.get_pixel(100, 20)) && !is_red(*shown.get_pixel(100, 380)));
        let Preview { shown, .. } = draw_preview(turned_file(6, &wide)).expect("is drawn");
        for secret in [&b"GPS"[..], b"Exif", b"<script"] {
            assert!(!shown.0.windows(secret.len()).any(|part| part == secret));
        }
    }

    #[test]
    fn what_makes_no_picture_makes_no_preview() {
        let refused = |file: Vec<u8>| draw_preview(file).expect_err("refused");
        assert_eq!(refused(b"<svg onload='alert(1)'/>".to_vec()), PictureRefused::Unreadable);
        assert_eq!(refused(claiming(0, 0)), PictureRefused::Unreadable);
        assert_eq!(refused(claiming(20_000, 20_000)), PictureRefused::TooLarge);
        assert_eq!(refused(claiming(16_000, 16_000)), PictureRefused::TooLarge);
    }

    const KINDS: [ImageFormat; 4] =
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif];

    #[test]
    fn what_goes_on_behind_its_end_is_refused() {
        for format in KINDS {
            for more in [&b"PK\x03\x04<script>alert(1)</script>"[..], b"<!doctype html>"] {
                let file = [&file(&image(64, 64), format), more].concat();
                assert_eq!(draw(file), Err(PictureRefused::Unreadable), "{format:?}");
            }
            let filled_up = [file(&image(64, 64), format), vec![0; 512]].concat();
            assert_eq!(shown(&filled_up).dimensions(), (64, 64), "{format:?}");
        }
        let photo = file(&image(64, 64), ImageFormat::Jpeg);
        assert_eq!(shown(&[photo.clone(), photo].concat()).dimensions(), (64, 64), "two photos");
    }

    #[test]
    fn what_was_cut_off_is_refused_wherever_it_was() {
        for format in KINDS {
            let whole = file(&image(800, 600), format);
            for length in (0..100).map(|part| whole.len() * part / 100).chain([whole.len() - 1]) {
                let cut = whole[..length].to_vec();
                assert_eq!(draw(cut), Err(PictureRefused::Unreadable), "{format:?} at {length}");
            }
        }
    }

    #[test]
    fn what_claims_to_go_on_is_refused() {
        for (format, at) in [(ImageFormat::Png, 33), (ImageFormat::WebP, 16)] {
            let mut file = file(&image(64, 64), format);
            file[at..at + 4].copy_from_slice(&[0x7f; 4]);
            assert_eq!(draw(file), Err(PictureRefused::Unreadable), "{format:?}");
        }
    }

    /// A PNG that claims a size and has nothing in it.
    fn claiming(width: u32, height: u32) -> Vec<u8> {
        let mut png = file(&image(1, 1), ImageFormat::Png);
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png[20..24].copy_from_slice(&height.to_be_bytes());
        let check = crc(&png[12..29]).to_be_bytes();
        png[29..33].copy_from_slice(&check);
        png
    }

    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
            })
        })
    }

    #[test]
    fn what_is_no_image_is_refused_soon() {
        let whole = file(&image(800, 800), ImageFormat::Png);
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
        let html = b"<!doctype html><script>alert(1)</script>";
        let cases: [(&str, &[u8]); 8] = [
            ("nothing", b""),
            ("SVG", svg),
            ("HTML", html),
            ("a cut PNG", &whole[..whole.len() / 2]),
            ("a PNG's start", &whole[..8]),
            ("a GIF's start", b"GIF89a"),
            ("a BMP", b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0"),
            ("no pixels", &claiming(0, 0)),
        ];
        for (what, file) in cases {
            let start = Instant::now();
            assert_eq!(draw(file.to_vec()), Err(PictureRefused::Unreadable), "{what}");
            assert!(start.elapsed() < Duration::from_secs(1), "{what}");
        }
    }

    #[test]
    fn too_many_pixels_are_refused_before_they_are_decoded() {
        for (width, height) in [(20_000, 20_000), (4_097, 1), (1, 65_535), (u32::MAX >> 1, 9)] {
            let start = Instant::now();
            assert_eq!(draw(claiming(width, height)), Err(PictureRefused::TooLarge), "{width}");
            assert!(start.elapsed() < Duration::from_millis(100), "{width}");
        }
    }

    /// An animation that shows one frame again and again.
    fn animation(width: u32, height: u32, frames: usize) -> Vec<u8> {
        let still = file(&image(width, height), ImageFormat::Gif);
        let (head, rest) = still.split_at(13 + palette(still[10]));
        let frame = &rest[..rest.len() - 1];
        [head, &frame.repeat(frames), b";"].concat()
    }

    #[test]
    fn of_an_animation_the_first_frame_is_shown() {
        assert_eq!(shown(&animation(64, 64, 1_000)).dimensions(), (64, 64));
    }

    #[test]
    fn an_animation_that_goes_on_and_on_is_refused() {
        for (edge, frames) in [(64, 1_001), (1_024, 513)] {
            let start = Instant::now();
            assert_eq!(
                draw(animation(edge, edge, frames)),
                Err(PictureRefused::TooLarge),
                "{edge}"
            );
            assert!(start.elapsed() < Duration::from_secs(1), "{edge}");
        }
    }
}
