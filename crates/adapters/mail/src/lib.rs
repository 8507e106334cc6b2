//! Mail: the words of each, and the mailbox a developer reads them in.

mod mailbox;
mod words;

pub use {
    mailbox::MemoryMailbox,
    words::{Rendered, render},
};
