//! Changes to messages that are stored already.
use super::{
    dispatcher::Shared,
    head::{Head, read_heads},
    lanes::Altering,
    record::{MESSAGES, MessageRecord, ReactionRecord},
    wire::{self, Acknowledged, Deleted, Touch},
};
use crate::{
    bson::{binary, date, id, number},
    errors::{duplicate_key, within},
};
use anyhow::Context;
use application::ports::MessageChange;
use domain::message::{Alteration, AlterationRefused, SealedMessage};
use mongodb::{
    Collection,
    bson::{Document, doc, serialize_to_bson},
};
use std::time::{Duration, Instant};

/// How often one message can be changed, being sent included. Each change leaves its number in the
/// document for good. It can be deleted even then.
const MOST_REVS: usize = 1_000;
/// At least this long is spent on a change whose turn came late.
const LEAST: Duration = Duration::from_secs(1);

/// What became of a change.
type Judged = Result<SealedMessage, AlterationRefused>;

/// Makes a change, and tells the caller.
pub(crate) async fn alter(shared: &Shared, altering: Altering) {
    let limit = altering.deadline.saturating_duration_since(Instant::now()).max(LEAST);
    let answer = within(limit, insist(shared, &altering.change)).await;
    if answer.is_err() {
        shared.heads.forget(altering.change.room);
    }
    altering.answer(answer);
}

/// Tries until nobody is in the way.
async fn insist(shared: &Shared, change: &MessageChange) -> anyhow::Result<Judged> {
    let mut setbacks = 0;
    loop {
        if let Some(judged) = attempt(shared, change).await? {
            return Ok(judged);
        }
        shared.heads.forget(change.room);
        tokio::time::sleep(shared.rest(change.room, setbacks)).await;
        setbacks += 1;
    }
}

/// `None` if somebody else was quicker.
async fn attempt(shared: &Shared, change: &MessageChange) -> anyhow::Result<Option<Judged>> {
    let messages = shared.database.collection::<MessageRecord>(MESSAGES);
    let place = doc! { "_id": id(change.message.as_bytes()), "room": id(change.room.as_bytes()) };
    let Some(record) = messages.find_one(place).await? else {
        return Ok(Some(Err(AlterationRefused::NotFound)));
    };
    let revs = record.revs();
    let before = record.message()?;
    let mut after = match before.altered(change.by, &change.alteration) {
        Ok(Some(after)) => after,
        Ok(None) => return Ok(Some(Ok(before))),
        Err(refused) => return Ok(Some(Err(refused))),
    };
    if revs >= MOST_REVS
        && let Some(refused) = worn_out(&change.alteration)
    {
        return Ok(Some(Err(refused)));
    }
    let head = head(shared, change).await?;
    after.rev = head.rev.max(before.rev) + 1;
    let [low, _] = head.participants.both();
    let deleted =
        after.is_deleted().then_some(Deleted { by_low: after.sender == low, seq: after.seq });
    let touch = Touch { room: change.room, rev_bound: after.rev, active_at: None, deleted };
    // The write that follows is one of the driver's own, which another primary may get.
    wire::touch(&shared.database, &[touch], Acknowledged::ByMajority).await?;
    if !replace(&messages, &before, &after).await? {
        return Ok(None);
    }
    shared.heads.note(change.room, Head { rev: after.rev, ..head });
    shared.announce(head.participants, after.clone());
    Ok(Some(Ok(after)))
}

/// What is said of a change to a message that was changed too often.
fn worn_out(alteration: &Alteration) -> Option<AlterationRefused> {
    match alteration {
        Alteration::Delete => None,
        Alteration::React(_) => Some(AlterationRefused::TooManyReactions),
        Alteration::Edit { .. } | Alteration::Unreact(_) => Some(AlterationRefused::NotFound),
    }
}

async fn head(shared: &Shared, change: &MessageChange) -> anyhow::Result<Head> {
    if let Some(head) = shared.heads.find(change.room) {
        return Ok(head);
    }
    let heads = read_heads(&shared.database, &[change.room]).await?;
    let head = heads.get(&change.room).copied().context("a message without a room")?;
    shared.heads.note(change.room, head);
    Ok(head)
}

/// Writes a change, if the message is still as it was and the new `rev` was never taken.
async fn replace(
    messages: &Collection<MessageRecord>,
    before: &SealedMessage,
    after: &SealedMessage,
) -> anyhow::Result<bool> {
    let as_it_was = doc! {
        "_id": id(before.id.as_bytes()),
        "room": id(before.room.as_bytes()),
        "rev": number(before.rev),
    };
    let updated = messages.update_one(as_it_was, update(after)?).await;
    match updated {
        Ok(updated) => Ok(updated.matched_count == 1),
        Err(error) if duplicate_key(&error).is_some() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn update(after: &SealedMessage) -> anyhow::Result<Document> {
    let reactions: Vec<_> = after.reactions.iter().map(ReactionRecord::from).collect();
    let mut set = doc! { "rev": number(after.rev), "reactions": serialize_to_bson(&reactions)? };
    if let Some(at) = after.edited_at {
        set.insert("edited_at", date(at));
    }
    let mut update = doc! { "$push": { "revs": number(after.rev) } };
    if let Some(body) = &after.body {
        set.insert("sealed", binary(body.as_bytes()));
    } else {
        set.insert("deleted", true);
        update.insert("$unset", doc! { "sealed": true, "attachments": true });
    }
    update.insert("$set", set);
    Ok(update)
}
