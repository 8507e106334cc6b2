//! Files that come with messages.
use super::{Area, rooms::parse_room, shapes::AttachmentShape};
use crate::{
    gate::Me,
    pages::ranges::{Asked, asked},
    problem::{Problem, file_name_code},
};
use application::files::{Bring, Bringing, Description, Fetch, FetchError, Fetched};
use bytes::Bytes;
use domain::{
    attachment::{Attachment, FileName, FilePart, MediaType},
    id::AttachmentId,
};
use futures_util::{Stream, StreamExt, stream};
use poem::{
    Body, IntoResponse, Request, RequestBody, Response, Result,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, OpenApi,
    param::{Path, Query},
    payload::Json,
    registry::{
        MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef,
        Registry,
    },
};
use std::{
    fmt::Write,
    ops::Range,
    time::{Duration, Instant},
};

/// How long nothing of a file may come.
const SILENCE: Duration = Duration::from_secs(10);
/// How long a file may take to arrive, however small it is.
const GRACE: Duration = Duration::from_secs(30);
/// How many bytes a second a larger one has to come with, on average.
const SLOWEST: u32 = 32 * 1024;

/// Longer than any file takes that is not given up.
pub const LONGEST_ARRIVAL: Duration = GRACE
    .saturating_add(Duration::from_secs(Attachment::MAX_SIZE / SLOWEST as u64))
    .saturating_add(Duration::from_mins(1));

/// Files that come with messages.
pub struct AttachmentsApi {
    /// Takes them in.
    pub bring: Bring,
    /// Gives them back.
    pub fetch: Fetch,
}

/// Any bytes, not yet read, and what they are said to be.
struct FileBody {
    kind: MediaType,
    body: Body,
}

/// A file, all of it or a part.
struct FileAnswer(Response);

#[derive(ApiResponse)]
enum Brought {
    /// The file is durable. It is its uploader's alone until a message names it.
    #[oai(status = 201)]
    Created(Json<AttachmentShape>),
}

#[OpenApi(tag = "Area::Messages")]
impl AttachmentsApi {
    /// Bring a file
    ///
    /// Its bytes, of up to 20 MiB; a message of the same room then names its id. A PNG, JPEG, WebP or
    /// GIF that can be drawn gets a preview and is shown; everything else is downloaded. What no
    /// message names is removed after 24 hours. The files of one person have up to 1 GiB together,
    /// small ones counting as 64 KiB: 409 `quota_exceeded` beyond. 413 `too_large`, 422 for an empty
    /// file or a name that is none, 408 `timeout` for what comes slower than 32 KiB a second, 503
    /// `busy`.
    #[oai(path = "/rooms/:room/attachments", method = "post", operation_id = "bring_file")]
    async fn bring(
        &self,
        me: Me,
        room: Path<String>,
        /// What the file is called: up to 255 bytes, without slashes.
        name: Query<String>,
        file: FileBody,
    ) -> Result<Brought, Problem> {
        let room = parse_room(&room.0)?;
        let name = FileName::parse(&name.0)
            .map_err(|error| Problem::invalid_field("name", file_name_code(error), error))?;
        let description = Description { name, kind: file.kind };
        let bringing = self.bring.begin(me.user, room, description).await?;
        let bringing = take_in(bringing, file.body.into_bytes_stream()).await?;
        let (id, details) = bringing.finish().await?;
        Ok(Brought::Created(Json(AttachmentShape::of(id, Some(&details)))))
    }

    /// Get a file
    ///
    /// For the two people of its room, once its message is sent and until it is deleted; before, for
    /// its uploader. Images that have a preview come as what they are; everything else as
    /// `application/octet-stream`, to be saved. One range of bytes may be asked for (RFC 9110 §14).
    #[oai(path = "/attachments/:attachment", method = "get", operation_id = "get_file")]
    async fn original(
        &self,
        me: Me,
        attachment: Path<String>,
        request: &Request,
    ) -> Result<FileAnswer, Problem> {
        self.answer(&me, &attachment.0, FilePart::Original, request).await
    }

    /// Get a preview
    ///
    /// Of an image: a JPEG of at most 720 pixels along its longer edge, upright and without metadata.
    #[oai(
        path = "/attachments/:attachment/preview",
        method = "get",
        operation_id = "get_file_preview"
    )]
    async fn preview(
        &self,
        me: Me,
        attachment: Path<String>,
        request: &Request,
    ) -> Result<FileAnswer, Problem> {
        self.answer(&me, &attachment.0, FilePart::Preview, request).await
    }
}

impl AttachmentsApi {
    async fn answer(
        &self,
        me: &Me,
        id: &str,
        part: FilePart,
        request: &Request,
    ) -> Result<FileAnswer, Problem> {
        let id: AttachmentId = id.parse().map_err(|_| Problem::not_found())?;
        let file = self.fetch.execute(me.user, id, part).await?;
        let tag = match part {
            FilePart::Original => format!("\"{id}\""),
            FilePart::Preview => format!("\"{id}-preview\""),
        };
        let (status, bytes) = match asked(request.headers(), &tag, file.size()) {
            Asked::Nothing => return Ok(not_modified(&tag)),
            Asked::Whole => (StatusCode::OK, 0..file.size()),
            Asked::Part(bytes) => (StatusCode::PARTIAL_CONTENT, bytes),
            Asked::Beyond => {
                let problem = Problem::new(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "range_not_satisfiable",
                    "the file has no such bytes",
                );
                let mut response = problem.into_response();
                let all = format!("bytes */{}", file.size());
                set(response.headers_mut(), header::CONTENT_RANGE, &all);
                return Ok(FileAnswer(response));
            }
        };
        let mut response = Response::builder().status(status).finish();
        describe(response.headers_mut(), &file, part, &tag, &bytes);
        if status == StatusCode::PARTIAL_CONTENT {
            let range = format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, file.size());
            set(response.headers_mut(), header::CONTENT_RANGE, &range);
        }
        response.set_body(body(file, bytes).await?);
        Ok(FileAnswer(response))
    }
}

/// Takes in what comes, as long as it comes.
async fn take_in(
    mut bringing: Bringing,
    content: impl Stream<Item = std::io::Result<Bytes>> + Send,
) -> Result<Bringing, Problem> {
    let taken = async {
        let mut content = std::pin::pin!(content);
        let (began, mut received) = (Instant::now(), 0_u64);
        loop {
            let earned = Duration::from_secs(received / u64::from(SLOWEST));
            let left = (GRACE + earned).saturating_sub(began.elapsed());
            let next = tokio::time::timeout(left.min(SILENCE), content.next()).await;
            match next.map_err(|_| too_slow())? {
                None => return Ok(()),
                Some(Err(_)) => return Err(not_whole()),
                Some(Ok(bytes)) => {
                    received += bytes.len() as u64;
                    bringing.write(&bytes).await?;
                }
            }
        }
    };
    let taken: Result<(), Problem> = taken.await;
    match taken {
        Ok(()) => Ok(bringing),
        Err(problem) => {
            bringing.abandon().await;
            Err(problem)
        }
    }
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the file came too slowly")
}

fn not_whole() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", "the file did not arrive whole")
}

/// What the browser is told of a file: above all what not to do with it.
fn describe(
    headers: &mut HeaderMap,
    file: &Fetched,
    part: FilePart,
    tag: &str,
    bytes: &Range<u64>,
) {
    let shown = file.details.image.is_some();
    let kind = match part {
        FilePart::Preview => "image/jpeg",
        FilePart::Original if shown => file.details.kind.as_str(),
        // What strangers call a page or a script is neither.
        FilePart::Original => "application/octet-stream",
    };
    let way = if shown { "inline" } else { "attachment" };
    set(headers, header::CONTENT_TYPE, kind);
    set(headers, header::CONTENT_DISPOSITION, &disposition(way, part, &file.details.name));
    set(headers, header::CONTENT_LENGTH, &(bytes.end - bytes.start).to_string());
    set(headers, header::ACCEPT_RANGES, "bytes");
    caching(headers, tag);
}

/// Asked for again each time, so that what was deleted is gone; what is unchanged is not sent twice.
fn caching(headers: &mut HeaderMap, tag: &str) {
    set(headers, header::ETAG, tag);
    set(headers, header::CACHE_CONTROL, "private, no-cache");
    set(headers, header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
}

fn not_modified(tag: &str) -> FileAnswer {
    let mut response = Response::builder().status(StatusCode::NOT_MODIFIED).finish();
    caching(response.headers_mut(), tag);
    FileAnswer(response)
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The name in both ways there are (RFC 6266): for old programs what is left in ASCII, and for all
/// others as it is (RFC 8187).
fn disposition(way: &str, part: FilePart, name: &FileName) -> String {
    if part == FilePart::Preview {
        return way.to_owned();
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || " ._-()".contains(c);
    let ascii: String = name.as_str().chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let mut encoded = String::with_capacity(3 * name.as_str().len());
    for byte in name.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("{way}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

/// The bytes as a body that opens one piece after another, as the reader takes them. The first is
/// opened here: what is damaged from the start is told in the status.
async fn body(file: Fetched, bytes: Range<u64>) -> Result<Body, Problem> {
    let mut pieces = file.pieces_of(&bytes);
    let Some(first) = pieces.next() else { return Ok(Body::empty()) };
    let first = file.read(&bytes, first).await?;
    if pieces.is_empty() {
        return Ok(Body::from_vec(first));
    }
    let rest = stream::unfold((file, bytes, pieces), |(file, bytes, mut pieces)| async move {
        let index = pieces.next()?;
        let read = file.read(&bytes, index).await.map_err(cut_off);
        // After a failure there is nothing that could follow.
        let left = if read.is_ok() { pieces } else { 0..0 };
        Some((read, (file, bytes, left)))
    });
    let first = stream::once(std::future::ready(std::io::Result::Ok(first)));
    Ok(Body::from_bytes_stream(first.chain(rest)))
}

/// The answer has begun: all that is left is to end it early, which the reader notices.
fn cut_off(error: FetchError) -> std::io::Error {
    if let FetchError::Unavailable(cause) = &error {
        tracing::error!(error = cause as &dyn std::error::Error, "a file was cut off");
    }
    std::io::Error::other(error)
}

impl<'a> ApiExtractor<'a> for FileBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(_: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![binary("application/octet-stream")];
        let description =
            Some("The bytes; `Content-Type` may say anything, and is what the file is said to be.");
        Some(MetaRequest { description, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        Ok(Self { kind: MediaType::of(request.content_type()), body: body.take()? })
    }
}

impl IntoResponse for FileAnswer {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for FileAnswer {
    fn meta() -> MetaResponses {
        let kinds =
            ["application/octet-stream", "image/png", "image/jpeg", "image/webp", "image/gif"];
        let answer = |status, description, content| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content,
            headers: vec![],
        };
        MetaResponses {
            responses: vec![
                answer(200, "All of it.", kinds.map(binary).into()),
                answer(206, "The bytes that were asked for.", kinds.map(binary).into()),
                answer(304, "The copy one has is the same.", vec![]),
            ],
        }
    }

    fn register(_: &mut Registry) {}
}

fn binary(content_type: &'static str) -> MetaMediaType {
    let schema = MetaSchema::new_with_format("string", "binary");
    MetaMediaType { content_type, schema: MetaSchemaRef::Inline(Box::new(schema)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_in_both_ways_and_cannot_leave_its_quotes() {
        let told = |name: &str| {
            let name = FileName::parse(name).expect("a name");
            disposition("attachment", FilePart::Original, &name)
        };
        assert_eq!(
            told("Rück blick.pdf"),
            "attachment; filename=\"R_ck blick.pdf\"; filename*=UTF-8''R%C3%BCck%20blick.pdf"
        );
        assert_eq!(
            told("a\"; x=\"b%.txt"),
            "attachment; filename=\"a__ x__b_.txt\"; filename*=UTF-8''a%22%3B%20x%3D%22b%25.txt"
        );
    }
}
