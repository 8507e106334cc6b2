//! What the figures' labels are called. Each has few values, all of them written in here or, for
//! routes, in the program's own table of routes.
use application::ports::{
    AnsweredRequest, BroadcastNews, CallOutcome, FrameIn, FrameOut, MailStep, MessageOutcome,
    RequestMethod, SocketEnd, StatusClass, StoreOperation,
};
use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};
use std::{fmt, sync::Arc};

/// One label of fixed words.
pub type Label = [(&'static str, &'static str); 1];
/// Two of them.
pub type Labels = [(&'static str, &'static str); 2];

/// What tells one answered request from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answered {
    route: RouteLabels,
    status: StatusClass,
}

/// The same without the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RouteLabels {
    method: RequestMethod,
    route: Option<Arc<str>>,
}

impl Answered {
    pub fn of(request: &AnsweredRequest) -> Self {
        Self { route: RouteLabels::of(request), status: request.status }
    }
}

impl RouteLabels {
    pub fn of(request: &AnsweredRequest) -> Self {
        Self { method: request.method, route: request.route.clone() }
    }
}

impl EncodeLabelSet for RouteLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        ("method", method(self.method)).encode(encoder.encode_label())?;
        ("route", self.route.as_deref().unwrap_or("none")).encode(encoder.encode_label())
    }
}

impl EncodeLabelSet for Answered {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        self.route.encode(encoder)?;
        ("status", status(self.status)).encode(encoder.encode_label())
    }
}

fn method(method: RequestMethod) -> &'static str {
    match method {
        RequestMethod::Get => "GET",
        RequestMethod::Post => "POST",
        RequestMethod::Put => "PUT",
        RequestMethod::Patch => "PATCH",
        RequestMethod::Delete => "DELETE",
        RequestMethod::Other => "other",
    }
}

fn status(status: StatusClass) -> &'static str {
    match status {
        StatusClass::Informational => "1xx",
        StatusClass::Success => "2xx",
        StatusClass::Redirection => "3xx",
        StatusClass::ClientError => "4xx",
        StatusClass::ServerError => "5xx",
    }
}

pub fn socket_end(end: SocketEnd) -> Label {
    let code = match end {
        SocketEnd::GoingAway => "1001",
        SocketEnd::Abuse => "1008",
        SocketEnd::TooLong => "1009",
        SocketEnd::SessionEnded => "4401",
        SocketEnd::PeerGone => "none",
    };
    [("code", code)]
}

pub fn frame_in(frame: FrameIn) -> Label {
    let kind = match frame {
        FrameIn::Send => "send",
        FrameIn::Read => "read",
        FrameIn::Typing => "typing",
        FrameIn::Pulse => "pulse",
        FrameIn::Malformed => "malformed",
    };
    [("type", kind)]
}

pub fn frame_out(frame: FrameOut) -> Label {
    let kind = match frame {
        FrameOut::Ready => "ready",
        FrameOut::Message => "message",
        FrameOut::Resync => "resync",
        FrameOut::Read => "read",
        FrameOut::Delivered => "delivered",
        FrameOut::Typing => "typing",
        FrameOut::Presence => "presence",
        FrameOut::Room => "room",
        FrameOut::Error => "error",
    };
    [("type", kind)]
}

pub fn message(outcome: MessageOutcome) -> Label {
    let outcome = match outcome {
        MessageOutcome::New => "new",
        MessageOutcome::Known => "known",
        MessageOutcome::Refused => "refused",
        MessageOutcome::Throttled => "throttled",
        MessageOutcome::Unavailable => "unavailable",
    };
    [("outcome", outcome)]
}

pub fn operation(operation: StoreOperation) -> Label {
    let operation = match operation {
        StoreOperation::Append => "append",
        StoreOperation::Alter => "alter",
        StoreOperation::ListWindow => "list_window",
        StoreOperation::ListChanges => "list_changes",
    };
    [("operation", operation)]
}

pub fn store_call(operation_of: StoreOperation, outcome: CallOutcome) -> Labels {
    [operation(operation_of)[0], call(outcome)[0]]
}

pub fn call(outcome: CallOutcome) -> Label {
    let outcome = match outcome {
        CallOutcome::Done => "done",
        CallOutcome::Failed => "failed",
    };
    [("outcome", outcome)]
}

pub fn broadcast(news: BroadcastNews) -> Label {
    let kind = match news {
        BroadcastNews::Event => "event",
        BroadcastNews::LostForSome => "lost_for_some",
        BroadcastNews::Lost => "lost",
    };
    [("kind", kind)]
}

pub fn mail(step: MailStep) -> Label {
    let step = match step {
        MailStep::Accepted => "accepted",
        MailStep::Delivered => "delivered",
        MailStep::Retried => "retried",
        MailStep::GivenUp => "given_up",
    };
    [("step", step)]
}
