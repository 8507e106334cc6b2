//! One's own picture.
use super::{Area, shapes::OwnUserShape};
use crate::{gate::Me, problem::Problem};
use application::accounts::Pictures;
use poem::{Body, Request, RequestBody, Result, error::ReadBodyError, http::StatusCode};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions, OpenApi,
    payload::Json,
    registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry},
};

/// The largest image that is taken.
const MAX_IMAGE: usize = 5 * 1024 * 1024;
/// What may be sent. Which of them it is goes by its content.
const KINDS: [&str; 4] = ["image/png", "image/jpeg", "image/webp", "image/gif"];

/// One's own picture.
pub struct PictureApi {
    /// Shows and changes it.
    pub pictures: Pictures,
}

/// An image of a known kind, not yet read.
struct ImageBody(Body);

impl<'a> ApiExtractor<'a> for ImageBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(_: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let schema =
            || MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "binary")));
        let content =
            KINDS.map(|content_type| MetaMediaType { content_type, schema: schema() }).into();
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let named = request.content_type().unwrap_or_default();
        let kind = named.split(';').next().unwrap_or_default().trim();
        if !KINDS.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send a PNG, JPEG, WebP or GIF image",
            )
            .into());
        }
        Ok(Self(body.take()?))
    }
}

#[OpenApi(tag = "Area::Me")]
impl PictureApi {
    /// Give oneself a picture
    ///
    /// The bytes of one whole image with nothing behind it, up to 5 MiB, 12 megapixels and 4096 pixels
    /// along an edge; some kinds take more to draw, and fewer pixels. Of an animation of up to 1,000
    /// frames, the first is shown. Everybody gets its middle as a JPEG of at most 512 by 512 pixels,
    /// upright and without metadata, under a new name. 415 `unsupported_media_type`, 422
    /// `invalid_image`, 413 `too_large`, 503 `busy`.
    #[oai(path = "/me/picture", method = "put", operation_id = "change_picture")]
    async fn change(&self, me: Me, image: ImageBody) -> Result<Json<OwnUserShape>, Problem> {
        self.pictures.admit(me.user).await?;
        let image = image.0.into_bytes_limit(MAX_IMAGE).await.map_err(|error| unread(&error))?;
        let user = self.pictures.change(me.user, image.into()).await?;
        Ok(Json((&user).into()))
    }

    /// Remove one's picture
    #[oai(path = "/me/picture", method = "delete", operation_id = "remove_picture")]
    async fn remove(&self, me: Me) -> Result<Json<OwnUserShape>, Problem> {
        Ok(Json((&self.pictures.remove(me.user).await?).into()))
    }
}

fn unread(error: &ReadBodyError) -> Problem {
    match error {
        ReadBodyError::PayloadTooLarge => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "the image is larger than 5 MiB",
        ),
        _ => Problem::new(StatusCode::BAD_REQUEST, "bad_request", "the image did not arrive whole"),
    }
}
