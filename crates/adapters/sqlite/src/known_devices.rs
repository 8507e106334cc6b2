use crate::{
    SqliteStore,
    rows::{millis, moment},
};
use application::ports::{KnownDeviceRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp, id::UserId, known_device::KnownDevice, network::Network, token::TokenDigest,
};
use rusqlite::{Row, params};

statements! {
    KEEP = "INSERT INTO known_devices (user, device, network, last_used_at) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (user, device) DO UPDATE
        SET network = excluded.network, last_used_at = max(last_used_at, excluded.last_used_at)";
    FORGET_SURPLUS = "DELETE FROM known_devices WHERE user = ?1 AND device IN (
        SELECT device FROM known_devices WHERE user = ?1
        ORDER BY last_used_at DESC, device DESC LIMIT -1 OFFSET ?2)";
    LIST_BY_USER = "SELECT user, device, network, last_used_at FROM known_devices WHERE user = ?1
        ORDER BY last_used_at DESC, device DESC";
    REMOVE_BY_USER = "DELETE FROM known_devices WHERE user = ?1";
    REMOVE_USED_BEFORE = "DELETE FROM known_devices WHERE last_used_at < ?1";
}

#[async_trait]
impl KnownDeviceRepository for SqliteStore {
    async fn keep(&self, device: &KnownDevice) -> Result<(), Unavailable> {
        let device = device.clone();
        self.write(move |conn| {
            conn.prepare_cached(KEEP)?.execute(params![
                device.user.as_bytes(),
                device.device.0,
                device.network.as_str(),
                millis(device.last_used_at),
            ])?;
            let most = i64::try_from(KnownDevice::MOST)?;
            conn.prepare_cached(FORGET_SURPLUS)?.execute(params![device.user.as_bytes(), most])?;
            Ok(())
        })
        .await
    }

    async fn list_by_user(&self, user: UserId) -> Result<Vec<KnownDevice>, Unavailable> {
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(LIST_BY_USER)?;
            let devices = statement.query_map([user.as_bytes()], known_device)?;
            Ok(devices.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(REMOVE_BY_USER)?.execute([user.as_bytes()])?;
            Ok(())
        })
        .await
    }

    async fn remove_used_before(&self, moment: Timestamp) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(REMOVE_USED_BEFORE)?.execute([millis(moment)])?;
            Ok(())
        })
        .await
    }
}

fn known_device(row: &Row<'_>) -> rusqlite::Result<KnownDevice> {
    Ok(KnownDevice {
        user: UserId::from_bytes(row.get(0)?),
        device: TokenDigest(row.get(1)?),
        network: Network::from_stored(row.get(2)?),
        last_used_at: moment(row, 3)?,
    })
}
