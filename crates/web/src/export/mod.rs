//! All that is stored about somebody, as a zip that is written while it is read.
mod archive;
mod documents;
mod pages;

use crate::{api::shapes::MessageShape, server::Shutdown};
use application::{
    accounts::{Conversation, Interrupted, OwnData, SignedIn},
    chat::OpenedMessage,
};
use archive::{Archive, Broken, Exit};
use documents::{Account, Blocks, Devices, PICTURE, Room, file_path, folder};
use domain::{
    id::{AttachmentId, UserId},
    user::User,
};
use pages::Page;
use poem::Body;
use serde::Serialize;
use std::{collections::HashMap, io};

/// Conversations whose people are looked up together.
const TOGETHER: usize = 200;

const README: &str = include_str!("README.txt");

/// Why an export ends early.
#[derive(Debug, thiserror::Error)]
enum Cut {
    /// There is no more to read.
    #[error(transparent)]
    Reading(#[from] Interrupted),
    /// It can't be passed on.
    #[error(transparent)]
    Passing(#[from] Broken),
    /// The program ends.
    #[error("the program ends")]
    GoingAway,
}

/// Writes all that is somebody's into a body, as fast as that is read. The work ends with its
/// reader, with their session and with the program; whatever cuts it short breaks the body.
pub fn stream(me: SignedIn, data: OwnData, shutdown: &Shutdown) -> Body {
    let (exit, body) = archive::body();
    let begun = shutdown.begun.clone();
    shutdown.tasks.spawn(async move {
        let cut = tokio::select! {
            written = write(me, data, exit) => written.err(),
            () = begun.cancelled() => Some(Cut::GoingAway),
        };
        match cut {
            None => {}
            Some(Cut::Reading(Interrupted::Unavailable(error))) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(user = %me.user, error, "an export was cut short");
            }
            Some(cut) => tracing::info!(user = %me.user, %cut, "an export was cut short"),
        }
    });
    body
}

async fn write(me: SignedIn, data: OwnData, exit: Exit) -> Result<(), Cut> {
    let archive = Archive::begin(exit, data.records.read_at);
    let mut export = Export { me, data, archive };
    export.records().await?;
    let conversations = export.data.list_conversations().await?;
    export.overview(&conversations).await?;
    for some in conversations.chunks(TOGETHER) {
        let others = export.data.find_others(some).await?;
        for conversation in some {
            let other = others.get(&conversation.other);
            let has_files = export.messages(conversation).await?;
            export.pages(conversation, other).await?;
            if has_files {
                export.files(conversation).await?;
            }
        }
    }
    let Export { archive, data, .. } = export;
    // Whoever has read to the end may ask again at once.
    drop(data);
    Ok(archive.end().await?)
}

struct Export {
    me: SignedIn,
    data: OwnData,
    archive: Archive,
}

impl Export {
    /// What is kept beside conversations.
    async fn records(&mut self) -> Result<(), Cut> {
        let Self { me, data, archive } = self;
        let records = &data.records;
        for (name, content) in [
            ("README.txt", README.as_bytes()),
            ("account.json", &json(&Account::of(records))?),
            ("devices.json", &json(&Devices::of(records, me.session))?),
            ("blocks.json", &json(&Blocks::of(records))?),
        ] {
            archive.file(name).await?;
            archive.write(content).await?;
        }
        if let Some(picture) = &records.picture {
            archive.file(PICTURE).await?;
            archive.write(&picture.0).await?;
        }
        Ok(())
    }

    /// Which conversations there are, once for programs and once for people.
    async fn overview(&mut self, conversations: &[Conversation]) -> Result<(), Cut> {
        self.archive.file("rooms.json").await?;
        let mut list = List::default();
        for some in conversations.chunks(TOGETHER) {
            let others = self.data.find_others(some).await?;
            for one in some {
                list.add(&Room::of(one, others.get(&one.other)))?;
            }
            self.archive.write(&list.take()).await?;
        }
        self.archive.write(&list.end()).await?;

        self.archive.file("index.html").await?;
        let index = pages::index(&self.data.records, conversations.len());
        self.archive.write(index.as_bytes()).await?;
        for some in conversations.chunks(TOGETHER) {
            let others: HashMap<UserId, User> = self.data.find_others(some).await?;
            let entries: String =
                some.iter().map(|one| pages::entry(one, others.get(&one.other))).collect();
            self.archive.write(entries.as_bytes()).await?;
        }
        Ok(self.archive.write(pages::index_end().as_bytes()).await?)
    }

    /// A conversation for programs. Whether files came with it.
    async fn messages(&mut self, conversation: &Conversation) -> Result<bool, Cut> {
        let mut has_files = false;
        self.archive.file(&format!("{}messages.json", folder(conversation))).await?;
        let (mut list, mut after) = (List::default(), 0);
        loop {
            let read = self.data.read_on(conversation, after).await?;
            let Some(newest) = read.last() else { break };
            after = newest.message.seq;
            for message in read {
                has_files |= !message.attachments.is_empty();
                list.add(&MessageShape::from(message))?;
            }
            self.archive.write(&list.take()).await?;
        }
        self.archive.write(&list.end()).await?;
        Ok(has_files)
    }

    /// The files that came with it.
    async fn files(&mut self, conversation: &Conversation) -> Result<(), Cut> {
        let mut after = 0;
        loop {
            let read = self.data.read_on(conversation, after).await?;
            let Some(newest) = read.last() else { return Ok(()) };
            after = newest.message.seq;
            for opened in &read {
                for (n, file) in opened.attachments.iter().enumerate() {
                    let name = format!("{}{}", folder(conversation), file_path(opened, n));
                    self.file(file.id, &name).await?;
                }
            }
        }
    }

    /// A file, as far as it can be read; a note beside it says where that is not to its end.
    async fn file(&mut self, id: AttachmentId, name: &str) -> Result<(), Cut> {
        let Some(file) = self.data.find_file(id).await? else {
            return self.note_damage(name).await;
        };
        self.archive.file(name).await?;
        for piece in file.pieces_of(&(0..file.size())) {
            let Some(bytes) = self.data.read_file(&file, piece).await? else {
                return self.note_damage(name).await;
            };
            self.archive.write(&bytes).await?;
        }
        Ok(())
    }

    async fn note_damage(&mut self, name: &str) -> Result<(), Cut> {
        self.archive.file(&format!("{name}.missing.txt")).await?;
        let note = b"This file, or the rest of it, was deleted meanwhile or can't be read.\n";
        Ok(self.archive.write(note).await?)
    }

    /// A conversation for people. Read anew, since two files of an archive can't be written at once.
    async fn pages(
        &mut self,
        conversation: &Conversation,
        other: Option<&User>,
    ) -> Result<(), Cut> {
        for number in 1..=pages::pages(conversation) {
            let name = format!("{}{}", folder(conversation), pages::file_name(number));
            self.archive.file(&name).await?;
            let mut page = Page::new(&self.data.records.user, other, conversation, number);
            self.archive.write(page.begin().as_bytes()).await?;
            let (mut after, end) = ((number - 1) * pages::MESSAGES, number * pages::MESSAGES);
            while after < end {
                let read = self.data.read_on(conversation, after).await?;
                let Some(newest) = read.last() else { break };
                after = newest.message.seq;
                let mut text = String::new();
                let here = |opened: &&OpenedMessage| opened.message.seq <= end;
                read.iter().filter(here).for_each(|opened| page.add(opened, &mut text));
                self.archive.write(text.as_bytes()).await?;
            }
            self.archive.write(page.end().as_bytes()).await?;
        }
        Ok(())
    }
}

/// A JSON array, one element a line, given out piece by piece.
#[derive(Default)]
struct List {
    text: Vec<u8>,
    begun: bool,
}

impl List {
    fn add(&mut self, element: &impl Serialize) -> Result<(), Broken> {
        self.text.extend_from_slice(if self.begun { b",\n" } else { b"[\n" });
        self.begun = true;
        Ok(serde_json::to_writer(&mut self.text, element).map_err(io::Error::from)?)
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }

    fn end(mut self) -> Vec<u8> {
        self.text.extend_from_slice(if self.begun { b"\n]\n" } else { b"[]\n" });
        self.text
    }
}

fn json(document: &impl Serialize) -> Result<Vec<u8>, Broken> {
    let mut text = serde_json::to_vec_pretty(document).map_err(io::Error::from)?;
    text.push(b'\n');
    Ok(text)
}
