//! What this instance hears from the others.
use super::{
    InstanceId,
    frame::{self, Envelope, Frame},
    outgoing::Lost,
    peers::{Order, Peers},
};
use crate::{
    RedisLink,
    link::{LONGEST_PAUSE, SHORTEST_PAUSE},
};
use application::ports::Received;
use redis::{PushInfo, PushKind, RedisResult, Value, aio::MultiplexedConnection};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, futures::Notified},
    time::{Instant, interval, sleep},
};

/// Most bytes of frames that wait to be read.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;
/// What Redis took of this instance comes back within this, or the subscription is only for show.
const ECHO_LIMIT: Duration = Duration::from_secs(4);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Everybody asks the store for everything after a loss that may concern anybody: not more often
/// than this.
const BETWEEN_LOSSES: Duration = Duration::from_secs(1);

/// Frames that wait to be read. Bounded: what does not fit is a loss.
pub(super) struct Inbox {
    instance: InstanceId,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Something was lost before these frames.
    lost: bool,
    listening: bool,
    echoed: Option<Instant>,
    /// When the first frame was sent that has not come back.
    awaiting_since: Option<Instant>,
}

impl Inbox {
    pub fn new(instance: InstanceId) -> Self {
        Self { instance, state: Mutex::default(), arrived: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for whatever comes next.
    pub fn arrival(&self) -> Notified<'_> {
        self.arrived.notified()
    }

    pub fn is_listening(&self) -> bool {
        self.state().listening
    }

    /// Redis took a frame of ours that was sent at this moment.
    pub fn expect_echo(&self, sent_at: Instant) {
        let mut state = self.state();
        if state.echoed.is_none_or(|echoed| echoed < sent_at) {
            state.awaiting_since.get_or_insert(sent_at);
        }
    }

    fn echo_is_overdue(&self) -> bool {
        self.state().awaiting_since.is_some_and(|since| since.elapsed() > ECHO_LIMIT)
    }

    fn hear(&self, push: PushInfo) {
        if push.kind != PushKind::Message {
            return;
        }
        let Some(Value::BulkString(bytes)) = push.data.into_iter().nth(1) else {
            return;
        };
        let mut state = self.state();
        if frame::sender(&bytes) == Some(self.instance) {
            state.echoed = Some(Instant::now());
            state.awaiting_since = None;
            return;
        }
        state.bytes += bytes.len();
        state.frames.push_back(bytes);
        if state.bytes > MAX_WAITING_BYTES {
            state.lose();
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Listening, and nothing was missed.
    pub fn begin(&self) {
        self.state().listening = true;
    }

    /// Listening again, after a while in which anything may have happened.
    fn resume(&self) {
        let mut state = self.state();
        state.listening = true;
        state.awaiting_since = None;
        state.lose();
        drop(state);
        self.arrived.notify_one();
    }

    fn end(&self) {
        self.state().listening = false;
    }
}

impl State {
    /// After a loss the store is asked for everything: what waits is of no use.
    fn lose(&mut self) {
        self.lost = true;
        self.frames.clear();
        self.bytes = 0;
    }
}

/// One subscription, for as long as it lasts.
pub(super) struct Listening {
    ended: Arc<Notify>,
    /// Dropping it closes it.
    _connection: MultiplexedConnection,
}

/// Subscribes, and has what is heard put into the inbox.
pub(super) async fn listen(
    link: &RedisLink,
    channel: &str,
    inbox: &Arc<Inbox>,
) -> RedisResult<Listening> {
    let ended = Arc::new(Notify::new());
    let heard = {
        let inbox = Arc::clone(inbox);
        move |push| inbox.hear(push)
    };
    let connection = link.subscribe(channel, ended.clone(), heard).await?;
    Ok(Listening { ended, _connection: connection })
}

/// Subscribes again whenever the subscription broke, or is only for show.
pub(super) async fn keep_listening(
    link: RedisLink,
    channel: String,
    inbox: Arc<Inbox>,
    first: Option<Listening>,
) {
    let mut listening = first;
    loop {
        if let Some(listening) = listening.take() {
            listening.until_broken(&inbox).await;
            inbox.end();
            tracing::warn!("the subscription to other instances' events broke");
        }
        listening = Some(listen_again(&link, &channel, &inbox).await);
        inbox.resume();
        tracing::info!("listening to other instances' events again");
    }
}

async fn listen_again(link: &RedisLink, channel: &str, inbox: &Arc<Inbox>) -> Listening {
    let mut pause = SHORTEST_PAUSE;
    loop {
        match listen(link, channel, inbox).await {
            Ok(listening) => return listening,
            Err(error) => tracing::debug!(%error, "still no subscription"),
        }
        sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

impl Listening {
    async fn until_broken(&self, inbox: &Inbox) {
        let mut look = interval(LOOK_EVERY);
        loop {
            tokio::select! {
                () = self.ended.notified() => return,
                _ = look.tick() => if inbox.echo_is_overdue() { return },
            }
        }
    }
}

/// Makes of frames what whoever receives wants to know.
pub(super) struct Reader {
    envelope: Envelope,
    peers: Peers,
    /// Read, and not yet given out.
    ready: VecDeque<Received>,
    /// Somebody has yet to be told that something was lost for anybody.
    owes_loss: bool,
    told_loss: Option<Instant>,
}

impl Reader {
    pub fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            peers: Peers::new(Instant::now()),
            ready: VecDeque::new(),
            owes_loss: false,
            told_loss: None,
        }
    }

    /// What comes next; or, if nothing waits, when something will without another frame.
    pub fn next(&mut self, inbox: &Inbox, now: Instant) -> Result<Received, Option<Instant>> {
        loop {
            let frame = {
                let mut state = inbox.state();
                if std::mem::take(&mut state.lost) {
                    self.begin_anew(now);
                }
                if let Some(received) = self.give(now) {
                    return Ok(received);
                }
                let frame = state.frames.pop_front();
                state.bytes -= frame.as_ref().map_or(0, Vec::len);
                frame
            };
            match frame {
                Some(frame) => self.read(&frame, now),
                None => return Err(self.loss_due().filter(|_| self.owes_loss)),
            }
        }
    }

    fn begin_anew(&mut self, now: Instant) {
        self.peers = Peers::new(now);
        self.ready.clear();
        self.owes_loss = true;
    }

    fn give(&mut self, now: Instant) -> Option<Received> {
        if self.owes_loss && self.loss_due().is_none_or(|due| due <= now) {
            self.owes_loss = false;
            self.told_loss = Some(now);
            return Some(Received::Lost);
        }
        self.ready.pop_front()
    }

    fn loss_due(&self) -> Option<Instant> {
        self.told_loss.map(|told| told + BETWEEN_LOSSES)
    }

    fn read(&mut self, bytes: &[u8], now: Instant) {
        // Nobody but us publishes here: what names no sender is nothing we lost.
        let Some(from) = frame::sender(bytes) else {
            return;
        };
        let Ok(frame) = self.envelope.open(bytes) else {
            tracing::debug!("an event from an instance of another version or with other keys");
            self.peers.hear_illegible(from);
            self.owes_loss = true;
            return;
        };
        match self.peers.hear(from, &frame, now) {
            Order::Again => return,
            Order::AfterGap => self.owes_loss = true,
            Order::Next => {}
        }
        self.take(frame);
    }

    fn take(&mut self, frame: Frame) {
        match frame.lost {
            Lost::ForAnybody => self.owes_loss = true,
            Lost::For(users) if !users.is_empty() => {
                self.ready.push_back(Received::LostFor(users.into_iter().collect()));
            }
            Lost::For(_) => {}
        }
        let events = frame.events.into_iter().map(|event| Received::Event(Box::new(event)));
        self.ready.extend(events);
    }
}
