//! Files that come with messages: a document for each, and one for each of their pieces.
//!
//! There are no transactions but for claims: each write is harmless where the next one is missing.
use crate::{
    MongoStore,
    bson::{array, binary, count, date, id, length, moment, number},
    errors::{in_time, unavailable},
    schema::step_3::{ATTACHMENTS_LOOSE, ATTACHMENTS_UNSENT},
};
use anyhow::{Context, anyhow};
use application::ports::{AttachmentRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp,
    attachment::{
        ArrivingFile, AttachedFile, Attachment, FileClaim, FilePart, LooseFile, SealedPiece,
    },
    history::Limit,
    id::{AttachmentId, ClientId, RoomId, UserId},
    sealing::SealedPayload,
};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession, Collection,
    bson::{Binary, DateTime, Document, doc},
    error::{Error, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT},
    options::Hint,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A file, as stored.
#[derive(Deserialize, Serialize)]
struct AttachmentRecord {
    #[serde(rename = "_id")]
    id: Binary,
    room: Binary,
    uploader: Binary,
    /// What it counts for; 0 while it arrives.
    charge: i64,
    /// Not there while it arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    details: Option<Binary>,
    /// What the message is called that claimed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used_as: Option<Binary>,
    /// Gone once it is settled that a message has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    loose_since: Option<DateTime>,
}

/// A piece of one, as stored.
#[derive(Deserialize, Serialize)]
struct PieceRecord {
    /// The file's id, the part and the number, one behind another: so the pieces of a file lie
    /// between two ids.
    #[serde(rename = "_id")]
    id: Binary,
    sealed: Binary,
}

#[async_trait]
impl AttachmentRepository for MongoStore {
    async fn begin(&self, file: ArrivingFile) -> Result<(), Unavailable> {
        let record = AttachmentRecord {
            id: id(file.id.as_bytes()),
            room: id(file.room.as_bytes()),
            uploader: id(file.uploader.as_bytes()),
            charge: 0,
            details: None,
            used_as: None,
            loose_since: Some(date(file.at)),
        };
        in_time(async {
            attachments(self).insert_one(record).await?;
            Ok(())
        })
        .await
    }

    async fn put_piece(
        &self,
        file: AttachmentId,
        part: FilePart,
        index: u32,
        piece: SealedPiece,
    ) -> Result<(), Unavailable> {
        if piece.as_bytes().len() > SealedPiece::MAX {
            return Err(unavailable(anyhow!("a piece of {} bytes", piece.as_bytes().len())));
        }
        let record =
            PieceRecord { id: piece_id(file, part, index), sealed: binary(piece.as_bytes()) };
        in_time(async {
            pieces(self).insert_one(record).await?;
            Ok(())
        })
        .await
    }

    /// What it counts for is noted first, and counted after: of those that race, whoever counts last
    /// sees all others.
    async fn complete(
        &self,
        file: AttachmentId,
        charge: u64,
        quota: u64,
        details: SealedPayload,
    ) -> Result<bool, Unavailable> {
        in_time(async {
            let arriving = doc! {
                "_id": id(file.as_bytes()),
                "details": { "$exists": false },
                "doomed": { "$exists": false },
            };
            let charged = doc! { "$set": { "charge": number(charge) } };
            let found = attachments(self).find_one_and_update(arriving.clone(), charged).await?;
            let uploader = found.context("no such file is arriving")?.uploader;
            if self.charges(&uploader).await? > quota {
                let uncharged = doc! { "$set": { "charge": 0_i64 } };
                attachments(self).update_one(arriving, uncharged).await?;
                return Ok(false);
            }
            let details = binary(details.as_bytes());
            let whole = doc! { "$set": { "details": details, "unsent": true } };
            let completed = attachments(self).update_one(arriving, whole).await?;
            anyhow::ensure!(completed.matched_count == 1, "the file was removed meanwhile");
            Ok(true)
        })
        .await
    }

    async fn count_charges(&self, uploader: UserId) -> Result<u64, Unavailable> {
        in_time(self.charges(&id(uploader.as_bytes()))).await
    }

    async fn find(&self, file: AttachmentId) -> Result<Option<Attachment>, Unavailable> {
        in_time(async {
            let whole = complete(doc! { "_id": id(file.as_bytes()) });
            let found = attachments(self).find_one(whole).await?;
            found.map(AttachmentRecord::attachment).transpose()
        })
        .await
    }

    async fn find_piece(
        &self,
        file: AttachmentId,
        part: FilePart,
        index: u32,
    ) -> Result<Option<SealedPiece>, Unavailable> {
        in_time(async {
            let found = pieces(self).find_one(doc! { "_id": piece_id(file, part, index) }).await?;
            Ok(found.map(|record| SealedPiece::new(record.sealed.bytes)))
        })
        .await
    }

    async fn claim(&self, claim: FileClaim) -> Result<Option<Vec<AttachedFile>>, Unavailable> {
        in_time(async {
            let mut session = self.database().client().start_session().await?;
            loop {
                match self.claim_in(&mut session, &claim).await {
                    // Another claims or removes one of them: after them.
                    Err(error) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => {}
                    claimed => break in_order(&claim, claimed?),
                }
            }
        })
        .await
    }

    async fn settle(&self, files: &[AttachmentId]) -> Result<(), Unavailable> {
        let settled = doc! { "$unset": { "loose_since": true } };
        self.update_all(files, settled).await
    }

    async fn loosen(&self, files: &[AttachmentId], since: Timestamp) -> Result<(), Unavailable> {
        let loosened = doc! { "$set": { "loose_since": date(since) } };
        self.update_all(files, loosened).await
    }

    async fn list_loose(
        &self,
        before: Timestamp,
        limit: Limit,
    ) -> Result<Vec<LooseFile>, Unavailable> {
        let long = doc! { "loose_since": { "$lt": date(before) } };
        in_time(self.loose(long, ATTACHMENTS_LOOSE, limit)).await
    }

    async fn list_unsent(
        &self,
        uploader: UserId,
        limit: Limit,
    ) -> Result<Vec<LooseFile>, Unavailable> {
        let theirs = doc! {
            "uploader": id(uploader.as_bytes()),
            "unsent": true,
            "loose_since": { "$exists": true },
        };
        in_time(self.loose(theirs, ATTACHMENTS_UNSENT, limit)).await
    }

    async fn remove_loose(
        &self,
        file: AttachmentId,
        since: Timestamp,
    ) -> Result<bool, Unavailable> {
        in_time(async {
            let loose = doc! { "_id": id(file.as_bytes()), "loose_since": date(since) };
            let doom = doc! { "$set": { "doomed": true } };
            if attachments(self).update_one(loose.clone(), doom).await?.matched_count == 0 {
                return Ok(false);
            }
            let (first, last) = all_pieces(file);
            pieces(self).delete_many(doc! { "_id": { "$gte": first, "$lte": last } }).await?;
            attachments(self).delete_one(loose).await?;
            Ok(true)
        })
        .await
    }
}

impl MongoStore {
    async fn charges(&self, uploader: &Binary) -> anyhow::Result<u64> {
        #[derive(Deserialize)]
        struct Sum {
            sum: i64,
        }
        let pipeline = vec![
            doc! { "$match": { "uploader": uploader } },
            doc! { "$group": { "_id": null, "sum": { "$sum": "$charge" } } },
        ];
        let sums: Vec<Sum> =
            crate::documents::aggregate(self.database(), "attachments", pipeline).await?;
        sums.first().map_or(Ok(0), |sum| count(sum.sum))
    }

    /// Files that are about to be removed stay so.
    async fn update_all(
        &self,
        files: &[AttachmentId],
        change: Document,
    ) -> Result<(), Unavailable> {
        let ids: Vec<_> = files.iter().map(|file| id(file.as_bytes())).collect();
        in_time(async {
            let these = doc! { "_id": { "$in": ids }, "doomed": { "$exists": false } };
            attachments(self).update_many(these, change).await?;
            Ok(())
        })
        .await
    }

    async fn loose(
        &self,
        which: Document,
        index: &str,
        limit: Limit,
    ) -> anyhow::Result<Vec<LooseFile>> {
        let found = attachments(self)
            .find(which)
            .sort(doc! { "loose_since": 1 })
            .limit(length(limit.as_usize()))
            .hint(Hint::Name(index.to_owned()))
            .await?;
        let found: Vec<AttachmentRecord> = found.try_collect().await?;
        found.into_iter().map(AttachmentRecord::loose).collect()
    }

    /// Those that could be claimed; fewer than asked for, and nothing is claimed.
    async fn claim_in(
        &self,
        session: &mut ClientSession,
        claim: &FileClaim,
    ) -> Result<Vec<AttachmentRecord>, Error> {
        session.start_transaction().await?;
        match self.claim_within(session, claim).await {
            Ok(claimed) if claimed.len() == claim.files.len() => loop {
                match session.commit_transaction().await {
                    Err(error) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {}
                    committed => return committed.map(|()| claimed),
                }
            },
            refused => {
                // The server ends by itself what it is not told of.
                let _ = session.abort_transaction().await;
                refused
            }
        }
    }

    async fn claim_within(
        &self,
        session: &mut ClientSession,
        claim: &FileClaim,
    ) -> Result<Vec<AttachmentRecord>, Error> {
        let mut claimed = Vec::with_capacity(claim.files.len());
        for file in &claim.files {
            let mut free = complete(doc! {
                "_id": id(file.as_bytes()),
                "uploader": id(claim.uploader.as_bytes()),
                "room": id(claim.room.as_bytes()),
            });
            let name = id(claim.client_id.as_bytes());
            free.insert("used_as", doc! { "$in": [null, &name] });
            let take = doc! {
                "$set": { "used_as": name, "loose_since": date(claim.at) },
                "$unset": { "unsent": true },
            };
            let all = attachments(self);
            let taken = all.find_one_and_update(free, take).session(&mut *session).await?;
            match taken {
                Some(record) => claimed.push(record),
                None => break,
            }
        }
        Ok(claimed)
    }
}

fn in_order(
    claim: &FileClaim,
    claimed: Vec<AttachmentRecord>,
) -> anyhow::Result<Option<Vec<AttachedFile>>> {
    if claimed.len() != claim.files.len() {
        return Ok(None);
    }
    let mut by_id = HashMap::with_capacity(claimed.len());
    for record in claimed {
        let file = record.attachment()?;
        by_id.insert(file.id, file.details);
    }
    let attached = |id: &AttachmentId| {
        let details = by_id.remove(id).context("a file was claimed that nobody asked for")?;
        Ok(AttachedFile { id: *id, details })
    };
    claim.files.iter().map(attached).collect::<anyhow::Result<_>>().map(Some)
}

fn attachments(store: &MongoStore) -> Collection<AttachmentRecord> {
    store.collection("attachments")
}

fn pieces(store: &MongoStore) -> Collection<PieceRecord> {
    store.collection("attachment_pieces")
}

/// Narrows a filter down to files that are whole and not about to be removed.
fn complete(mut filter: Document) -> Document {
    filter.insert("details", doc! { "$exists": true });
    filter.insert("doomed", doc! { "$exists": false });
    filter
}

fn piece_id(file: AttachmentId, part: FilePart, index: u32) -> Binary {
    let part = match part {
        FilePart::Original => 0,
        FilePart::Preview => 1,
    };
    piece_name(file, part, index)
}

/// The least and the greatest name that a piece of a file may have.
fn all_pieces(file: AttachmentId) -> (Binary, Binary) {
    (piece_name(file, 0, 0), piece_name(file, u8::MAX, u32::MAX))
}

fn piece_name(file: AttachmentId, part: u8, index: u32) -> Binary {
    binary(&[&file.as_bytes()[..], &[part], &index.to_be_bytes()].concat())
}

impl AttachmentRecord {
    fn attachment(self) -> anyhow::Result<Attachment> {
        let details = self.details.context("a file without details")?;
        Ok(Attachment {
            id: AttachmentId::from_bytes(array(&self.id)?),
            room: RoomId::from_bytes(array(&self.room)?),
            uploader: UserId::from_bytes(array(&self.uploader)?),
            details: SealedPayload::new(details.bytes),
            used_as: used_as(self.used_as.as_ref())?,
        })
    }

    fn loose(self) -> anyhow::Result<LooseFile> {
        Ok(LooseFile {
            id: AttachmentId::from_bytes(array(&self.id)?),
            uploader: UserId::from_bytes(array(&self.uploader)?),
            used_as: used_as(self.used_as.as_ref())?,
            since: moment(self.loose_since.context("a file that is not loose")?)?,
        })
    }
}

fn used_as(name: Option<&Binary>) -> anyhow::Result<Option<ClientId>> {
    name.map(|name| Ok(ClientId::from_bytes(array(name)?))).transpose()
}
