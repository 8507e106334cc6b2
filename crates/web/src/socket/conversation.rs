//! One open socket, from `ready` to its end.
use super::{
    Place,
    frames::{Refusal, ServerFrame, read_frame},
    inbox::{Inbox, Work},
    wire::{Ending, Incoming, Wire},
};
use crate::server::ConnectionPlace;
use application::{
    chat::{
        Draft, Following, LiveEvent, MarkDelivered, MarkRead, MarkReadError, Scope, SendError,
        SendMessages, Sent, Typing,
    },
    ports::{Figure, FrameIn, Metrics, SocketEnd, Unavailable},
};
use domain::{
    TimeDelta, Timestamp,
    id::{ClientId, RoomId, UserId},
    room::Reached,
    throttle::{Quota, Throttled},
};
use futures_util::FutureExt;
use poem::web::websocket::WebSocketStream;
use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often we ask for a sign of life, and whether the session still counts.
const PULSE: Duration = Duration::from_secs(20);
/// Silent for so long, a peer is gone; found out within 60 s.
const SILENCE: Duration = Duration::from_secs(39);
/// Mistakes that are still a bug rather than an attack.
const MISTAKES: Quota = Quota::new(200, TimeDelta::milliseconds(200));
/// How long a shutdown waits for a peer that does not read, or a store that does not answer.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Events written in one go.
const BURST: usize = 64;

/// A socket and what it needs.
pub struct Conversation {
    /// Whose it is.
    pub(super) me: UserId,
    /// Which rooms it is about.
    pub(super) scope: Scope,
    /// What happens there.
    pub(super) following: Following,
    /// Sends messages.
    pub(super) send_messages: Arc<SendMessages>,
    /// Moves read marks.
    pub(super) mark_read: Arc<MarkRead>,
    /// Notes what reached its peer.
    pub(super) mark_delivered: Arc<MarkDelivered>,
    /// Tells the other.
    pub(super) typing: Arc<Typing>,
    /// How many frames it may send.
    pub(super) frames: Option<Quota>,
    /// When to end.
    pub(super) shutdown: CancellationToken,
    /// Counts.
    pub(super) metrics: Arc<dyn Metrics>,
    /// What it takes up as long as it lasts.
    pub(super) _places: (Place, Option<ConnectionPlace>),
}

/// What became of a piece of work.
enum Done {
    Sent(Vec<(RoomId, ClientId, Result<Sent, SendError>)>),
    Refused(Option<Refusal>),
}

type Working = Pin<Box<dyn Future<Output = Done> + Send>>;

impl Conversation {
    /// Talks until one side ends it.
    pub async fn run(self, stream: WebSocketStream) {
        let shutdown = self.shutdown.clone();
        let mut open = OpenSocket::count(self.metrics.clone());
        let mut talk = Talk::new(self, Wire::new(stream));
        let ending = tokio::select! {
            ending = talk.converse() => ending,
            () = long_after(&shutdown) => Ending::GoingAway,
        };
        open.end = ending.figure();
        talk.wire.close(ending).await;
    }

    /// The peer asks for what it missed.
    fn catches_up(&self) {
        let only = match self.scope {
            Scope::AllRooms => None,
            Scope::Room(room) => Some(room),
        };
        self.mark_delivered.arrived(self.me, only);
    }

    /// What of the other's an event brings to the peer.
    fn brings(&self, event: &LiveEvent) -> Option<Reached> {
        let LiveEvent::Message(opened) = event else { return None };
        let message = &opened.message;
        let (room, seq) = (message.room, message.seq);
        (message.sender != self.me).then_some(Reached { user: self.me, room, seq })
    }

    fn begin(&self, work: Work) -> Working {
        let me = self.me;
        match work {
            Work::Send(drafts) => {
                let send_messages = self.send_messages.clone();
                Box::pin(async move {
                    let names: Vec<_> =
                        drafts.iter().map(|draft| (draft.room, draft.client_id)).collect();
                    let outcomes = send_messages.execute_batch(me, drafts).await;
                    Done::Sent(
                        names
                            .into_iter()
                            .zip(outcomes)
                            .map(|((room, id), sent)| (room, id, sent))
                            .collect(),
                    )
                })
            }
            Work::Read(room, seq) => {
                let mark_read = self.mark_read.clone();
                Box::pin(async move {
                    let marked = mark_read.execute(me, room, seq).await;
                    Done::Refused(marked.err().as_ref().map(refuse_read))
                })
            }
            Work::Typing(room) => {
                let typing = self.typing.clone();
                Box::pin(
                    async move { Done::Refused(refuse_typing(&typing.execute(me, room).await)) },
                )
            }
        }
    }
}

fn refuse_read(error: &MarkReadError) -> Refusal {
    match error {
        MarkReadError::NoSuchRoom => Refusal::not_found(),
        MarkReadError::Unavailable(cause) => unavailable(cause),
    }
}

fn refuse_typing(told: &Result<bool, Unavailable>) -> Option<Refusal> {
    match told {
        Ok(true) => None,
        Ok(false) => Some(Refusal::not_found()),
        Err(cause) => Some(unavailable(cause)),
    }
}

/// Logged once, here.
fn unavailable(cause: &Unavailable) -> Refusal {
    tracing::error!(error = cause as &dyn std::error::Error, "a frame could not be answered");
    Refusal::unavailable()
}

/// A conversation under way.
struct Talk {
    conversation: Conversation,
    wire: Wire,
    inbox: Inbox,
    working: Option<Working>,
    last_heard: Instant,
    frames: Option<Allowance>,
    mistakes: Allowance,
}

/// Counts among the open sockets until it is dropped.
struct OpenSocket {
    metrics: Arc<dyn Metrics>,
    end: SocketEnd,
}

impl OpenSocket {
    fn count(metrics: Arc<dyn Metrics>) -> Self {
        metrics.note(Figure::SocketOpened);
        Self { metrics, end: SocketEnd::PeerGone }
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.metrics.note(Figure::SocketClosed(self.end));
    }
}

/// What is left of a quota.
struct Allowance {
    quota: Quota,
    began: Instant,
    state: Option<Timestamp>,
}

impl Allowance {
    fn new(quota: Quota, began: Instant) -> Self {
        Self { quota, began, state: None }
    }

    fn spend(&mut self, now: Instant) -> Result<(), Ending> {
        let since = TimeDelta::from_std(now.duration_since(self.began)).unwrap_or_default();
        let admitted = self.quota.admit(self.state, Timestamp::UNIX_EPOCH + since);
        self.state = Some(admitted.map_err(|Throttled { .. }| Ending::Abuse)?);
        Ok(())
    }
}

impl Talk {
    fn new(conversation: Conversation, wire: Wire) -> Self {
        let now = Instant::now();
        Self {
            frames: conversation.frames.map(|quota| Allowance::new(quota, now)),
            mistakes: Allowance::new(MISTAKES, now),
            conversation,
            wire,
            inbox: Inbox::default(),
            working: None,
            last_heard: now,
        }
    }

    async fn converse(&mut self) -> Ending {
        match self.talk().await {
            Err(Ending::GoingAway) => self.finish_work().await.err().unwrap_or(Ending::GoingAway),
            Ok(ending) | Err(ending) => ending,
        }
    }

    async fn talk(&mut self) -> Result<Ending, Ending> {
        self.say(&ServerFrame::ready(self.conversation.me)).await?;
        self.conversation.catches_up();
        let mut pulse = tokio::time::interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pulse.reset();
        loop {
            self.take_up_work().await?;
            // The shutdown is but looked for here: whatever is being told is told to its end.
            tokio::select! {
                () = self.conversation.shutdown.cancelled() => return Err(Ending::GoingAway),
                event = self.conversation.following.next() => self.tell(event).await?,
                done = finished(&mut self.working) => {
                    self.working = None;
                    self.report(done).await?;
                }
                incoming = self.wire.receive(), if self.inbox.has_room() => self.hear(incoming?).await?,
                _ = pulse.tick() => self.check_pulse().await?,
            }
        }
    }

    /// Begins the next piece of work if none is under way.
    async fn take_up_work(&mut self) -> Result<(), Ending> {
        while self.working.is_none() {
            let (refused, work) = self.inbox.next_work(Instant::now());
            for Draft { client_id, .. } in refused {
                self.say(&ServerFrame::Error(Refusal::unavailable().about(client_id))).await?;
            }
            let Some(work) = work else { return Ok(()) };
            self.working = Some(self.conversation.begin(work));
        }
        Ok(())
    }

    /// Sends an event and those right behind it in one go.
    async fn tell(&mut self, first: LiveEvent) -> Result<(), Ending> {
        let (mut next, mut told, mut ended) = (Some(first), 0, false);
        let (mut reached, mut lost) = (Vec::new(), false);
        while let Some(event) = next.take() {
            reached.extend(self.conversation.brings(&event));
            lost |= matches!(event, LiveEvent::Resync);
            let Some(frame) = ServerFrame::of(event) else {
                ended = true;
                break;
            };
            self.feed(&frame).await?;
            told += 1;
            if told < BURST {
                next = self.conversation.following.next().now_or_never();
            }
        }
        self.wire.flush().await?;
        self.conversation.mark_delivered.reached(reached);
        if lost {
            self.conversation.catches_up();
        }
        if ended { Err(Ending::SessionEnded) } else { Ok(()) }
    }

    async fn hear(&mut self, incoming: Incoming) -> Result<(), Ending> {
        self.last_heard = Instant::now();
        if let Some(frames) = &mut self.frames {
            frames.spend(self.last_heard)?;
        }
        let refusal = match incoming {
            Incoming::Pong => {
                self.note_received(FrameIn::Pulse);
                return Ok(());
            }
            Incoming::Binary => Refusal::new("binary_refused", "frames are text"),
            Incoming::Text(text) => match read_frame(&text, self.conversation.scope) {
                Ok(ask) => {
                    self.note_received(ask.figure());
                    self.inbox.push(ask);
                    return Ok(());
                }
                Err(refusal) => refusal,
            },
        };
        self.note_received(FrameIn::Malformed);
        self.refuse(refusal).await
    }

    /// New messages come back as events; only what differs is told here.
    async fn report(&mut self, done: Done) -> Result<(), Ending> {
        let outcomes = match done {
            Done::Refused(None) => return Ok(()),
            Done::Refused(Some(refusal)) => return self.refuse(refusal).await,
            Done::Sent(outcomes) => outcomes,
        };
        for (room, client_id, outcome) in outcomes {
            match outcome {
                Ok(Sent::New(_)) => {}
                Ok(Sent::Known(message)) => self.say(&ServerFrame::Message(message.into())).await?,
                Err(error) => {
                    if let SendError::Unavailable(cause) = &error {
                        tracing::error!(
                            error = cause as &dyn std::error::Error,
                            "a message was not stored"
                        );
                    }
                    if matches!(error, SendError::Unavailable(_) | SendError::Throttled(_)) {
                        self.inbox.note_failure(room, client_id, Instant::now());
                    }
                    self.refuse(Refusal::of_send(&error).about(client_id)).await?;
                }
            }
        }
        Ok(())
    }

    /// Refuses, and loses patience with a client that goes on making mistakes.
    async fn refuse(&mut self, refusal: Refusal) -> Result<(), Ending> {
        let ours = refusal.code == "unavailable";
        self.say(&ServerFrame::Error(refusal)).await?;
        if ours {
            return Ok(());
        }
        self.mistakes.spend(Instant::now())
    }

    async fn check_pulse(&mut self) -> Result<(), Ending> {
        if self.last_heard.elapsed() > SILENCE {
            return Err(Ending::Gone);
        }
        // Should the end of the session have gone unheard. A store that is gone proves nothing.
        if let Ok(false) = self.conversation.following.still_counts().await {
            return Err(Ending::SessionEnded);
        }
        self.wire.ping().await
    }

    /// Before going away: what is being stored is answered, and what was stored before, too. Its
    /// events were queued before the work was done, and may wait here though no work does.
    async fn finish_work(&mut self) -> Result<(), Ending> {
        if let Some(working) = self.working.take() {
            let done = working.await;
            self.report(done).await?;
        }
        while let Some(event) = self.conversation.following.next_waiting().await {
            self.tell(event).await?;
        }
        Ok(())
    }

    async fn say(&mut self, frame: &ServerFrame) -> Result<(), Ending> {
        self.feed(frame).await?;
        self.wire.flush().await
    }

    async fn feed(&mut self, frame: &ServerFrame) -> Result<(), Ending> {
        self.wire.feed(frame.to_text()).await?;
        self.conversation.metrics.note(Figure::FrameSent(frame.figure()));
        Ok(())
    }

    fn note_received(&self, frame: FrameIn) {
        self.conversation.metrics.note(Figure::FrameReceived(frame));
    }
}

/// The moment in a shutdown when nobody is waited for any more.
async fn long_after(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(LAST_WORDS).await;
}

/// Waits for the work under way; for ever if there is none.
async fn finished(working: &mut Option<Working>) -> Done {
    match working {
        Some(working) => working.await,
        None => std::future::pending().await,
    }
}
