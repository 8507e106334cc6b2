//! How often people may do what costs something, in one place.
use crate::ports::{LimitKey, RateLimiter};
use domain::{
    TimeDelta,
    email::Email,
    id::{RoomId, UserId},
    throttle::{Quota, Throttled},
};
use std::{net::IpAddr, sync::Arc};

const SIGN_UPS_BY_ADDRESS: Quota = Quota::new(100, TimeDelta::seconds(3));
const CODE_MAILS_BY_RECIPIENT: Quota = Quota::new(10, TimeDelta::minutes(6));
const CODE_TRIES_BY_ADDRESS: Quota = Quota::new(120, TimeDelta::seconds(2));
const SIGN_INS_BY_ADDRESS: Quota = Quota::new(100, TimeDelta::seconds(1));
const SIGN_INS_BY_NAME_AND_ADDRESS: Quota = Quota::new(20, TimeDelta::seconds(10));
const SEARCHES_BY_USER: Quota = Quota::new(60, TimeDelta::milliseconds(500));
const ROOMS_BY_USER: Quota = Quota::new(100, TimeDelta::seconds(5));
const TYPING_BY_USER_AND_ROOM: Quota = Quota::new(1, TimeDelta::seconds(2));
/// Far above what anybody types, and above what an outbox of a long day offline holds.
const MESSAGES_BY_USER: Quota = Quota::new(1_000, TimeDelta::milliseconds(50));

/// The quotas of every use case that has one.
#[derive(Clone)]
pub struct Limits {
    /// Counts.
    pub limiter: Arc<dyn RateLimiter>,
    /// Counts the codes that are mailed, also where all else is unlimited.
    pub code_limiter: Arc<dyn RateLimiter>,
}

impl Limits {
    /// Somebody signs up.
    pub async fn sign_up(&self, from: IpAddr) -> Result<(), Throttled> {
        self.admit("sign_up", network(from), SIGN_UPS_BY_ADDRESS).await
    }

    /// A code is mailed. Bounds both the mail somebody is sent and the codes somebody can guess at.
    pub async fn code_mail(&self, to: &Email) -> Result<(), Throttled> {
        let key = LimitKey { name: "code_mail", subject: to.as_str().to_owned() };
        self.code_limiter.admit(key, CODE_MAILS_BY_RECIPIENT).await
    }

    /// A code is tried.
    pub async fn code_try(&self, from: IpAddr) -> Result<(), Throttled> {
        self.admit("code_try", network(from), CODE_TRIES_BY_ADDRESS).await
    }

    /// Somebody signs in. Counted by the name from that address, so that nobody can lock another
    /// person out from elsewhere.
    pub async fn sign_in(&self, from: IpAddr, login: &str) -> Result<(), Throttled> {
        let from = network(from);
        // The address first: what it refuses leaves no trace of the many names it may carry.
        self.admit("sign_in", from.clone(), SIGN_INS_BY_ADDRESS).await?;
        let name = format!("{} {from}", login.trim().to_lowercase());
        self.admit("sign_in_name", name, SIGN_INS_BY_NAME_AND_ADDRESS).await
    }

    /// Somebody looks for people.
    pub async fn search(&self, user: UserId) -> Result<(), Throttled> {
        self.admit("search", user.to_string(), SEARCHES_BY_USER).await
    }

    /// Somebody opens a room.
    pub async fn open_room(&self, user: UserId) -> Result<(), Throttled> {
        self.admit("open_room", user.to_string(), ROOMS_BY_USER).await
    }

    /// Somebody sends a message.
    pub async fn send(&self, user: UserId) -> Result<(), Throttled> {
        self.admit("send", user.to_string(), MESSAGES_BY_USER).await
    }

    /// Somebody is writing in a room: said often, told seldom.
    pub async fn typing(&self, user: UserId, room: RoomId) -> Result<(), Throttled> {
        self.admit("typing", format!("{user} {room}"), TYPING_BY_USER_AND_ROOM).await
    }

    async fn admit(
        &self,
        name: &'static str,
        subject: String,
        quota: Quota,
    ) -> Result<(), Throttled> {
        self.limiter.admit(LimitKey { name, subject }, quota).await
    }
}

/// What one customer of a network provider has: an IPv4 address, an IPv6 /64.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_count_together() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
