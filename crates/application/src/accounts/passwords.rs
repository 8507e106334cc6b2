//! Choosing a password: judging its strength takes long enough to hold up everybody else.
use domain::{
    email::Email,
    password::{Password, WeakPassword},
    username::Username,
};

/// [`Password::choose`], off the async threads.
pub(super) async fn choose(
    raw: String,
    username: &Username,
    email: &Email,
) -> Result<Password, WeakPassword> {
    let (username, email) = (username.clone(), email.clone());
    let judging = tokio::task::spawn_blocking(move || Password::choose(&raw, &username, &email));
    judging.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
