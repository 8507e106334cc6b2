//! Answers made for one person, compressed on the fly.
use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, write::GzEncoder};
use poem::{
    Body, Endpoint, IntoResponse, Request, Response, Result,
    http::{HeaderMap, HeaderValue, header},
};
use std::io::Write;

/// Shorter ones fit into one packet anyway.
const SHORTEST: usize = 1024;
/// Longer ones would keep others waiting for more than a millisecond or two.
const LONGEST: usize = 128 * 1024;

/// Whether who asks takes gzip.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.unwrap_or_default().split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0"))
    })
}

/// The API's JSON, compressed for those who take it.
///
/// How long an answer is tells something of what is in it, and more so once it is compressed. No
/// other site can have a browser ask for one with our cookie.
pub struct PackedJson<E>(pub E);

impl<E: Endpoint> Endpoint for PackedJson<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let wanted = accepts_gzip(request.headers());
        let response = self.0.call(request).await?.into_response();
        if wanted && is_json(&response) { pack(response).await } else { Ok(response) }
    }
}

fn is_json(response: &Response) -> bool {
    let kind = response.content_type().unwrap_or_default();
    kind.starts_with("application/json")
        && !response.headers().contains_key(header::CONTENT_ENCODING)
}

async fn pack(mut response: Response) -> Result<Response> {
    let plain = response.take_body().into_bytes().await?;
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let packed =
        (SHORTEST..=LONGEST).contains(&plain.len()).then(|| gzip(&plain, Compression::fast()));
    match packed.flatten() {
        Some(packed) => {
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response.set_body(packed);
        }
        None => response.set_body(plain),
    }
    Ok(response)
}

/// The content as gzip, if that is shorter.
pub fn gzip(content: &[u8], level: Compression) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(content).ok()?;
    encoder.finish().ok().filter(|packed| packed.len() < content.len())
}

/// A part of an answer whose parts are compressed each by itself: its length then tells nothing of
/// what stands in the others, however much of it somebody else wrote.
#[derive(Clone)]
pub struct Piece {
    plain: Bytes,
    deflated: Bytes,
}

impl Piece {
    /// Compresses each by itself.
    pub fn each(parts: impl IntoIterator<Item = String>, level: Compression) -> Vec<Self> {
        let mut compress = Compress::new(level, false);
        let piece = |plain: String| {
            let deflated = deflate(&mut compress, plain.as_bytes());
            Self { plain: plain.into(), deflated: deflated.into() }
        };
        parts.into_iter().map(piece).collect()
    }
}

/// Whole blocks that end at a byte, after which nothing is remembered.
fn deflate(compress: &mut Compress, plain: &[u8]) -> Vec<u8> {
    let mut deflated = Vec::with_capacity(plain.len() / 2 + 64);
    let began = compress.total_in();
    loop {
        let taken = usize::try_from(compress.total_in() - began).unwrap_or(plain.len());
        // Fails for want of space alone, of which there is some.
        let _ = compress.compress_vec(&plain[taken..], &mut deflated, FlushCompress::Full);
        let taken = usize::try_from(compress.total_in() - began).unwrap_or(plain.len());
        if taken == plain.len() && deflated.len() < deflated.capacity() {
            return deflated;
        }
        deflated.reserve(plain.len() / 2 + 64);
    }
}

/// Answers with pieces one after the other, compressed where that is understood.
pub fn answer(request: &Request, pieces: &[Piece]) -> Response {
    let mut response = Response::builder().header(header::VARY, "accept-encoding").finish();
    if accepts_gzip(request.headers()) {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response.set_body(gzip_of(pieces));
    } else {
        let plain: Vec<&[u8]> = pieces.iter().map(|piece| &*piece.plain).collect();
        response.set_body(Body::from_vec(plain.concat()));
    }
    response
}

/// One member of gzip (RFC 1952 §2.3).
fn gzip_of(pieces: &[Piece]) -> Vec<u8> {
    /// Deflate, no name, no time, an unknown system.
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    /// An empty block that is the last one (RFC 1951 §3.2.6).
    const END: [u8; 2] = [3, 0];
    let mut packed = HEAD.to_vec();
    let mut sum = Crc::new();
    for piece in pieces {
        packed.extend(&piece.deflated);
        sum.update(&piece.plain);
    }
    packed.extend(END);
    packed.extend(sum.sum().to_le_bytes());
    packed.extend(sum.amount().to_le_bytes());
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use poem::{endpoint::make_sync, http::StatusCode};
    use std::io::Read;

    fn unpack(packed: &[u8]) -> String {
        let mut text = String::new();
        GzDecoder::new(packed).read_to_string(&mut text).expect("gzip");
        text
    }

    /// Letters that hardly repeat.
    fn noise(length: usize) -> String {
        let mut state = 1_u32;
        let letter = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'a' + u8::try_from((state >> 24) % 26).expect("a letter"))
        };
        (0..length).map(letter).collect()
    }

    #[test]
    fn pieces_are_one_text_again() {
        let texts = ["", "one ", "", "two ", "three"].map(str::to_owned);
        let long = noise(300_000);
        let pieces = Piece::each(texts.into_iter().chain([long.clone()]), Compression::default());
        assert_eq!(unpack(&gzip_of(&pieces)), format!("one two three{long}"));
        assert_eq!(unpack(&gzip_of(&[])), "");
    }

    #[test]
    fn a_piece_tells_nothing_of_those_before_it() {
        let secret = noise(400);
        let guess = |guess: &str| {
            let pieces = Piece::each([secret.clone(), guess.to_owned()], Compression::best());
            gzip_of(&pieces).len()
        };
        let wrong: String = secret.chars().rev().collect();
        assert_eq!(guess(&secret), guess(&secret.clone()));
        let alone = Piece::each([secret.clone()], Compression::best());
        assert_eq!(guess(&secret) - gzip_of(&alone).len(), alone[0].deflated.len());
        let together = gzip(format!("{secret}{secret}").as_bytes(), Compression::best());
        let together = together.expect("shorter").len();
        assert!(together + 200 < guess(&secret), "what is compressed together does tell");
        assert!(guess(&wrong).abs_diff(guess(&secret)) < 8);
    }

    async fn asked(body: String, kind: &'static str, accepts: &str) -> Response {
        let site = PackedJson(make_sync(move |_| {
            Response::builder().content_type(kind).body(body.clone())
        }));
        let request = Request::builder().header("accept-encoding", accepts).finish();
        site.call(request).await.expect("an answer")
    }

    #[tokio::test]
    async fn json_is_compressed_for_those_who_take_it_and_worth_it() {
        let long = format!("\"{}\"", "word ".repeat(1_000));
        let packed = asked(long.clone(), "application/json", "br, gzip").await;
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert_eq!(packed.header("vary"), Some("accept-encoding"));
        let bytes = packed.into_body().into_bytes().await.expect("a body");
        assert!(bytes.len() < long.len() / 10);
        assert_eq!(unpack(&bytes), long);

        let short = "\"word\"".to_owned();
        let huge = format!("\"{}\"", "word ".repeat(100_000));
        for (body, kind, accepts) in [
            (&long, "application/json", "br"),
            (&long, "application/zip", "gzip"),
            (&short, "application/json; charset=utf-8", "gzip"),
            (&huge, "application/json; charset=utf-8", "gzip"),
        ] {
            let plain = asked(body.clone(), kind, accepts).await;
            assert_eq!((plain.status(), plain.header("content-encoding")), (StatusCode::OK, None));
            assert_eq!(plain.into_body().into_string().await.expect("text"), *body);
        }
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let accepts = |codings: &'static str| {
            let headers = [(header::ACCEPT_ENCODING, HeaderValue::from_static(codings))];
            accepts_gzip(&headers.into_iter().collect())
        };
        assert!(accepts("br, gzip;q=0.8"));
        assert!(!accepts("gzip;q=0, br"));
        assert!(!accepts(""));
    }
}
