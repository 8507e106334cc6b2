use crate::{
    MongoStore,
    bson::{array, binary, date, id, length, moment},
    errors::{duplicate_key, in_time},
};
use application::ports::{KnownDeviceRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp, id::UserId, known_device::KnownDevice, network::Network, token::TokenDigest,
};
use futures_util::TryStreamExt as _;
use mongodb::{
    Collection,
    bson::{Binary, DateTime, Document, doc},
};
use serde::{Deserialize, Serialize};

/// A known device, as stored.
#[derive(Deserialize, Serialize)]
struct KnownDeviceRecord {
    #[serde(rename = "_id")]
    id: KnownDeviceId,
    user: Binary,
    network: String,
    last_used_at: DateTime,
}

#[derive(Deserialize, Serialize)]
struct KnownDeviceId {
    user: Binary,
    device: Binary,
}

#[async_trait]
impl KnownDeviceRepository for MongoStore {
    async fn keep(&self, device: &KnownDevice) -> Result<(), Unavailable> {
        in_time(async {
            if !self.put_known_device(device).await? {
                // Somebody else made it at the same moment, so now it is there.
                self.put_known_device(device).await?;
            }
            self.forget_surplus_devices(device.user).await
        })
        .await
    }

    async fn list_by_user(&self, user: UserId) -> Result<Vec<KnownDevice>, Unavailable> {
        in_time(async {
            let found = known_devices(self).find(by_user(user)).sort(last_used_first()).await?;
            let records: Vec<KnownDeviceRecord> = found.try_collect().await?;
            records.into_iter().map(KnownDevice::try_from).collect()
        })
        .await
    }

    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable> {
        in_time(async {
            known_devices(self).delete_many(by_user(user)).await?;
            Ok(())
        })
        .await
    }

    async fn remove_used_before(&self, moment: Timestamp) -> Result<(), Unavailable> {
        in_time(async {
            let unused = doc! { "last_used_at": { "$lt": date(moment) } };
            known_devices(self).delete_many(unused).await?;
            Ok(())
        })
        .await
    }
}

impl MongoStore {
    /// `false` if another made the same one at this moment.
    async fn put_known_device(&self, device: &KnownDevice) -> anyhow::Result<bool> {
        let user = id(device.user.as_bytes());
        let by_id = doc! { "_id": { "user": user.clone(), "device": binary(&device.device.0) } };
        let change = doc! {
            "$set": { "user": user, "network": device.network.as_str() },
            "$max": { "last_used_at": date(device.last_used_at) },
        };
        match known_devices(self).update_one(by_id, change).upsert(true).await {
            Err(error) if duplicate_key(&error).is_some() => Ok(false),
            put => Ok(put.map(|_| true)?),
        }
    }

    async fn forget_surplus_devices(&self, user: UserId) -> anyhow::Result<()> {
        let kept = u64::try_from(length(KnownDevice::MOST))?;
        let devices = known_devices(self);
        let surplus = devices.find(by_user(user)).sort(last_used_first()).skip(kept).await?;
        let surplus: Vec<KnownDeviceRecord> = surplus.try_collect().await?;
        for KnownDeviceRecord { id, last_used_at, .. } in surplus {
            // Unless it was used meanwhile.
            let id = doc! { "user": id.user, "device": id.device };
            let unused = doc! { "_id": id, "last_used_at": last_used_at };
            devices.delete_one(unused).await?;
        }
        Ok(())
    }
}

fn known_devices(store: &MongoStore) -> Collection<KnownDeviceRecord> {
    store.collection("known_devices")
}

fn by_user(user: UserId) -> Document {
    doc! { "user": id(user.as_bytes()) }
}

fn last_used_first() -> Document {
    doc! { "last_used_at": -1, "_id": -1 }
}

impl TryFrom<KnownDeviceRecord> for KnownDevice {
    type Error = anyhow::Error;

    fn try_from(record: KnownDeviceRecord) -> anyhow::Result<Self> {
        Ok(Self {
            user: UserId::from_bytes(array(&record.user)?),
            device: TokenDigest(array(&record.id.device)?),
            network: Network::from_stored(record.network),
            last_used_at: moment(record.last_used_at)?,
        })
    }
}
