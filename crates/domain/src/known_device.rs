//! Browsers that somebody signed in with before.
use crate::{
    TimeDelta, Timestamp,
    id::UserId,
    network::Network,
    token::{DeviceToken, TokenDigest},
};

/// A browser that somebody signed in with before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// Who.
    pub user: UserId,
    /// Digest of the browser's token, made for this person: it says nothing of who else uses the
    /// browser.
    pub device: TokenDigest,
    /// Where it signed in last.
    pub network: Network,
    /// When it did.
    pub last_used_at: Timestamp,
}

/// How well a person's account knows a browser that wants in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Familiarity {
    /// They signed in with it before.
    Device,
    /// They signed in from there before, with another.
    Network,
    /// Neither.
    Stranger,
}

impl KnownDevice {
    /// A browser that did not sign in for so long is a stranger again.
    pub const LIFETIME: TimeDelta = TimeDelta::days(365);
    /// Most that an account knows: those that signed in last.
    pub const MOST: usize = 20;

    /// Whether it still counts.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now - self.last_used_at < Self::LIFETIME
    }
}

impl Familiarity {
    /// What the devices that an account knows say of a browser.
    pub fn judge(
        known: &[KnownDevice],
        token: Option<&DeviceToken>,
        network: &Network,
        now: Timestamp,
    ) -> Self {
        let mut live = known.iter().filter(|device| device.is_live(now)).peekable();
        let is_this = |device: &KnownDevice| {
            token.is_some_and(|token| token.digest_for(device.user) == device.device)
        };
        if live.clone().any(is_this) {
            Self::Device
        } else if live.any(|device| device.network == *network) {
            Self::Network
        } else {
            Self::Stranger
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(n: u8) -> DeviceToken {
        DeviceToken::mint([n; 32])
    }

    fn network(n: u8) -> Network {
        Network::of([192, 0, 2, n].into())
    }

    fn known(n: u8, last_used_at: Timestamp) -> KnownDevice {
        let user = UserId::from_bytes([1; 16]);
        KnownDevice { user, device: token(n).digest_for(user), network: network(n), last_used_at }
    }

    #[test]
    fn a_browser_is_known_by_its_token_or_by_where_it_is() {
        let now = Timestamp::UNIX_EPOCH + TimeDelta::days(1_000);
        let devices = [known(1, now), known(2, now)];
        for (this, place, expected) in [
            (Some(1), 1, Familiarity::Device),
            (Some(2), 9, Familiarity::Device),
            (Some(3), 1, Familiarity::Network),
            (None, 2, Familiarity::Network),
            (Some(3), 9, Familiarity::Stranger),
            (None, 9, Familiarity::Stranger),
        ] {
            let token = this.map(token);
            let judged = Familiarity::judge(&devices, token.as_ref(), &network(place), now);
            assert_eq!(judged, expected, "{this:?} at {place}");
        }
    }

    #[test]
    fn after_a_year_a_browser_is_a_stranger_again() {
        let used = Timestamp::UNIX_EPOCH;
        let last = used + KnownDevice::LIFETIME;
        for (now, expected) in [
            (last - TimeDelta::milliseconds(1), Familiarity::Device),
            (last, Familiarity::Stranger),
        ] {
            let judged = Familiarity::judge(&[known(1, used)], Some(&token(1)), &network(1), now);
            assert_eq!(judged, expected);
        }
    }

    #[test]
    fn one_browser_of_two_people_is_two_devices() {
        let [ann, bob] = [1, 2].map(|n| UserId::from_bytes([n; 16]));
        assert_ne!(token(1).digest_for(ann), token(1).digest_for(bob));
        assert_ne!(token(1).digest_for(ann), token(2).digest_for(ann));
    }
}
