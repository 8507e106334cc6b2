//! Figures of how an instance does. They say how much and how long, never who or what: nothing in
//! here can hold a name, an address, an id or a text, and each has few values.
use std::{sync::Arc, time::Duration};

/// Counts what happens.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Metrics: Send + Sync {
    /// Takes note of something, at once: never waits for anybody, never fails.
    fn note(&self, figure: Figure);
}

/// Tells the figures to whoever watches over the instance.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait MetricsReport: Send + Sync {
    /// All figures as they are now.
    fn render(&self) -> RenderedMetrics;
}

/// Figures, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedMetrics {
    /// The media type of the text.
    pub content_type: &'static str,
    /// The figures.
    pub text: String,
}

/// For where nobody counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMetrics;

impl Metrics for NoMetrics {
    fn note(&self, _: Figure) {}
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figure {
    /// A request came in.
    RequestBegan,
    /// Nothing more is done for a request, whether it was answered or its client left.
    RequestEnded,
    /// A request was answered.
    Answered(AnsweredRequest),
    /// A socket is open.
    SocketOpened,
    /// A socket is closed.
    SocketClosed(SocketEnd),
    /// A frame came in.
    FrameReceived(FrameIn),
    /// A frame went out.
    FrameSent(FrameOut),
    /// What became of a message somebody wanted to send.
    Message(MessageOutcome),
    /// The store was asked for something.
    StoreCalled {
        /// For what.
        operation: StoreOperation,
        /// Whether it answered.
        outcome: CallOutcome,
        /// How long it took.
        took: Duration,
    },
    /// So many messages were handed to the store in one call.
    MessagesBatched(usize),
    /// An event was handed to the bus.
    EventPublished,
    /// Something came from the other instances.
    BroadcastReceived(BroadcastNews),
    /// A password is to be hashed, as soon as it is its turn.
    HashingBegan,
    /// A password was hashed, or turned away.
    HashingEnded {
        /// Failed means turned away.
        outcome: CallOutcome,
        /// The wait for a turn included.
        took: Duration,
    },
    /// A step of a mail on its way.
    Mail(MailStep),
    /// So many mails wait to be delivered.
    MailWaiting(u64),
}

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredRequest {
    /// What was asked to be done.
    pub method: RequestMethod,
    /// The pattern of the route that answered, as it stands in the program; never the path that
    /// was asked for. Without one, nothing is there.
    pub route: Option<Arc<str>>,
    /// The answer's status.
    pub status: StatusClass,
    /// From the request's head to the answer's.
    pub took: Duration,
}

/// The methods there are routes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestMethod {
    /// `GET` and `HEAD`.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
    /// Anything else a client may come up with.
    Other,
}

/// The first digit of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusClass {
    /// 1xx: an upgrade to a socket.
    Informational,
    /// 2xx.
    Success,
    /// 3xx.
    Redirection,
    /// 4xx: the client is wrong.
    ClientError,
    /// 5xx: we are.
    ServerError,
}

/// Why a socket closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SocketEnd {
    /// 1001: the instance goes away.
    GoingAway,
    /// 1008: the client misbehaves.
    Abuse,
    /// 1009: a frame was too long.
    TooLong,
    /// 4401: the session ended.
    SessionEnded,
    /// The peer left, or did not answer any more.
    PeerGone,
}

/// What a client asks for on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameIn {
    /// To send a message.
    Send,
    /// To move a read mark.
    Read,
    /// To tell that one is writing.
    Typing,
    /// A sign of life.
    Pulse,
    /// Nothing that could be understood.
    Malformed,
}

/// What a socket tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameOut {
    /// That it is ready.
    Ready,
    /// A message.
    Message,
    /// That events were lost on the way.
    Resync,
    /// A read mark.
    Read,
    /// What reached a device.
    Delivered,
    /// That somebody is writing.
    Typing,
    /// That somebody came online or went offline.
    Presence,
    /// A room.
    Room,
    /// That something was refused.
    Error,
}

/// What became of a message somebody wanted to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageOutcome {
    /// It is stored.
    New,
    /// It was stored before.
    Known,
    /// It went to where there is nothing, or bore another message's name.
    Refused,
    /// Its sender sends too many.
    Throttled,
    /// The store did not take it.
    Unavailable,
}

/// What the store of messages is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreOperation {
    /// To store messages.
    Append,
    /// To change one.
    Alter,
    /// For a page of history.
    ListWindow,
    /// For changes.
    ListChanges,
}

/// Whether something that was asked for was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallOutcome {
    /// It was.
    Done,
    /// It was not, or not all of it.
    Failed,
}

/// What came from the other instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BroadcastNews {
    /// An event.
    Event,
    /// That events for some people may be lost.
    LostForSome,
    /// That events for anybody may be lost.
    Lost,
}

/// The way of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailStep {
    /// It was taken on, to be delivered.
    Accepted,
    /// A mail server took it.
    Delivered,
    /// No mail server took it; it is tried again.
    Retried,
    /// It is never tried again.
    GivenUp,
}
