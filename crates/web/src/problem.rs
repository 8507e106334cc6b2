//! Errors as people and programs get them: RFC 9457 `application/problem+json`, one shape for all.
use crate::{api::second_factor::words, cookies::Cookies};
use application::{
    accounts::{
        ChallengeError, ChangeEmailError, ChangePasswordError, ConfirmError, DevicesError,
        ExportError, ForgotPasswordError, NewPasswordError, Outstanding, OwnSecondFactorError,
        PasskeyError, PictureError, PrivacyError, ProfileError, RegisterError, ResendOtpError,
        ResetPasswordError, SecondStepError, SignInError, VerifyOtpError,
        google::{BeginGoogleError, LinkByCodeError, UnlinkGoogleError},
    },
    chat::{
        AlterError, Barrier, ClearRoomError, HistoryError, MarkReadError, MuteRoomError,
        OpenRoomError, RequestError, SearchError, SendError,
    },
    files::{BringError, FetchError},
    people::{BlockError, FindPeopleError},
    ports::{HashingBusy, PictureRefused, ProviderError, Unavailable},
};
use domain::{
    attachment::InvalidFileName, email::InvalidEmail, message::InvalidBody, name::InvalidName,
    otp::OtpRejected, passkey::InvalidPasskeyName, password::WeakPassword, throttle::Throttled,
    username::InvalidUsername,
};
use poem::{
    IntoResponse, Response,
    error::{
        MethodNotAllowedError, NotFoundError, ParsePathError as UndecodablePath, ParseQueryError,
        ReadBodyError, ResponseError, WebSocketError,
    },
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Object,
    error::{ContentTypeError, ParseParamError, ParsePathError},
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};
use serde::Serialize;

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Object)]
pub struct FieldError {
    /// Which field, as the request names it.
    pub field: String,
    /// A stable word for what is wrong.
    pub code: String,
    /// The same in a sentence.
    pub detail: String,
}

/// An error (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ProblemDetails {
    /// Always `about:blank`: `code` tells what happened.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened, in a sentence.
    detail: String,
    /// A stable word for what happened.
    code: String,
    /// What is wrong with each field.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldError>>,
    /// With `otp_invalid` and `second_factor_invalid`: tries that remain.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_left: Option<u32>,
    /// With `second_factor_required`: what will do, of `app`, `passkey`, `recovery_code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    second_factors: Option<Vec<String>>,
}

/// An error on its way to the client.
#[derive(Debug)]
pub struct Problem {
    details: Box<ProblemDetails>,
    retry_after: Option<i64>,
    set_cookie: Option<HeaderValue>,
}

impl Problem {
    /// An error with a stable code and a sentence.
    pub fn new(status: StatusCode, code: &str, detail: impl std::fmt::Display) -> Self {
        let details = ProblemDetails {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.to_string(),
            code: code.to_owned(),
            errors: None,
            attempts_left: None,
            second_factors: None,
        };
        Self { details: Box::new(details), retry_after: None, set_cookie: None }
    }

    /// 401: nobody is signed in.
    pub fn signed_out() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "signed_out", "sign in first")
    }

    /// 404: there is no such thing, or not for this person.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
    }

    /// 422 with what is wrong with each field.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = errors
            .first()
            .map_or("the request is not valid", |first| first.detail.as_str())
            .to_owned();
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", detail);
        problem.details.errors = Some(errors);
        problem
    }

    /// 422 for one field.
    pub fn invalid_field(field: &str, code: &str, detail: impl std::fmt::Display) -> Self {
        Self::invalid(vec![field_error(field, code, detail)])
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.details.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The stable word for what happened.
    pub fn code(&self) -> &str {
        &self.details.code
    }

    /// How long to wait, in seconds.
    pub fn retry_after(&self) -> Option<i64> {
        self.retry_after
    }

    /// The same, setting a cookie.
    pub fn with_cookie(mut self, cookie: &str) -> Self {
        self.set_cookie = HeaderValue::from_str(cookie).ok();
        self
    }

    fn with_retry_after(mut self, seconds: i64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }
}

/// What is wrong with one field.
pub fn field_error(field: &str, code: &str, detail: impl std::fmt::Display) -> FieldError {
    FieldError { field: field.to_owned(), code: code.to_owned(), detail: detail.to_string() }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.details).unwrap_or_default();
        let mut response = Response::builder()
            .status(self.status())
            .content_type("application/problem+json")
            .body(body);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(cookie) = self.set_cookie {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        response
    }
}

impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        Self::from_response(problem.into_response())
    }
}

/// Every error of every operation, in one line of the API's description.
impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType {
            content_type: "application/problem+json",
            schema: ProblemDetails::schema_ref(),
        }];
        let description = "An error; `code` is a stable word for what happened.";
        let response = MetaResponse {
            description,
            status: None,
            status_range: None,
            content,
            headers: vec![],
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        ProblemDetails::register(registry);
    }
}

/// What the framework refuses, in the same shape. Its own words would tell callers about our
/// insides, so ours replace them.
pub fn from_framework(error: &poem::Error) -> Problem {
    let status = error.status();
    if let Some(param) = error.downcast_ref::<ParseParamError>() {
        return Problem::invalid_field(param.name, "invalid", "this value does not fit");
    }
    let nowhere = error.is::<ParsePathError>() || error.is::<UndecodablePath>();
    if nowhere || error.is::<NotFoundError>() {
        return Problem::not_found();
    }
    if error.is::<ParseQueryError>() {
        return Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "validation_failed",
            "the query can't be read",
        );
    }
    if error.is::<MethodNotAllowedError>() {
        return Problem::new(
            status,
            "method_not_allowed",
            "this address does not know that method",
        );
    }
    if error.is::<ContentTypeError>() {
        return Problem::new(status, "unsupported_media_type", "send application/json");
    }
    if let Some(ReadBodyError::PayloadTooLarge) = error.downcast_ref::<ReadBodyError>() {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "the request is too large",
        );
    }
    if let Some(socket) = error.downcast_ref::<WebSocketError>() {
        return Problem::new(
            socket.status(),
            "websocket_required",
            "this address speaks WebSocket",
        );
    }
    if status.is_server_error() {
        return internal(error);
    }
    Problem::new(
        status,
        "bad_request",
        status.canonical_reason().unwrap_or("the request can't be read"),
    )
}

/// Logged once, here; the caller learns nothing of the cause.
fn internal(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "a request failed");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong here")
}

impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        tracing::error!(
            port = error.port(),
            error = &error as &dyn std::error::Error,
            "a part is unavailable"
        );
        let detail = format!("the {} does not answer; try again in a moment", error.port());
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).with_retry_after(1)
    }
}

impl From<Throttled> for Problem {
    fn from(error: Throttled) -> Self {
        let seconds = (error.retry_after.num_milliseconds() + 999) / 1_000;
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", error).with_retry_after(seconds)
    }
}

impl From<HashingBusy> for Problem {
    fn from(error: HashingBusy) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error).with_retry_after(1)
    }
}

fn username_taken(detail: &dyn std::fmt::Display) -> Problem {
    Problem::new(StatusCode::CONFLICT, "username_taken", detail)
}

fn account_disabled(detail: &dyn std::fmt::Display) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "account_disabled", detail)
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::UsernameTaken => username_taken(&error),
            RegisterError::Password(weak) => Self::invalid(vec![weak_password("password", weak)]),
            RegisterError::Throttled(e) => e.into(),
            RegisterError::Busy(e) => e.into(),
            RegisterError::Unavailable(e) => e.into(),
        }
    }
}

impl From<VerifyOtpError> for Problem {
    fn from(error: VerifyOtpError) -> Self {
        match error {
            VerifyOtpError::NotWaiting => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "otp_invalid", error)
            }
            VerifyOtpError::Rejected(rejected) => rejected.into(),
            VerifyOtpError::UsernameTaken => username_taken(&error),
            VerifyOtpError::AccountDisabled => account_disabled(&error),
            VerifyOtpError::Throttled(e) => e.into(),
            VerifyOtpError::Unavailable(e) => e.into(),
        }
    }
}

impl From<OtpRejected> for Problem {
    fn from(rejected: OtpRejected) -> Self {
        match rejected {
            OtpRejected::Expired => Self::new(StatusCode::GONE, "otp_expired", rejected),
            OtpRejected::Exhausted => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "otp_exhausted", rejected)
                    .with_retry_after(60)
            }
            OtpRejected::Wrong { attempts_left } => {
                let mut problem =
                    Self::new(StatusCode::UNPROCESSABLE_ENTITY, "otp_invalid", rejected);
                problem.details.attempts_left = Some(attempts_left);
                problem
            }
        }
    }
}

impl From<ChallengeError> for Problem {
    fn from(error: ChallengeError) -> Self {
        match error {
            ChallengeError::NotWaiting => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "otp_invalid", error)
            }
            ChallengeError::Rejected(rejected) => rejected.into(),
            ChallengeError::Throttled(e) => e.into(),
            ChallengeError::Unavailable(e) => e.into(),
        }
    }
}

impl From<ConfirmError> for Problem {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::Gone => Self::signed_out(),
            ConfirmError::WrongPassword => {
                Self::new(StatusCode::FORBIDDEN, "wrong_password", error)
            }
            ConfirmError::Code(e) => e.into(),
            ConfirmError::Throttled(e) => e.into(),
            ConfirmError::Busy(e) => e.into(),
            ConfirmError::Unavailable(e) => e.into(),
        }
    }
}

fn second_factor_invalid(detail: &dyn std::fmt::Display) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "second_factor_invalid", detail)
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Gone => Self::signed_out(),
            ExportError::Underway => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "export_underway", error)
                    .with_retry_after(60)
            }
            ExportError::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error).with_retry_after(60)
            }
            ExportError::Throttled(e) => e.into(),
            ExportError::Unavailable(e) => e.into(),
        }
    }
}

impl From<SecondStepError> for Problem {
    fn from(error: SecondStepError) -> Self {
        match error {
            SecondStepError::NotWaiting => Self::new(StatusCode::GONE, "sign_in_expired", error),
            SecondStepError::Wrong { attempts_left } => {
                let mut problem = second_factor_invalid(&error);
                problem.details.attempts_left = Some(attempts_left);
                problem
            }
            SecondStepError::AccountDisabled => account_disabled(&error),
            SecondStepError::Throttled(e) => e.into(),
            SecondStepError::Unavailable(e) => e.into(),
        }
    }
}

impl From<OwnSecondFactorError> for Problem {
    fn from(error: OwnSecondFactorError) -> Self {
        match error {
            OwnSecondFactorError::NotWaiting => {
                Self::new(StatusCode::GONE, "set_up_expired", error)
            }
            OwnSecondFactorError::WrongCode => second_factor_invalid(&error),
            OwnSecondFactorError::Off => {
                Self::new(StatusCode::CONFLICT, "second_factor_off", error)
            }
            OwnSecondFactorError::On => Self::new(StatusCode::CONFLICT, "second_factor_on", error),
            OwnSecondFactorError::NoPasskey => Self::new(StatusCode::CONFLICT, "no_passkey", error),
            OwnSecondFactorError::Confirm(e) => e.into(),
            OwnSecondFactorError::Throttled(e) => e.into(),
            OwnSecondFactorError::Unavailable(e) => e.into(),
        }
    }
}

impl From<PasskeyError> for Problem {
    fn from(error: PasskeyError) -> Self {
        match error {
            PasskeyError::NoName => Self::new(StatusCode::CONFLICT, "passkeys_unavailable", error),
            PasskeyError::NotWaiting => Self::passkey_expired(),
            PasskeyError::Refused(e) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "passkey_invalid", e)
            }
            PasskeyError::TooMany => Self::new(StatusCode::CONFLICT, "too_many_passkeys", error),
            PasskeyError::NoSuchPasskey => Self::not_found(),
            PasskeyError::AccountDisabled => account_disabled(&error),
            PasskeyError::Confirm(e) => e.into(),
            PasskeyError::Throttled(e) => e.into(),
            PasskeyError::Unavailable(e) => e.into(),
        }
    }
}

impl From<ForgotPasswordError> for Problem {
    fn from(error: ForgotPasswordError) -> Self {
        match error {
            ForgotPasswordError::Throttled(e) => e.into(),
            ForgotPasswordError::Unavailable(e) => e.into(),
        }
    }
}

impl From<ResetPasswordError> for Problem {
    fn from(error: ResetPasswordError) -> Self {
        match error {
            ResetPasswordError::Expired => Self::reset_expired(),
            ResetPasswordError::New(e) => Self::from_new_password("password", &e),
            ResetPasswordError::Throttled(e) => e.into(),
            ResetPasswordError::Unavailable(e) => e.into(),
        }
    }
}

impl From<ChangePasswordError> for Problem {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::ProofMissing => Self::proof_missing("current"),
            ChangePasswordError::Confirm(e) => e.into(),
            ChangePasswordError::New(e) => Self::from_new_password("new", &e),
            ChangePasswordError::Unavailable(e) => e.into(),
        }
    }
}

impl From<ChangeEmailError> for Problem {
    fn from(error: ChangeEmailError) -> Self {
        match error {
            ChangeEmailError::SameAddress => Self::invalid_field("email", "unchanged", error),
            ChangeEmailError::Confirm(e) => e.into(),
            ChangeEmailError::Code(e) => e.into(),
            ChangeEmailError::Unavailable(e) => e.into(),
        }
    }
}

impl From<BeginGoogleError> for Problem {
    fn from(error: BeginGoogleError) -> Self {
        match error {
            BeginGoogleError::NotSetUp => Self::new(StatusCode::NOT_FOUND, "not_found", error),
            BeginGoogleError::Throttled(e) => e.into(),
            BeginGoogleError::Provider(e) => e.into(),
            BeginGoogleError::Unavailable(e) => e.into(),
        }
    }
}

impl From<ProviderError> for Problem {
    fn from(error: ProviderError) -> Self {
        tracing::warn!(%error, "nobody was sent to Google");
        let detail = "Google does not answer; try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "provider_unavailable", detail)
            .with_retry_after(1)
    }
}

impl Problem {
    /// An account that is not linked, or asks for more; that is bound to the browser by a cookie.
    pub fn from_link_by_code(error: LinkByCodeError, cookies: &Cookies) -> Self {
        let detail = error.to_string();
        match error {
            LinkByCodeError::SecondFactor(outstanding) => {
                Self::second_factor_required(&detail, &outstanding, cookies)
            }
            LinkByCodeError::NotWaiting => Self::new(StatusCode::NOT_FOUND, "not_found", error),
            LinkByCodeError::Code(e) => e.into(),
            LinkByCodeError::Taken => Self::new(StatusCode::CONFLICT, "google_taken", error),
            LinkByCodeError::LinkedOtherwise => {
                Self::new(StatusCode::CONFLICT, "google_linked_otherwise", error)
            }
            LinkByCodeError::AccountDisabled => account_disabled(&error),
            LinkByCodeError::Unavailable(e) => e.into(),
        }
    }
}

impl From<UnlinkGoogleError> for Problem {
    fn from(error: UnlinkGoogleError) -> Self {
        match error {
            UnlinkGoogleError::Gone => Self::signed_out(),
            UnlinkGoogleError::NoOtherWay => {
                Self::new(StatusCode::CONFLICT, "password_needed", error)
            }
            UnlinkGoogleError::Unavailable(e) => e.into(),
        }
    }
}

impl From<ResendOtpError> for Problem {
    fn from(error: ResendOtpError) -> Self {
        match error {
            ResendOtpError::Throttled(e) => e.into(),
            ResendOtpError::Unavailable(e) => e.into(),
        }
    }
}

impl From<DevicesError> for Problem {
    fn from(error: DevicesError) -> Self {
        match error {
            DevicesError::NoSuchSession => Self::not_found(),
            DevicesError::Unavailable(e) => e.into(),
        }
    }
}

impl From<PictureError> for Problem {
    fn from(error: PictureError) -> Self {
        match error {
            PictureError::Gone => Self::signed_out(),
            PictureError::Refused(PictureRefused::Busy) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error).with_retry_after(2)
            }
            PictureError::Refused(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_image", error)
            }
            PictureError::Unavailable(e) => e.into(),
        }
    }
}

impl From<PrivacyError> for Problem {
    fn from(error: PrivacyError) -> Self {
        match error {
            PrivacyError::Gone => Self::signed_out(),
            PrivacyError::Throttled(e) => e.into(),
            PrivacyError::Unavailable(e) => e.into(),
        }
    }
}

impl From<ProfileError> for Problem {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Gone => Self::signed_out(),
            ProfileError::UsernameTaken => username_taken(&error),
            ProfileError::Unavailable(e) => e.into(),
        }
    }
}

impl Problem {
    /// 410: a link for a new password that does not count, whatever is wrong with it.
    pub fn reset_expired() -> Self {
        Self::new(StatusCode::GONE, "reset_expired", ResetPasswordError::Expired)
    }

    /// 410: a ceremony with a device that has ended, or never was.
    pub fn passkey_expired() -> Self {
        Self::new(StatusCode::GONE, "passkey_expired", PasskeyError::NotWaiting)
    }

    /// 500: a fault of ours.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        internal(error)
    }

    /// 422: nothing shows that it is really the account's owner who asks.
    pub fn proof_missing(field: &str) -> Self {
        Self::invalid_field(field, "missing", ChangePasswordError::ProofMissing)
    }

    /// 403: the first factor was right, and the browser may show the second.
    pub fn second_factor_required(
        detail: &str,
        outstanding: &Outstanding,
        cookies: &Cookies,
    ) -> Self {
        let mut problem = Self::new(StatusCode::FORBIDDEN, "second_factor_required", detail);
        problem.details.second_factors = Some(words(&outstanding.kinds));
        problem.with_cookie(&cookies.set_step(&outstanding.flow))
    }

    fn from_new_password(field: &str, error: &NewPasswordError) -> Self {
        match error {
            NewPasswordError::Weak(weak) => Self::invalid(vec![weak_password(field, *weak)]),
            NewPasswordError::Busy(e) => (*e).into(),
        }
    }

    /// A refused sign-in. Where there is something that this browser may do about it, it gets the
    /// cookie that lets it.
    pub fn from_sign_in(error: SignInError, cookies: &Cookies) -> Self {
        let detail = error.to_string();
        match error {
            SignInError::InvalidCredentials => {
                Self::new(StatusCode::UNAUTHORIZED, "invalid_credentials", detail)
            }
            SignInError::EmailUnverified { flow } => {
                Self::new(StatusCode::FORBIDDEN, "email_unverified", detail)
                    .with_cookie(&cookies.set_flow(&flow))
            }
            SignInError::SecondFactor(outstanding) => {
                Self::second_factor_required(&detail, &outstanding, cookies)
            }
            SignInError::AccountDisabled => account_disabled(&detail),
            SignInError::Throttled(e) => e.into(),
            SignInError::Busy(e) => e.into(),
            SignInError::Unavailable(e) => e.into(),
        }
    }
}

impl From<FindPeopleError> for Problem {
    fn from(error: FindPeopleError) -> Self {
        match error {
            FindPeopleError::TooShort => Self::invalid_field("query", "too_short", error),
            FindPeopleError::Throttled(e) => e.into(),
            FindPeopleError::Unavailable(e) => e.into(),
        }
    }
}

impl From<OpenRoomError> for Problem {
    fn from(error: OpenRoomError) -> Self {
        match error {
            OpenRoomError::NobodyThere => Self::new(StatusCode::NOT_FOUND, "not_found", error),
            OpenRoomError::SamePerson(_) => {
                Self::invalid_field("username", "oneself", "this is your own username")
            }
            OpenRoomError::Throttled(e) => e.into(),
            OpenRoomError::Unavailable(e) => e.into(),
        }
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NoSuchRoom => Self::not_found(),
            RequestError::AlreadyOpen => Self::new(StatusCode::CONFLICT, "already_open", error),
            RequestError::Unavailable(e) => e.into(),
        }
    }
}

impl From<BlockError> for Problem {
    fn from(error: BlockError) -> Self {
        match error {
            BlockError::NobodyThere => Self::new(StatusCode::NOT_FOUND, "not_found", error),
            BlockError::SamePerson => Self::invalid_field("user", "oneself", error),
            BlockError::TooMany => Self::new(StatusCode::CONFLICT, "too_many_blocks", error),
            BlockError::Unavailable(e) => e.into(),
        }
    }
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::NoSuchRoom => Self::not_found(),
            HistoryError::Unavailable(e) => e.into(),
        }
    }
}

impl From<MarkReadError> for Problem {
    fn from(error: MarkReadError) -> Self {
        match error {
            MarkReadError::NoSuchRoom => Self::not_found(),
            MarkReadError::Unavailable(e) => e.into(),
        }
    }
}

impl From<Barrier> for Problem {
    fn from(barrier: Barrier) -> Self {
        match barrier {
            Barrier::NoSuchRoom => Self::not_found(),
            Barrier::NotDelivered => Self::new(StatusCode::FORBIDDEN, "not_delivered", barrier),
            Barrier::Blocked => Self::new(StatusCode::CONFLICT, "blocked", barrier),
        }
    }
}

impl From<AlterError> for Problem {
    fn from(error: AlterError) -> Self {
        match error {
            AlterError::NotFound => Self::not_found(),
            AlterError::Barred(barrier) => barrier.into(),
            AlterError::TooManyReactions(_) => {
                Self::new(StatusCode::CONFLICT, "too_many_reactions", error)
            }
            AlterError::Throttled(e) => e.into(),
            AlterError::Unavailable(e) => e.into(),
        }
    }
}

impl From<ClearRoomError> for Problem {
    fn from(error: ClearRoomError) -> Self {
        match error {
            ClearRoomError::NoSuchRoom => Self::not_found(),
            ClearRoomError::Unavailable(e) => e.into(),
        }
    }
}

impl From<MuteRoomError> for Problem {
    fn from(error: MuteRoomError) -> Self {
        match error {
            MuteRoomError::NoSuchRoom => Self::not_found(),
            MuteRoomError::Unavailable(e) => e.into(),
        }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::NoSuchRoom => Self::not_found(),
            SearchError::Throttled(e) => e.into(),
            SearchError::Unavailable(e) => e.into(),
        }
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Barred(barrier) => barrier.into(),
            SendError::NoSuchReply => Self::invalid_field("reply_to", "not_found", error),
            SendError::NoSuchAttachment => Self::invalid_field("attachments", "not_found", error),
            SendError::ClientIdReused => Self::new(StatusCode::CONFLICT, "client_id_reused", error),
            SendError::Throttled(e) => e.into(),
            SendError::Unavailable(e) => e.into(),
        }
    }
}

impl From<BringError> for Problem {
    fn from(error: BringError) -> Self {
        match error {
            BringError::NoSuchRoom => Self::not_found(),
            BringError::Empty => Self::invalid_field("body", "empty", error),
            BringError::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", error),
            BringError::QuotaExceeded => Self::new(StatusCode::CONFLICT, "quota_exceeded", error),
            BringError::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error).with_retry_after(2)
            }
            BringError::Throttled(e) => e.into(),
            BringError::Unavailable(e) => e.into(),
        }
    }
}

impl From<FetchError> for Problem {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::NoSuchFile => Self::not_found(),
            // Noted where it was found out.
            FetchError::Unreadable => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable", error)
            }
            FetchError::Unavailable(e) => e.into(),
        }
    }
}

/// The stable word for what is wrong with a file's name.
pub fn file_name_code(error: InvalidFileName) -> &'static str {
    match error {
        InvalidFileName::Empty => "empty",
        InvalidFileName::TooLong => "too_long",
        InvalidFileName::Character => "invalid",
    }
}

/// The stable word for what is wrong with a body.
pub fn body_code(error: InvalidBody) -> &'static str {
    match error {
        InvalidBody::Empty => "empty",
        InvalidBody::TooLong => "too_long",
        InvalidBody::ControlCharacter => "control_character",
    }
}

/// What is wrong with a password.
pub fn weak_password(field: &str, weak: WeakPassword) -> FieldError {
    let code = match weak {
        WeakPassword::TooShort => "too_short",
        WeakPassword::TooLong => "too_long",
        WeakPassword::LikeTheUser => "like_username",
        WeakPassword::TooCommon => "too_common",
    };
    field_error(field, code, weak)
}

/// What is wrong with a username.
pub fn invalid_username(error: InvalidUsername) -> FieldError {
    let code = match error {
        InvalidUsername::Length => "length",
        InvalidUsername::Character => "character",
        InvalidUsername::Marks => "marks",
    };
    field_error("username", code, error)
}

/// What is wrong with a name.
pub fn invalid_name(field: &str, error: InvalidName) -> FieldError {
    let code = match error {
        InvalidName::TooLong => "too_long",
        InvalidName::Character => "character",
    };
    field_error(field, code, error)
}

/// What is wrong with the name of a passkey.
pub fn invalid_passkey_name(error: InvalidPasskeyName) -> FieldError {
    let code = match error {
        InvalidPasskeyName::Length => "length",
        InvalidPasskeyName::Character => "character",
    };
    field_error("name", code, error)
}

/// What is wrong with an address.
pub fn invalid_email(error: InvalidEmail) -> FieldError {
    field_error("email", "invalid", error)
}
