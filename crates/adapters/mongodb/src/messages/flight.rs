//! A flight: messages of several rooms on their way into the store together.
//!
//! It makes one attempt. What could not be stored goes back to the front of its line, with what was
//! learnt from the failure, and comes along on a later flight.
use super::{
    dispatcher::Shared,
    head::{Head, read_heads},
    lanes::{ANSWER_WITHIN, Ending, Leg, Past, Sending},
    record::MessageRecord,
    wire::{self, Acknowledged, Inserted, Order, Refused, Reign, Touch},
};
use crate::errors::speakable;
use anyhow::Context;
use application::ports::Appended;
use domain::{
    id::{ClientId, MessageId, RoomId, UserId},
    message::SealedMessage,
};
use mongodb::bson::{RawArrayBuf, serialize_to_raw_document_buf};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use tokio::time::timeout;

/// How long a flight takes at most, with all its round trips.
const LIMIT: Duration = Duration::from_secs(7);
/// How often a failure that may pass is followed by another attempt.
const SECOND_CHANCES: u32 = 2;

type Known = HashMap<(UserId, ClientId), SealedMessage>;

/// A room on a flight.
struct Passage {
    leg: Leg,
    /// Where the room ended when the flight began; `None` if there is no such room.
    head: Option<Head>,
    /// Messages of an earlier attempt that turn out to be stored, still to be announced.
    found: Vec<(Sending, SealedMessage)>,
    ending: Ending,
}

impl Passage {
    fn of(leg: Leg) -> Self {
        Self { leg, head: None, found: Vec::new(), ending: Ending::Moved }
    }

    fn is_going(&self) -> bool {
        matches!(self.ending, Ending::Moved)
    }

    fn fail(&mut self, why: &str) {
        self.ending = Ending::Failed(why.to_owned());
    }

    /// Has it looked up whether what is left was stored before.
    fn suspect(&mut self) {
        let untried = self.leg.sends.iter_mut().filter(|sending| sending.past == Past::None);
        untried.for_each(|sending| sending.past = Past::Refused);
    }
}

/// Makes one attempt; what is left of each room, and how it ended there.
pub(crate) async fn fly(shared: &Shared, legs: Vec<Leg>) -> Vec<(Leg, Ending)> {
    let mut passages: Vec<_> = legs.into_iter().map(Passage::of).collect();
    let mut sent = false;
    let attempt = timeout(LIMIT, attempt(shared, &mut passages, &mut sent)).await;
    if let Err(error) = attempt.context("storing took too long").flatten() {
        abandon(shared, &mut passages, error, sent);
    }
    let end = |passage: Passage| {
        let mut leg = passage.leg;
        // What was found but not announced has to be found again.
        for (sending, _) in passage.found.into_iter().rev() {
            leg.sends.push_front(sending);
        }
        (leg, passage.ending)
    };
    passages.into_iter().map(end).collect()
}

/// After a failure nobody knows what was stored of what was sent.
fn abandon(shared: &Shared, passages: &mut [Passage], error: anyhow::Error, sent: bool) {
    let (passes, why) = match error.downcast::<mongodb::error::Error>() {
        Ok(error) => (wire::passes(&error), speakable(&error)),
        Err(other) => (other.is::<PrimaryChanged>(), other),
    };
    tracing::warn!(error = %why, rooms = passages.len(), "storing messages failed");
    for passage in passages {
        shared.heads.forget(passage.leg.room);
        if sent {
            passage.leg.sends.iter_mut().for_each(|sending| sending.past = Past::Doubtful);
        }
        if passes && passage.is_going() && passage.leg.setbacks < SECOND_CHANCES {
            passage.ending = Ending::SetBack;
        } else {
            passage.fail(&why.to_string());
        }
    }
}

/// Another primary may not have what the first had noted on the rooms. What was stored under it is
/// found by the next attempt, which notes it again.
#[derive(Debug, thiserror::Error)]
#[error("the primary changed")]
struct PrimaryChanged;

async fn attempt(shared: &Shared, passages: &mut [Passage], sent: &mut bool) -> anyhow::Result<()> {
    prepare(shared, passages).await?;
    let plan = number(passages)?;
    let touches: Vec<_> = passages.iter().filter_map(touch_for).collect();
    if touches.is_empty() {
        return Ok(());
    }
    // Of what was found, nothing follows that would take the touch along to the disks.
    let found = passages.iter().any(|passage| !passage.found.is_empty());
    let needed = if found { Acknowledged::ByMajority } else { Acknowledged::ByPrimary };
    let reign = wire::touch(&shared.database, &touches, needed).await?;
    announce_found(shared, passages);
    *sent = true;
    let (alone, in_line) =
        tokio::try_join!(plan.alone.insert(shared, reign), plan.in_line.insert(shared, reign))?;
    settle(shared, passages, &plan.alone, &alone);
    settle(shared, passages, &plan.in_line, &in_line);
    Ok(())
}

/// Finds out all that is needed to number the messages, and answers those that are not to be
/// stored.
async fn prepare(shared: &Shared, passages: &mut [Passage]) -> anyhow::Result<()> {
    for passage in &mut *passages {
        passage.head = shared.heads.find(passage.leg.room);
    }
    let unknown = passages.iter().filter(|passage| passage.head.is_none());
    let unknown: Vec<_> = unknown.map(|passage| passage.leg.room).collect();
    let targets: Vec<_> = sends(passages).filter_map(|sending| sending.message.reply_to).collect();
    let tried = sends(passages).filter(|sending| sending.past != Past::None).map(name);
    let (heads, targets, known) = tokio::try_join!(
        read_heads(&shared.database, &unknown),
        wire::find_rooms(&shared.database, &targets),
        wire::find_known(&shared.database, tried),
    )?;
    for passage in &mut *passages {
        passage.head = passage.head.or_else(|| heads.get(&passage.leg.room).copied());
        if passage.head.is_none() {
            passage.fail("there is no such room");
        } else {
            answer_known(passage, &known);
        }
    }
    answer_lost_replies(shared, passages, &targets).await
}

fn sends(passages: &[Passage]) -> impl Iterator<Item = &Sending> {
    passages.iter().flat_map(|passage| &passage.leg.sends)
}

fn name(sending: &Sending) -> (UserId, ClientId) {
    (sending.message.sender, sending.message.client_id)
}

/// Answers what is stored already. What an attempt of ours stored is new all the same.
fn answer_known(passage: &mut Passage, known: &Known) {
    for sending in std::mem::take(&mut passage.leg.sends) {
        match known.get(&name(&sending)) {
            Some(stored) if sending.past == Past::Doubtful && stored.id == sending.message.id => {
                passage.found.push((sending, stored.clone()));
            }
            Some(stored) if sending.past != Past::None => {
                sending.answer(Ok(Appended::Known(stored.clone())));
            }
            _ => passage.leg.sends.push_back(sending),
        }
    }
}

/// Answers what replies to nothing, unless it is known: then it was in order once.
async fn answer_lost_replies(
    shared: &Shared,
    passages: &mut [Passage],
    targets: &HashMap<MessageId, RoomId>,
) -> anyhow::Result<()> {
    let lost = lost_replies(passages, targets);
    if lost.is_empty() {
        return Ok(());
    }
    let names = sends(passages).filter(|sending| lost.contains(&sending.message.id)).map(name);
    let known = wire::find_known(&shared.database, names).await?;
    for passage in passages {
        for sending in std::mem::take(&mut passage.leg.sends) {
            if !lost.contains(&sending.message.id) {
                passage.leg.sends.push_back(sending);
                continue;
            }
            let stored = known.get(&name(&sending)).cloned();
            sending.answer(Ok(stored.map_or(Appended::NoSuchReply, Appended::Known)));
        }
    }
    Ok(())
}

/// The messages whose target is neither stored in their room nor ahead of them on this flight.
fn lost_replies(passages: &[Passage], targets: &HashMap<MessageId, RoomId>) -> HashSet<MessageId> {
    let mut lost = HashSet::new();
    for passage in passages {
        let found = passage.found.iter().map(|(_, stored)| stored.id);
        let mut ahead: HashSet<MessageId> = found.collect();
        for Sending { message, .. } in &passage.leg.sends {
            let is_there = |target: MessageId| {
                ahead.contains(&target) || targets.get(&target) == Some(&message.room)
            };
            if message.reply_to.is_none_or(is_there) {
                ahead.insert(message.id);
            } else {
                lost.insert(message.id);
            }
        }
    }
    lost
}

/// What is to be stored. No room has a part in both loads.
struct Plan {
    /// Rooms with one message each: what stops one of them need not stop the others.
    alone: Load,
    /// Rooms with several, none of which may overtake another.
    in_line: Load,
}

/// What goes into one insert.
struct Load {
    order: Order,
    records: RawArrayBuf,
    /// Of each record the room's place on the flight, and the end of the room with it.
    places: Vec<(usize, Head)>,
}

impl Load {
    fn new(order: Order) -> Self {
        Self { order, records: RawArrayBuf::new(), places: Vec::new() }
    }

    /// Stores it under the reign that the rooms were touched under.
    async fn insert(&self, shared: &Shared, reign: Reign) -> anyhow::Result<Inserted> {
        if self.places.is_empty() {
            return Ok(Inserted { refused: HashMap::new(), reign });
        }
        let inserted = wire::insert(&shared.database, self.records.clone(), self.order).await?;
        if inserted.reign == reign { Ok(inserted) } else { Err(PrimaryChanged.into()) }
    }
}

fn number(passages: &[Passage]) -> anyhow::Result<Plan> {
    let mut plan = Plan { alone: Load::new(Order::None), in_line: Load::new(Order::Strict) };
    for (index, passage) in passages.iter().enumerate() {
        let Some(mut head) = passage.head.filter(|_| passage.is_going()) else { continue };
        let alone = passage.leg.sends.len() == 1;
        let load = if alone { &mut plan.alone } else { &mut plan.in_line };
        for Sending { message, .. } in &passage.leg.sends {
            head.extend(message.sender);
            let record = MessageRecord::first(message, head.seq, head.rev, head.low_count);
            load.records.push(serialize_to_raw_document_buf(&record)?);
            load.places.push((index, head));
        }
    }
    Ok(plan)
}

/// What is to be noted on a room before anything becomes visible there.
fn touch_for(passage: &Passage) -> Option<Touch> {
    let head = passage.head.filter(|_| passage.is_going())?;
    let new = passage.leg.sends.iter().map(|sending| sending.message.sent_at);
    let found = passage.found.iter().map(|(_, stored)| stored);
    let active_at = new.chain(found.clone().map(|stored| stored.sent_at)).max()?;
    let last_found = found.map(|stored| stored.rev).max().unwrap_or(0);
    let rev_bound = last_found.max(head.rev + passage.leg.sends.len() as u64);
    Some(Touch { room: passage.leg.room, rev_bound, active_at: Some(active_at), deleted: None })
}

fn announce_found(shared: &Shared, passages: &mut [Passage]) {
    for passage in passages {
        let Some(head) = passage.head else { continue };
        // Somebody else may have changed them since.
        passage.found.sort_by_key(|(_, stored)| stored.rev);
        for (sending, stored) in passage.found.drain(..) {
            shared.announce(head.participants, stored.clone());
            sending.answer(Ok(Appended::New(stored)));
        }
    }
}

/// Announces and answers what was stored, and draws the conclusions from what was not.
fn settle(shared: &Shared, passages: &mut [Passage], load: &Load, inserted: &Inserted) {
    for (place, (index, head)) in load.places.iter().enumerate() {
        let passage = &mut passages[*index];
        if let Some(refused) = inserted.refused.get(&place) {
            refuse(shared, passage, *head, *refused);
            if load.order == Order::None {
                continue;
            }
            if *refused == Refused::NameTaken {
                suspect(passages, &load.places[place..]);
            }
            // The server stopped here; what comes after was never tried.
            return;
        }
        let Some(sending) = passage.leg.sends.pop_front() else { continue };
        let stored = sending.message.clone().numbered(head.seq, head.rev);
        passage.leg.setbacks = 0;
        shared.heads.note(passage.leg.room, *head);
        shared.announce(head.participants, stored.clone());
        sending.answer(Ok(Appended::New(stored)));
    }
}

/// A room's next message is not stored.
fn refuse(shared: &Shared, passage: &mut Passage, head: Head, refused: Refused) {
    let room = passage.leg.room;
    match refused {
        // Whoever took it may have said so by now.
        Refused::NumberTaken => shared.heads.forget_below(room, head.rev),
        Refused::NameTaken | Refused::Other(_) => shared.heads.forget(room),
    }
    if refused == Refused::NameTaken {
        passage.suspect();
    }
    match refused {
        Refused::Other(code) => passage.fail(&format!("the server answered with error {code}")),
        Refused::NumberTaken | Refused::NameTaken => passage.ending = Ending::SetBack,
    }
}

/// Where one message was stored before, others that were to follow it may have been, too.
fn suspect(passages: &mut [Passage], places: &[(usize, Head)]) {
    for (index, _) in places {
        passages[*index].suspect();
    }
}

const _: () = assert!(LIMIT.as_secs() < ANSWER_WITHIN.as_secs());
