//! JSON request bodies, read so that each mistake gets its own answer: broken JSON 400, a wrong,
//! missing or unknown field 422 with its name, too much of it 413.
use crate::problem::Problem;
use poem::{Request, RequestBody, Result, http::StatusCode};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    error::ContentTypeError,
    payload::{Json, Payload},
    registry::{MetaMediaType, MetaRequest, Registry},
    types::Type,
};
use serde::de::DeserializeOwned;

/// Most bytes of a JSON body. A message of 4,000 characters, each escaped, has 48,000.
const MAX_BODY: usize = 64 * 1024;

/// A JSON request body.
pub struct JsonBody<T>(pub T);

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for JsonBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content =
            vec![MetaMediaType { content_type: "application/json", schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        if !request.content_type().is_some_and(Json::<T>::check_content_type) {
            return Err(ContentTypeError::ExpectContentType.into());
        }
        let bytes = body.take()?.into_bytes_limit(MAX_BODY).await?;
        Ok(Self(parse(&bytes)?))
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| refuse(&error))?;
    json.end().map_err(|_| malformed())?;
    Ok(value)
}

fn malformed() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed_json", "the body is not valid JSON")
}

/// Names the field, and never repeats what was sent.
fn refuse(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let cause = error.inner();
    if !cause.is_data() {
        return malformed();
    }
    let message = cause.to_string();
    let named = message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("missing field") {
        Problem::invalid_field(named, "missing", format!("{named} is missing"))
    } else if message.starts_with("unknown field") {
        Problem::invalid_field(named, "unknown", "there is no such field")
    } else if message.starts_with("duplicate field") {
        Problem::invalid_field(named, "duplicate", format!("{named} stands twice"))
    } else {
        Problem::invalid_field(
            &error.path().to_string(),
            "invalid",
            "this value has the wrong type",
        )
    }
}
