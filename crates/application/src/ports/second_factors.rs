use super::Unavailable;
use async_trait::async_trait;
use domain::{id::UserId, sealing::KeyedDigest, second_factor::SecondFactor, totp::TotpStep};

/// What accounts ask for beside the first factor.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SecondFactorRepository: Send + Sync {
    /// A person's, if they have one.
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, Unavailable>;

    /// Puts a second factor in place of the one that its person has, recovery codes included,
    /// unless that is of the same moment or later: then the answer is `false`. Of callers that race
    /// with the same, one puts it.
    async fn put(&self, factor: &SecondFactor) -> Result<bool, Unavailable>;

    /// Notes that the code of a half minute was used, unless that of this one or of a later one
    /// was; `false` also where there is no app. Of callers that race with one code, one is told
    /// `true`.
    async fn use_step(&self, user: UserId, step: TotpStep) -> Result<bool, Unavailable>;

    /// Uses up a recovery code; of callers that race, one is told `true`.
    async fn take_recovery_code(
        &self,
        user: UserId,
        code: &KeyedDigest,
    ) -> Result<bool, Unavailable>;

    /// Replaces all recovery codes at once. `false` if the person has no second factor.
    async fn replace_recovery_codes(
        &self,
        user: UserId,
        codes: &[KeyedDigest],
    ) -> Result<bool, Unavailable>;

    /// Forgets a person's, the app and all codes. Of callers that race, one is told `true`.
    async fn remove(&self, user: UserId) -> Result<bool, Unavailable>;
}
