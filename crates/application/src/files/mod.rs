//! Files that come with messages: bringing them in, getting them back, letting them go.
mod bring;
mod details;
mod fetch;
mod leftovers;
mod vault;

pub use bring::{Bring, BringError, Bringing, Description};
pub use details::{open as open_details, seal as seal_details};
pub use fetch::{Fetch, FetchError, Fetched};
pub use leftovers::Leftovers;
pub use vault::Vault;
