use crate::{
    SqliteStore,
    rows::{count, length, millis, moment, number},
    store::unavailable,
};
use anyhow::Context;
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
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

statements! {
    BEGIN = "INSERT INTO attachments (id, room, uploader, charge, loose_since, doomed)
        VALUES (?1, ?2, ?3, 0, ?4, 0)";
    FIND_UPLOADER = "SELECT uploader FROM attachments
        WHERE id = ?1 AND doomed = 0 AND details IS NULL";
    COUNT_CHARGES = "SELECT COALESCE(SUM(charge), 0) FROM attachments WHERE uploader = ?1";
    COMPLETE = "UPDATE attachments SET charge = ?2, details = ?3 WHERE id = ?1";
    FIND = "SELECT id, room, uploader, details, used_as FROM attachments
        WHERE id = ?1 AND doomed = 0 AND details IS NOT NULL";
    CLAIM = "UPDATE attachments SET used_as = ?2, loose_since = ?3 WHERE id = ?1";
    SETTLE = "UPDATE attachments SET loose_since = NULL WHERE id = ?1 AND doomed = 0";
    LOOSEN = "UPDATE attachments SET loose_since = ?2 WHERE id = ?1 AND doomed = 0";
    LIST_LOOSE = "SELECT id, uploader, used_as, loose_since FROM attachments
        WHERE loose_since < ?1 ORDER BY loose_since LIMIT ?2";
    LIST_UNSENT = "SELECT id, uploader, used_as, loose_since FROM attachments
        WHERE uploader = ?1 AND used_as IS NULL AND details IS NOT NULL
        AND loose_since IS NOT NULL ORDER BY loose_since LIMIT ?2";
    DOOM = "UPDATE attachments SET doomed = 1 WHERE id = ?1 AND loose_since = ?2";
    REMOVE = "DELETE FROM attachments WHERE id = ?1 AND doomed = 1";
}

#[async_trait]
impl AttachmentRepository for SqliteStore {
    async fn begin(&self, file: ArrivingFile) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(BEGIN)?.execute(params![
                file.id.as_bytes(),
                file.room.as_bytes(),
                file.uploader.as_bytes(),
                millis(file.at),
            ])?;
            Ok(())
        })
        .await
    }

    async fn put_piece(
        &self,
        id: AttachmentId,
        part: FilePart,
        index: u32,
        piece: SealedPiece,
    ) -> Result<(), Unavailable> {
        let put = self.files().call(move |files| files.put(id, part, index, piece)).await;
        put.map_err(unavailable)
    }

    async fn complete(
        &self,
        id: AttachmentId,
        charge: u64,
        quota: u64,
        details: SealedPayload,
    ) -> Result<bool, Unavailable> {
        self.files().call(move |files| files.sync(id)).await.map_err(unavailable)?;
        self.write(move |conn| complete(conn, id, charge, quota, &details)).await
    }

    async fn count_charges(&self, uploader: UserId) -> Result<u64, Unavailable> {
        self.read(move |conn| Ok(count_charges(conn, uploader)?)).await
    }

    async fn find(&self, id: AttachmentId) -> Result<Option<Attachment>, Unavailable> {
        self.read(move |conn| Ok(find(conn, id)?)).await
    }

    async fn find_piece(
        &self,
        id: AttachmentId,
        part: FilePart,
        index: u32,
    ) -> Result<Option<SealedPiece>, Unavailable> {
        let found = self.files().call(move |files| files.find(id, part, index)).await;
        found.map_err(unavailable)
    }

    async fn claim(&self, asked: FileClaim) -> Result<Option<Vec<AttachedFile>>, Unavailable> {
        self.write(move |conn| Ok(claim(conn, &asked)?)).await
    }

    async fn settle(&self, files: &[AttachmentId]) -> Result<(), Unavailable> {
        let files = files.to_vec();
        self.write(move |conn| {
            let mut settle = conn.prepare_cached(SETTLE)?;
            for file in &files {
                settle.execute([file.as_bytes()])?;
            }
            Ok(())
        })
        .await
    }

    async fn loosen(&self, files: &[AttachmentId], since: Timestamp) -> Result<(), Unavailable> {
        let files = files.to_vec();
        self.write(move |conn| {
            let mut loosen = conn.prepare_cached(LOOSEN)?;
            for file in &files {
                loosen.execute(params![file.as_bytes(), millis(since)])?;
            }
            Ok(())
        })
        .await
    }

    async fn list_loose(
        &self,
        before: Timestamp,
        limit: Limit,
    ) -> Result<Vec<LooseFile>, Unavailable> {
        self.read(move |conn| {
            Ok(list(conn, LIST_LOOSE, params![millis(before), length(limit.as_usize())])?)
        })
        .await
    }

    async fn list_unsent(
        &self,
        uploader: UserId,
        limit: Limit,
    ) -> Result<Vec<LooseFile>, Unavailable> {
        self.read(move |conn| {
            Ok(list(conn, LIST_UNSENT, params![uploader.as_bytes(), length(limit.as_usize())])?)
        })
        .await
    }

    async fn remove_loose(&self, id: AttachmentId, since: Timestamp) -> Result<bool, Unavailable> {
        let doom = move |conn: &Connection| {
            let doomed =
                conn.prepare_cached(DOOM)?.execute(params![id.as_bytes(), millis(since)])?;
            Ok(doomed == 1)
        };
        if !self.write(doom).await? {
            return Ok(false);
        }
        self.files().call(move |files| files.remove(id)).await.map_err(unavailable)?;
        self.write(move |conn| {
            conn.prepare_cached(REMOVE)?.execute([id.as_bytes()])?;
            Ok(true)
        })
        .await
    }
}

fn complete(
    conn: &Connection,
    id: AttachmentId,
    charge: u64,
    quota: u64,
    details: &SealedPayload,
) -> anyhow::Result<bool> {
    let mut arriving = conn.prepare_cached(FIND_UPLOADER)?;
    let uploader = arriving.query_row([id.as_bytes()], |row| row.get(0)).optional()?;
    let uploader = UserId::from_bytes(uploader.context("no such file is arriving")?);
    if count_charges(conn, uploader)?.saturating_add(charge) > quota {
        return Ok(false);
    }
    conn.prepare_cached(COMPLETE)?.execute(params![
        id.as_bytes(),
        number(charge),
        details.as_bytes()
    ])?;
    Ok(true)
}

fn count_charges(conn: &Connection, uploader: UserId) -> rusqlite::Result<u64> {
    conn.prepare_cached(COUNT_CHARGES)?.query_row([uploader.as_bytes()], |row| count(row, 0))
}

fn find(conn: &Connection, id: AttachmentId) -> rusqlite::Result<Option<Attachment>> {
    conn.prepare_cached(FIND)?.query_row([id.as_bytes()], attachment_from).optional()
}

fn claim(conn: &Connection, claim: &FileClaim) -> rusqlite::Result<Option<Vec<AttachedFile>>> {
    let mut claimed = Vec::with_capacity(claim.files.len());
    for id in &claim.files {
        let Some(file) = find(conn, *id)?.filter(|file| file.can_be_claimed(claim)) else {
            return Ok(None);
        };
        claimed.push(AttachedFile { id: file.id, details: file.details });
    }
    let mut take = conn.prepare_cached(CLAIM)?;
    for id in &claim.files {
        take.execute(params![id.as_bytes(), claim.client_id.as_bytes(), millis(claim.at)])?;
    }
    Ok(Some(claimed))
}

fn list(conn: &Connection, sql: &str, by: impl Params) -> rusqlite::Result<Vec<LooseFile>> {
    conn.prepare_cached(sql)?.query_map(by, loose_from)?.collect()
}

fn attachment_from(row: &Row<'_>) -> rusqlite::Result<Attachment> {
    Ok(Attachment {
        id: AttachmentId::from_bytes(row.get(0)?),
        room: RoomId::from_bytes(row.get(1)?),
        uploader: UserId::from_bytes(row.get(2)?),
        details: SealedPayload::new(row.get(3)?),
        used_as: row.get::<_, Option<_>>(4)?.map(ClientId::from_bytes),
    })
}

fn loose_from(row: &Row<'_>) -> rusqlite::Result<LooseFile> {
    Ok(LooseFile {
        id: AttachmentId::from_bytes(row.get(0)?),
        uploader: UserId::from_bytes(row.get(1)?),
        used_as: row.get::<_, Option<_>>(2)?.map(ClientId::from_bytes),
        since: moment(row, 3)?,
    })
}
